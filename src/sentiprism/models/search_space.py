"""Search spaces of `tune`: distributions, and the space that all models share."""

from typing import Any, Literal, Self

from pydantic import model_validator

from sentiprism.config import Config


class Between(Config):
    """A number in [low, high], an integer if both ends are, with a uniform or log-uniform distribution."""

    kind: Literal["between"] = "between"
    low: int | float
    high: int | float
    log: bool = False

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if not (self.low > 0 if self.log else True) or self.low > self.high:
            raise ValueError("low must be at most high, and above 0 on a logarithmic scale")
        return self

    @property
    def ends(self) -> tuple[Any, ...]:
        """The smallest and the largest value."""
        return (self.low, self.high)

    def has(self, value: Any) -> bool:
        """Whether it includes a value."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and self.low <= value <= self.high


class Among(Config):
    """One of several values."""

    kind: Literal["among"] = "among"
    values: tuple[str | bool | int | float | None, ...]

    @model_validator(mode="after")
    def _some(self) -> Self:
        if len(set(map(repr, self.values))) < 2:
            raise ValueError("two different values are needed to choose from")
        return self

    @property
    def ends(self) -> tuple[Any, ...]:
        """All values."""
        return self.values

    def has(self, value: Any) -> bool:
        """Whether a value is one of them."""
        return value in self.values


Distribution = Between | Among
Space = dict[str, Distribution]
"""Distributions by dotted key in a run's configuration, for example ``optim.lr``."""


def among(*values: str | bool | int | float | None) -> Among:
    """Make an `Among`."""
    return Among(values=values)


def between(low: float, high: float, *, log: bool = False) -> Between:
    """Make a `Between`."""
    return Between(low=low, high=high, log=log)


SHARED: Space = {
    "optim.lr": between(1e-4, 1e-2, log=True),
    "optim.batch_size": among(16, 32, 64),
    "optim.weight_decay": between(1e-4, 1e-1, log=True),
    "optim.average": among(None, 0.95),
}
"""Search space of the optimiser, for every model."""
ENCODER: Space = {"optim.group_lr.text_encoder": between(1e-5, 2e-4, log=True)}
"""Search space if the text encoder is tuned."""
FIELDS: Space = {"dropout": between(0.0, 0.5), "task": among("l1", "mse")}
"""Search space of fields that many models have."""
LOSS_FACTOR = 10.0
"""Largest factor between the weight of an auxiliary loss and its value in the starting settings."""
