"""Record test scores of every epoch, on explicit request.

Training is handed no more than a function that takes a model and an epoch and returns nothing; the scores go to a
file. So neither the loop nor the schedule nor the selection can come to know them.
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


def held_out(view: TuningView, *, wanted: bool) -> Split | None:
    """The test split of a run with ``oracle: true``; None for every other run.

    Raises:
        UserError: it is wanted of a view that has none.
    """
    if not wanted:
        return None
    if not isinstance(view, Dataset):
        raise UserError("oracle scores test after each epoch, and this view has no test split", "set oracle=false")
    return view.test


def watcher(test: PreparedSplit, protocol: Protocol, engine: Engine, folder: Path) -> "Callable[[Model, int], None]":
    """A function that scores a model on test after an epoch and writes that to ``folder/oracle.jsonl``.

    An epoch that is trained again after an interruption takes the place of what was written of it.
    """

    def watch(model: "Model", epoch: int) -> None:
        found = predict(model, test, engine)
        if engine.is_main:
            row = {"epoch": epoch, "test": protocol.compute(found.prediction, found.label)}
            rows = [old for old in read(folder) if old["epoch"] < epoch] if os.path.lexists(folder / FILE) else []
            write_text(folder / FILE, "".join(json.dumps(line) + "\n" for line in [*rows, row]))

    return watch


def read(folder: Path) -> list[dict[str, Any]]:
    """One line an epoch: its number, and every metric on test.

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
