"""Times anybody's model beside one of ours, on the same batches, by turns: see peers.md.

    python benchmarks/peer.py --peer FILE:FUNCTION [--model dlf] [--encoder bert-base] [--form padded] [--python PATH]

FILE is executed: only give one that you have read. Each turn is one process of ours and one of the peer's. Ours makes
its batches from the dataset within the time, the peer gets them ready as arrays.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from sentiprism.benchmark.batches import FORMS, choose_batches, make_data
from sentiprism.benchmark.cases import cases
from sentiprism.benchmark.cost import bench
from sentiprism.data.sampler import LengthGroupedSampler
from sentiprism.errors import UserError
from sentiprism.machine import machine
from sentiprism.types import Batch

FIGURES = {
    "step": "s per training step",
    "one": "ms per prediction, batch 1",
    "many": "ms per prediction, batch 32",
    "peak": "peak RSS, MB",
}
BATCH = 16


def arrays(batch: Batch) -> dict[str, Any]:
    """A batch as arrays: ``text`` (B, T) ids or (B, T, 768), ``audio`` and ``vision`` (B, T, F), masks, ``label``."""
    found = {}
    for name in ("text", "audio", "vision"):
        sequence = getattr(batch, name)
        found |= {name: sequence.values.numpy(), f"{name}_mask": sequence.mask.numpy()}
    return {**found, "label": batch.labels["M"].numpy()}


def write_batches(given: argparse.Namespace, folder: Path) -> None:
    """Write the batches that ours is timed with, and what a peer has to know."""
    (case,) = cases([given.model], [], given.encoder, BATCH, folder / "encoder")
    data, spec = make_data(case, given.form)
    batches = list(LengthGroupedSampler(data.lengths, BATCH, 0).epoch(0))
    chosen = choose_batches(data, batches, given.steps)
    kinds = {"warm": [chosen.widest, batches[0]], "train": chosen.train, "one": chosen.singles, "many": chosen.many}
    for kind, some in kinds.items():
        for number, rows in enumerate(some):
            np.savez(folder / f"{kind}-{number:04d}.npz", **arrays(data.batch(rows)))
    widths = {name: getattr(spec, name).width for name in ("text", "audio", "vision")}
    task = {"widths": widths, "encoder": case.encoder, "threads": given.threads, "batch_size": BATCH}
    (folder / "task.json").write_text(json.dumps(task))


def peer(given: argparse.Namespace, folder: Path) -> dict[str, float]:
    """Time the peer in a process of its own."""
    words = [given.python, str(Path(__file__).with_name("peer_child.py")), given.peer, str(folder), str(given.rounds)]
    environment = {**os.environ, "OMP_NUM_THREADS": str(given.threads)}
    done = subprocess.run(words, env=environment, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise UserError(f"{given.peer} failed with status {done.returncode}", "see above")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def ours(given: argparse.Namespace) -> dict[str, float]:
    """Time our model in a process of its own."""
    (cost,) = bench(
        [given.model],
        encoder=given.encoder,
        batch_size=BATCH,
        forms=[given.form],
        steps=given.steps,
        rounds=given.rounds,
        threads=given.threads,
    )
    if cost.error:
        raise UserError(f"{given.model} cannot be measured: {cost.error}", "measure it alone with `bench`")
    return {name: getattr(cost, name) for name in FIGURES}


def compare(given: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """By turns: medians of each, their ratio, and the range of the ratios of the turns."""
    turns: list[tuple[dict[str, float], dict[str, float]]] = []
    with TemporaryDirectory(prefix="peer.") as temporary:
        folder = Path(temporary)
        write_batches(given, folder)
        for turn in range(given.turns):
            pair = [ours(given), peer(given, folder)] if turn % 2 == 0 else [peer(given, folder), ours(given)][::-1]
            turns.append((pair[0], pair[1]))
    found = {}
    for name in FIGURES:
        own, other = ([pair[place][name] for pair in turns] for place in (0, 1))
        ratios = [b / a for a, b in zip(own, other, strict=True)]
        middle = median(own), median(other)
        found[name] = {
            "ours": middle[0],
            "peer": middle[1],
            "ratio": middle[1] / middle[0],
            "range": [min(ratios), max(ratios)],
        }
    return found


def main() -> None:
    """Parse arguments, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--peer", required=True, metavar="FILE:FUNCTION", help="executed; see peers.md")
    parser.add_argument("--python", default=sys.executable, help="interpreter of the peer's environment")
    parser.add_argument("--model", default="dlf", help="ours")
    parser.add_argument("--encoder", default="bert-base", help="as in `sentiprism bench`")
    parser.add_argument("--form", choices=FORMS, default="real", help="real lengths, or padded as distributed")
    parser.add_argument("--steps", type=int, default=8, help="different batches")
    parser.add_argument("--rounds", type=int, default=2, help="repetitions in a process")
    parser.add_argument("--turns", type=int, default=3, help="processes of each")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    here = machine()
    found = compare(given)
    if given.json:
        print(json.dumps({"machine": here, "threads": given.threads, "form": given.form, "figures": found}, indent=1))
        return
    print(f"{given.model} and {given.peer}, {given.form}, {given.turns} turns, {given.threads} threads; {here}")
    for name, label in FIGURES.items():
        row = found[name]
        low, high = row["range"]
        numbers = f"{row['ours']:10.3f} {row['peer']:10.3f}"
        print(f"{label:28} {numbers}  peer / ours {row['ratio']:.2f} [{low:.2f}, {high:.2f}]")


if __name__ == "__main__":
    main()
