"""Scales of labels, and what a rater sees and hears."""

from collections.abc import Sequence
from math import isfinite
from typing import Literal, Self

from pydantic import Field, field_validator

from sentiprism.config import Config
from sentiprism.errors import UserError
from sentiprism.screen import clean
from sentiprism.tables import signed

PASSES = {"text": "Text alone", "audio": "Voice alone", "vision": "Face alone", "full": "Everything"}
"""In the order in which they are rated: a rater who has seen everything cannot rate the text alone any more."""
LETTERS = {"text": "T", "audio": "A", "vision": "V"}
"""Of the columns label_T, label_A and label_V, as CH-SIMS names them."""
MOST_CLASSES, LONGEST_CLASS = 12, 40
STEPS = {
    "3": (-3.0, 3.0, 1.0),
    "3-half": (-3.0, 3.0, 0.5),
    "1": (-1.0, 1.0, 1.0),
    "1-half": (-1.0, 1.0, 0.5),
}
"""Lowest label, highest label and step of the scales that the form offers."""
WORDS = {-3.0: "strongly negative", 0.0: "neutral", 3.0: "strongly positive"}


class Scale(Config):
    """Values that a rating may have."""

    kind: Literal["intensity", "classes"] = "intensity"
    values: tuple[float, ...] = Field(min_length=2, max_length=64)
    """In order; of classes, their numbers from 0."""
    classes: tuple[str, ...] = ()

    @field_validator("values")
    @classmethod
    def _in_order(cls, values: tuple[float, ...]) -> tuple[float, ...]:
        if not all(map(isfinite, values)) or list(values) != sorted(set(values)):
            raise ValueError("values must be different numbers in order")
        return values

    @classmethod
    def of_steps(cls, name: str) -> Self:
        """Make one of `STEPS`.

        Raises:
            UserError: it is not one of them.
        """
        if name not in STEPS:
            raise UserError("the scale is not one of those in the form", "choose one of them")
        low, high, step = STEPS[name]
        return cls(values=tuple(low + step * n for n in range(round((high - low) / step) + 1)))

    @classmethod
    def of_classes(cls, given: str) -> Self:
        """Make classes from their names, separated by commas.

        Raises:
            UserError: they are not different names.
        """
        names = tuple(clean(part.strip()) for part in given.replace("\n", ",").split(",") if part.strip())
        if not 2 <= len(names) <= MOST_CLASSES or len({name.casefold() for name in names}) < len(names):
            cause = f"{len(names)} different classes are named" if len(names) < 2 else "two classes have one name"
            cause = f"{len(names)} classes are too many" if len(names) > MOST_CLASSES else cause
            raise UserError(cause, f"give 2 to {MOST_CLASSES} names, separated by commas")
        if any(len(name) > LONGEST_CLASS for name in names):
            raise UserError(f"a class has more than {LONGEST_CLASS} characters", "give it a short name")
        return cls(kind="classes", values=tuple(map(float, range(len(names)))), classes=names)

    @property
    def low(self) -> float:
        """Lowest label."""
        return self.values[0]

    @property
    def high(self) -> float:
        """Highest label."""
        return self.values[-1]

    @property
    def title(self) -> str:
        """In words."""
        if self.classes:
            return ", ".join(self.classes)
        step = self.values[1] - self.values[0]
        return f"{self.show(self.low)} to {self.show(self.high)} in steps of {step:g}"

    def show(self, value: float | None) -> str:
        """A label for people: a class by its name, a number with its sign."""
        if value is None:
            return "–"
        if self.classes:
            return self.classes[round(value)]
        digits = next((n for n in range(3) if round(value, n) == round(value, 3)), 2)
        return signed(value, digits).replace("-", "−")

    def describe(self, value: float) -> str:
        """What a button says below its number; empty for most."""
        return "" if self.classes else {self.low: "negative", 0.0: "neutral", self.high: "positive"}.get(value, "")

    def to_csv(self, value: float | None) -> str:
        """A label in a table."""
        return "" if value is None else self.classes[round(value)] if self.classes else f"{round(value, 6):g}"

    def parse_rating(self, text: str) -> float:
        """Read a rating.

        Raises:
            UserError: it is not one of `values`.
        """
        found = next((value for value in self.values if text == f"{value:g}"), None)
        if found is None:
            raise UserError("the rating is not on the scale", "choose one of its values")
        return found

    def parse_label(self, text: str) -> float:
        """Read a final label, which may lie between two values of a scale of intensities.

        Raises:
            UserError: it is not a number, or outside the scale.
        """
        if self.classes:
            return self.parse_rating(text)
        try:
            value = float(text.replace(",", ".").replace("−", "-")) if len(text) < 20 else float("nan")
        except ValueError:
            value = float("nan")
        if not self.low <= value <= self.high:
            raise UserError("the label is not on the scale", f"give a number from {self.low:g} to {self.high:g}")
        return value


def parse_passes(given: Sequence[str]) -> list[str]:
    """Passes in their order.

    Raises:
        UserError: there is none, or one is unknown.
    """
    if not given or any(name not in PASSES for name in given):
        raise UserError("no pass is chosen", "choose what the raters see and hear")
    return [name for name in PASSES if name in given]
