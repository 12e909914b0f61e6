"""What `tune` may vary: a space of settings beside each model, over one that all models share."""

from typing import Any, Literal, Self

from pydantic import model_validator

from sentiprism.config import Config


class Between(Config):
    """A number on [low, high]: a whole one where both ends are, evenly or in its logarithm."""

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
        """Values that every other one lies between."""
        return (self.low, self.high)

    def has(self, value: Any) -> bool:
        """Whether a value lies in it."""
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and self.low <= value <= self.high


class Among(Config):
    """One of some values."""

    kind: Literal["among"] = "among"
    values: tuple[str | bool | int | float | None, ...]

    @model_validator(mode="after")
    def _some(self) -> Self:
        if len(set(map(repr, self.values))) < 2:
            raise ValueError("two different values are needed to choose from")
        return self

    @property
    def ends(self) -> tuple[Any, ...]:
        """All of them."""
        return self.values

    def has(self, value: Any) -> bool:
        """Whether a value is one of them."""
        return value in self.values


Distribution = Between | Among
Space = dict[str, Distribution]
"""By the setting's place in a run's configuration, ``optim.lr`` for example."""


def among(*values: str | bool | int | float | None) -> Among:
    """`Among` these."""
    return Among(values=values)


def between(low: float, high: float, *, log: bool = False) -> Between:
    """`Between` these."""
    return Between(low=low, high=high, log=log)


SHARED: Space = {
    "optim.lr": between(1e-4, 1e-2, log=True),
    "optim.batch_size": among(16, 32, 64),
    "optim.weight_decay": between(1e-4, 1e-1, log=True),
    "optim.average": among(None, 0.95),
}
"""The optimiser's, for every model."""
ENCODER: Space = {"optim.group_lr.text_encoder": between(1e-5, 2e-4, log=True)}
"""Where the text encoder is tuned with the model."""
FIELDS: Space = {"dropout": between(0.0, 0.5), "task": among("l1", "mse")}
"""Of every model that has such a field."""
LOSS_FACTOR = 10.0
"""A loss beside the task's may weigh so many times more or less than in the settings a study starts from."""
