"""Record test scores of every epoch, on explicit request.

Training only gets a callback that takes a model and an epoch and returns nothing; the scores go to a file. So they
can affect neither the loop nor the schedule nor the selection.
"""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sentiprism.data.dataset import Dataset, Split, TuningView
from sentiprism.data.prepare import PreparedSplit
from sentiprism.errors import UserError
from sentiprism.files import write_text
from sentiprism.metrics import Protocol
from sentiprism.training.engine import Engine
from sentiprism.training.predict import predict
from sentiprism.training.records import read_oracle

if TYPE_CHECKING:
    from sentiprism.models import Model

FILE = "oracle.jsonl"


def oracle_test(view: TuningView, *, wanted: bool) -> Split | None:
    """The test split of a run with ``oracle: true``; None for every other run.

    Raises:
        UserError: it is wanted, and the view has no test split.
    """
    if not wanted:
        return None
    if not isinstance(view, Dataset):
        raise UserError(
            "oracle=true scores test after each epoch, but this dataset has no test split", "set oracle=false"
        )
    return view.test


def make_watcher(
    test: PreparedSplit, protocol: Protocol, engine: Engine, folder: Path
) -> "Callable[[Model, int], None]":
    """Make a callback that scores a model on test after an epoch and writes ``folder/oracle.jsonl``.

    An epoch that is trained again after an interruption replaces its earlier line.
    """

    def watch(model: "Model", epoch: int) -> None:
        found = predict(model, test, engine)
        if engine.is_main:
            row = {"epoch": epoch, "test": protocol.compute(found.prediction, found.label)}
            rows = (
                [old for old in load_oracle(folder) if old["epoch"] < epoch] if os.path.lexists(folder / FILE) else []
            )
            write_text(folder / FILE, "".join(json.dumps(line) + "\n" for line in [*rows, row]))

    return watch


def load_oracle(folder: Path) -> list[dict[str, Any]]:
    """Read the test scores: one record per epoch, with its number and every metric.

    Args:
        folder: of a seed.

    Raises:
        UserError: the run was trained without ``oracle``, or the file is damaged.
    """
    if not os.path.lexists(folder / FILE):
        raise UserError(
            f"{folder.parent} has no test scores of its epochs", "train it again with `assignments` oracle=true"
        )
    return read_oracle(folder / FILE)
