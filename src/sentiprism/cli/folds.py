"""Cross-validation by video from the command line: ``train --folds``."""

import os
from pathlib import Path
from typing import Any

from sentiprism.cli.run import show_evaluations
from sentiprism.errors import UserError


def train_and_show_folds(
    model: str | None, dataset: str | None, folds: int, more: dict[str, Any], *, tensorboard: bool, as_json: bool
) -> Path:
    """Train one run per fold, and print the pooled test results; returns the first fold's run."""
    if tensorboard:
        raise UserError("--tensorboard is for single runs", "leave it out, or train a fold: NAME@1of6")
    from sentiprism.reproduction.cross_validation import train_folds

    (found,) = train_folds(model, dataset, folds, **more).values()
    if not found.folders:
        raise UserError(found.note, "choose other modalities with config.modalities")
    if os.environ.get("RANK", "0") == "0":
        show_evaluations([found.evaluate(more["device"])], found.folders[0].parent, as_json=as_json)
    return found.folders[0]
