"""Data that a model is trained and selected on."""

from typing import NamedTuple

from sentiprism.data.prepare import PreparedSplit
from sentiprism.metrics import Protocol


class TrainingData(NamedTuple):
    """Train and valid splits with the protocol; the training loop never gets the test split."""

    train: PreparedSplit
    valid: PreparedSplit
    protocol: Protocol
    """How predictions of valid are scored."""
