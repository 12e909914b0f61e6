"""What type checkers make of ``import sentiprism as sp``: mypy reads this file with the sources, nothing runs it.

Each line that is wrong says so; that mypy does not find it wrong would be an error, too (``warn_unused_ignores``).
"""

from pathlib import Path
from typing import assert_type

import sentiprism as sp
from sentiprism.evaluation.compare import Comparison


def train_and_measure(folder: Path) -> None:
    """A dataset, a run and its numbers."""
    dataset = sp.import_dataset("mine", sp.TableSource(folder / "labels.csv"), labels=sp.LabelSpec(-3, 3))
    assert_type(dataset, sp.Dataset)
    run = sp.train("mdf", dataset, seeds=5)
    assert_type(run, sp.Run)
    assert_type(sp.resume(run.folder), sp.Run)
    assert_type(sp.evaluate(run, split="test"), sp.Evaluation)
    assert_type(sp.explain(run), sp.Explanation)
    assert_type(sp.compare([run.folder, folder]), Comparison)
    assert_type(sp.list_models(), list[str])
    sp.load_plugins([folder / "my_model.py"])


def is_refused() -> None:
    """Misspelt arguments, names and kinds."""
    sp.train(seedz=5)  # type: ignore[call-arg]
    sp.train("mdf", "mosi", seeds="five")  # type: ignore[arg-type]
    sp.trian("mdf")  # type: ignore[attr-defined]
    sp.evaluate()  # type: ignore[call-arg]
    sp.robustness(kindz=("missing",))  # type: ignore[call-arg]
    sp.extract("videos", "mine")  # type: ignore[call-arg]
