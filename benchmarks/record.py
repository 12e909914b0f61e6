"""Write the record of a release, to which `sentiprism bench --history` compares later ones.

    python benchmarks/record.py VERSION [--turns 3] [--out FILE]

The code that is imported is measured: for an earlier release, put its checkout on PYTHONPATH and name it VERSION; its
`sentiprism/benchmark` is replaced by this one's first.
"""

import argparse
import json
from datetime import UTC, datetime
from pathlib import Path

import torch

from sentiprism.benchmark.history import RECORDS, measure_figures
from sentiprism.benchmark.yardstick import VERSION
from sentiprism.files import write_text
from sentiprism.machine import machine

MODELS = ("text_only", "mdf", "dlf", "mult")
SETTINGS = {"encoder": "minilm", "batch_size": 16, "forms": ["real"], "threads": 2, "steps": 3, "rounds": 3}


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("version")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    record = {
        "version": given.version,
        "date": datetime.now(UTC).date().isoformat(),
        "machine": machine(),
        "torch": torch.__version__,
        "yardstick": VERSION,
        "turns": given.turns,
        "settings": SETTINGS,
        "figures": measure_figures(MODELS, SETTINGS, given.turns, print),
    }
    write_text(given.out or RECORDS / f"{given.version}.json", json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
