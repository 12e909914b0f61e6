"""Run configuration: model, dataset, seeds, data and optimiser settings."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, field_validator

from sentiprism.config import Config
from sentiprism.data.config import DataConfig
from sentiprism.models.artifact import STARTER

FIRST_SEED = 1111  # the field's habit: 1111, 1112, ...
MOST_SEEDS = 1000
"""Seeds of a run; the deviation over a thousand is known to 2 %, over ten thousand to 1 %."""
MOST_EPOCHS = 100_000
"""A thousand times what published systems train for; the scores of each are kept."""
MOST_SAMPLES = 1_000_000
"""Utterances a batch, or batches a step: more than any dataset of the field has."""
Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""What numpy, torch and Python all take for one."""


class OptimConfig(Config):
    """Optimisation and selection; one loop for every model reads it."""

    epochs: int = Field(30, gt=0, le=MOST_EPOCHS)
    batch_size: int = Field(32, gt=0, le=MOST_SAMPLES)
    """Samples a batch, over all processes."""
    accumulate: int = Field(1, gt=0, le=MOST_SAMPLES)
    """Batches a step; their gradients are averaged."""
    lr: float = Field(1e-3, gt=0)
    group_lr: dict[str, PositiveFloat] = {}
    """Learning rates of parameter groups by name; ``text_encoder`` takes 5e-5, a group to which the model gives a rate
    of its own that one, every other group ``lr``."""
    freeze: dict[str, Annotated[int, Field(gt=0, le=MOST_EPOCHS)]] = {}
    """Epochs at the beginning in which a parameter group, by name, is not trained; the schedule of the rate runs on."""
    layer_decay: float = Field(1.0, gt=0, le=1)
    """Of a text encoder of L layers that is tuned, layer l has the encoder's rate times this to the power L - l; the
    embeddings, and what all layers share, count as layer 0. 1 = one rate for all."""
    weight_decay: float = Field(0.01, ge=0)
    """AdamW's, on matrices; none on biases and normalisation."""
    schedule: Literal["constant", "linear", "cosine", "plateau"] = "constant"
    """After the warm-up: hold, decay to 0 at the last step, or halve when the valid score no longer gets better."""
    plateau_patience: int = Field(5, ge=0, le=MOST_EPOCHS)
    """Epochs without a better valid score that ``plateau`` bears; the one after them halves the rate, and the count
    begins anew (as torch's ReduceLROnPlateau counts)."""
    warmup: float = Field(0.0, ge=0, lt=1)
    """Fraction of all steps over which the rate rises linearly."""
    clip: float | None = Field(None, gt=0)
    """Largest norm of a step's gradient."""
    clip_value: float | None = Field(None, gt=0)
    """Largest entry of the gradient, by amount; applied after each batch, also to what batches of a step add up to."""
    average: float | None = Field(None, gt=0, lt=1)
    """Decay a step of an exponential moving average of the weights, which is then judged and kept in their place."""
    sampler: Literal["length", "balanced"] = "length"
    """``length``: an epoch is every utterance once. ``balanced``: as many draws with replacement, the rarer its label
    the oftener; whether the extremes gain by it, and what the others lose, the accuracies of `Levels` say. Batches are
    of like length either way."""
    balance: float = Field(1.0, gt=0, le=1)
    """Of ``balanced``: draws go by the inverse density of the labels to this power; 0.5 is a gentler square root."""
    balance_smoothing: float = Field(0.05, ge=0, lt=1)
    """Of ``balanced``: standard deviation, as a share of the labels' range, of the Gaussian by which their distribution
    is smoothed (label-distribution smoothing, Yang et al. 2021); 0 = labels as they are counted."""
    stop_after: int | None = Field(None, gt=0, le=MOST_EPOCHS)
    """Epochs after which training stops, while the schedule stays that of all ``epochs``; null = after all."""
    patience: int | None = Field(None, gt=0, le=MOST_EPOCHS)
    """Epochs without a better valid score before training stops."""
    select: str | None = None
    """Valid metric that chooses the epoch; null takes the protocol's own (MAE for intensities)."""
    save_every: int | None = Field(None, gt=0)
    """Also write a checkpoint every so many steps inside an epoch."""

    @field_validator("group_lr")
    @classmethod
    def _fill_group_lr(cls, value: dict[str, float]) -> dict[str, float]:
        """Naming another group must not raise the encoder's rate to that of fresh layers."""
        return {"text_encoder": 5e-5, **value}


class RunConfig(Config):
    """A run, whole: the same configuration, data and seed give the same weights."""

    model: str
    dataset: str
    seeds: tuple[Seed, ...] = Field((FIRST_SEED,), max_length=MOST_SEEDS)
    init: str | None = None
    """Whose weights the model starts from: a run (its first finished seed), the folder of one of its seeds, a saved
    model, or ``starter``; every tensor whose name and shape agree is taken. null = fresh weights."""
    config: dict[str, Any] = {}
    """The model's own configuration, resolved by its ``Config``."""
    data: DataConfig = DataConfig()
    optim: OptimConfig = OptimConfig()
    oracle: bool = False
    """Also score test after each epoch, into a file that nothing but ``compare --oracle`` reads: what selection on test
    would have reported. It changes neither weights nor the epoch that is chosen."""

    @field_validator("init")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        """The run may be resumed from another folder."""
        return value if value in {None, STARTER} else str(Path(str(value)).absolute())

    @field_validator("seeds", mode="before")
    @classmethod
    def _count(cls, value: Any) -> Any:
        """A number n means n seeds from 1111 on."""
        if isinstance(value, int) and not isinstance(value, bool):
            if value > MOST_SEEDS:
                raise ValueError(f"should be at most {MOST_SEEDS:,}, or a list of seeds")
            return tuple(range(FIRST_SEED, FIRST_SEED + value))
        return value

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        """One seed counted twice would narrow the deviation."""
        if not value:
            raise ValueError("at least one seed is needed")
        if len(set(value)) < len(value):
            raise ValueError("a seed stands in it twice")
        return value
