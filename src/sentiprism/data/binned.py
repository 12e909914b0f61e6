"""Replace intensities by the classes of the dataset's accuracy metric."""

from dataclasses import replace
from typing import TypeVar

from sentiprism.data.config import Bins
from sentiprism.data.dataset import Dataset, Split, TuningView
from sentiprism.errors import UserError
from sentiprism.metrics import protocol
from sentiprism.metrics.bins import five_bins
from sentiprism.types import TargetSpec

View = TypeVar("View", bound=TuningView)
PROTOCOL = "five"
"""Protocol of models with five classes."""


def binned(view: View, bins: Bins | None) -> View:
    """Replace all labels, also those of modalities, by classes; returns the same dataset without bins.

    Args:
        view: of intensities, or returned by this function.
        bins: classes to use; ``acc_5``: the five of the dataset's Acc-5, with the edges of that metric.

    Raises:
        UserError: the dataset has no metric with these classes.
    """
    if bins is None or view.card.protocol == PROTOCOL:
        return view
    levels = five_bins(protocol(view.card.protocol))
    if levels is None:
        remedy = "leave data.bins out, or choose a dataset of intensities on [-1, 1], [-2, 2] or [-3, 3]"
        raise UserError(f"the metrics of {view.name} have no Acc-5 to take classes from", remedy)
    target = TargetSpec(kind="classes", classes=levels.names)

    def split(one: Split) -> Split:
        return replace(one, labels={name: levels.of(values) for name, values in one.labels.items()})

    changes = {name: split(getattr(view, name)) for name in ("train", "valid")}
    if isinstance(view, Dataset):
        changes["test"] = split(view.test)
    card = view.card.model_copy(update={"target": target, "protocol": PROTOCOL})
    return replace(view, card=card, **changes)
