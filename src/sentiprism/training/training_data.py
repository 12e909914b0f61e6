"""What a model is trained on and selected by."""

from typing import NamedTuple

from sentiprism.data.prepare import PreparedSplit
from sentiprism.metrics import Protocol


class TrainingData(NamedTuple):
    """What a model is trained on and selected by; the test split does not reach the loop."""

    train: PreparedSplit
    valid: PreparedSplit
    protocol: Protocol
    """How predictions of valid are scored."""
