"""Range or classes of a dataset's labels."""

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING

from sentiprism.errors import UserError

if TYPE_CHECKING:
    from sentiprism.data.known import KnownDataset
    from sentiprism.types import TargetSpec

WIDEST, FINEST = 1e9, 1e-4
"""Largest absolute label, and smallest width of a range relative to it: float32 has seven digits."""


@dataclass(frozen=True)
class LabelSpec:
    """Labels of a dataset that is not a known one.

    Args:
        low: lowest label, on the scale of the labels.
        high: highest label.
        classes: names of the labels instead, in the order of the logits.
    """

    low: float | None = None
    high: float | None = None
    classes: tuple[str, ...] = ()

    def resolve(self, name: str, known: "KnownDataset | None") -> "TargetSpec":
        """Make the target of a dataset.

        Args:
            name: of the dataset, for messages.
            known: the known dataset of this name, if any.

        Raises:
            UserError: the range is neither known nor given, or the two are inconsistent.
        """
        from sentiprism.types import TargetSpec

        low, high = self.low, self.high
        if known:
            target = known.target
            has = f"the classes {', '.join(target.classes)}" if target.classes else f"[{target.low:g}, {target.high:g}]"
            if (self.classes and self.classes != target.classes) or {low, high} - {None, target.low, target.high}:
                raise UserError(f"{name!r} has labels on {has}", "leave `low`, `high` and `classes` out, or rename it")
            return target
        if self.classes:
            return self._classes()
        if low is None or high is None:
            missing = "highest label" if low is not None else "lowest label" if high is not None else "range"
            remedy = "give `low` and `high`, or `classes` and the names of its labels"
            raise UserError(f"{name!r} is not one of the known datasets, and has no {missing} given", remedy)
        if not (isfinite(low) and isfinite(high) and low < high):
            raise UserError(
                f"labels from {low:g} to {high:g} are not a range", "give `low` and `high`, the first below the second"
            )
        widest = max(abs(low), abs(high))
        if widest > WIDEST or high - low < widest * FINEST:
            cause = f"labels from {low:g} to {high:g} cannot be told apart in float32"
            raise UserError(cause, "give them another scale, such as 0 to 1")
        return TargetSpec(low=low, high=high)

    def _classes(self) -> "TargetSpec":
        from sentiprism.data.checks import check_name
        from sentiprism.types import TargetSpec

        classes = self.classes
        if self.low is not None or self.high is not None:
            raise UserError("classes have no range", "leave `low` and `high` out, or `classes`")
        if len(classes) < 2 or len(set(classes)) < len(classes) or not all(classes):
            cause = f"{','.join(classes)!r} is not a list of different classes"
            raise UserError(cause, "give two names or more, separated by commas")
        for place, label in enumerate(classes):
            check_name(label, "name", f"class {place}")
        return TargetSpec(kind="classes", classes=classes)
