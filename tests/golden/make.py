"""Make golden outputs anew, after a change of arithmetic that is meant: python tests/golden/make.py [MODEL...].

Without a name those of all models are made. They are numbers in one text file: what a model of its own small
configuration, with weights of seed 0, predicts for a batch of seed 3.
"""

import json
import sys
from pathlib import Path

import torch

from sentiprism.contracts.inputs import build, golden, golden_batch, predict, small, specs
from sentiprism.models import MODELS

FILE = Path(__file__).with_name("outputs.json")
DIGITS = 6
MOST = 12
"""Numbers of a tensor; of a larger one the mean and the root of the mean square are kept."""


def golden_output(name: str) -> dict[str, list[float]]:
    """Numbers of a model's output by name: prediction, losses, weights."""
    found = golden(predict(build(name, specs(), config=small(name)), golden_batch()))
    return {key: [round(number, DIGITS) for number in _few(value.double())] for key, value in found.items()}


def _few(value: torch.Tensor) -> list[float]:
    if value.numel() <= MOST:
        return [float(number) for number in value.flatten()]
    return [float(value.mean()), float(value.square().mean().sqrt())]


def main(names: list[str]) -> None:
    """Write the outputs of some models, by default of all; those of models that are gone are left out."""
    kept = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else {}
    made = {name: golden_output(name) for name in names or MODELS}
    every = {name: {**kept, **made}[name] for name in MODELS if name in kept or name in made}
    FILE.write_text(written(every), encoding="utf-8")
    print(f"written: {', '.join(made)}")


def written(outputs: dict[str, dict[str, list[float]]]) -> str:
    """A line for each part of a model's output, so that a change shows."""
    models = []
    for name, parts in outputs.items():
        lines = [f"  {json.dumps(key)}: {json.dumps(numbers)}" for key, numbers in parts.items()]
        models.append(f" {json.dumps(name)}: {{\n" + ",\n".join(lines) + "\n }")
    return "{\n" + ",\n".join(models) + "\n}\n"


if __name__ == "__main__":
    main(sys.argv[1:])
