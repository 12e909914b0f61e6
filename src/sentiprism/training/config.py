"""Run configuration: model, dataset, seeds, data and optimiser settings."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveFloat, field_validator

from sentiprism.assets.hub_names import is_repository
from sentiprism.config import Config
from sentiprism.data.config import DataConfig
from sentiprism.models.artifact import STARTER

FIRST_SEED = 1111  # as common in the field: 1111, 1112, ...
MOST_SEEDS = 1000
"""Most seeds of a run: a thousand already give the standard deviation to 2 %, ten thousand to 1 %."""
MOST_EPOCHS = 100_000
"""A thousand times what published systems use; the scores of every epoch are stored."""
MOST_SAMPLES = 1_000_000
"""Most utterances per batch, or batches per step: more than any dataset of the field has."""
Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""A seed that numpy, torch and Python all accept."""


class OptimConfig(Config):
    """Optimisation and selection settings of the one training loop."""

    epochs: int = Field(30, gt=0, le=MOST_EPOCHS)
    batch_size: int = Field(32, gt=0, le=MOST_SAMPLES)
    """Samples per batch, over all processes."""
    accumulate: int = Field(1, gt=0, le=MOST_SAMPLES)
    """Batches per optimiser step; their gradients are averaged."""
    lr: float = Field(1e-3, gt=0)
    group_lr: dict[str, PositiveFloat] = {}
    """Learning rates of parameter groups by name. Default: 5e-5 for ``text_encoder``, the model's own rate for a group
    that has one, ``lr`` for the others."""
    freeze: dict[str, Annotated[int, Field(gt=0, le=MOST_EPOCHS)]] = {}
    """First epochs in which a parameter group, by name, is frozen; the learning-rate schedule still advances."""
    layer_decay: float = Field(1.0, gt=0, le=1)
    """In a fine-tuned text encoder of L layers, layer l has the encoder's rate times this to the power L - l; the
    embeddings and parameters that all layers share count as layer 0. 1 = one rate for all."""
    weight_decay: float = Field(0.01, ge=0)
    """AdamW's weight decay on matrices; biases and normalisation have none."""
    schedule: Literal["constant", "linear", "cosine", "plateau"] = "constant"
    """After the warm-up: hold, decay to 0 at the last step, or halve when the valid score stops improving."""
    plateau_patience: int = Field(5, ge=0, le=MOST_EPOCHS)
    """Epochs without a better valid score that ``plateau`` tolerates; the next one halves the rate and restarts the
    count (as in torch's ReduceLROnPlateau)."""
    warmup: float = Field(0.0, ge=0, lt=1)
    """Fraction of all steps over which the rate rises linearly."""
    clip: float | None = Field(None, gt=0)
    """Largest norm of a step's gradient."""
    clip_value: float | None = Field(None, gt=0)
    """Largest absolute entry of the gradient; applied after each batch, also to gradients accumulated in a step."""
    average: float | None = Field(None, gt=0, lt=1)
    """Decay per step of an exponential moving average of the weights, which is then validated and saved instead of
    them."""
    moments: Literal["full", "compact"] = "full"
    """``compact``: AdamW's moments of a matrix take a quarter of the memory: the second as means over rows and columns
    (Adafactor, Shazeer and Stern 2018), the first in bfloat16. Another optimiser, with other results."""
    in_backward: bool = False
    """Update each parameter as soon as the backward pass has its gradient, which is then freed: less memory, the same
    weights. Not with ``accumulate``, ``clip``, ``clip_value``, fp16, or several processes."""
    sampler: Literal["length", "balanced"] = "length"
    """``length``: an epoch is every utterance once. ``balanced``: as many draws with replacement, rare labels more
    often; the per-class accuracies of `Levels` show what the extremes gain and the others lose. Batches are grouped by
    length either way."""
    balance: float = Field(1.0, gt=0, le=1)
    """For ``balanced``: draw in proportion to the inverse label density to this power; 0.5 (square root) is milder."""
    balance_smoothing: float = Field(0.05, ge=0, lt=1)
    """For ``balanced``: standard deviation, as a fraction of the labels' range, of the Gaussian that smooths their
    distribution (label-distribution smoothing, Yang et al. 2021); 0 = no smoothing."""
    stop_after: int | None = Field(None, gt=0, le=MOST_EPOCHS)
    """Epochs after which training stops, with the schedule still planned for all ``epochs``; null = after all."""
    patience: int | None = Field(None, gt=0, le=MOST_EPOCHS)
    """Epochs without a better valid score before training stops."""
    select: str | None = None
    """Valid metric that selects the epoch; null = the protocol's own (MAE for intensities)."""
    save_every: int | None = Field(None, gt=0)
    """Also write a checkpoint within an epoch, every this many steps."""

    @field_validator("group_lr")
    @classmethod
    def _fill_group_lr(cls, value: dict[str, float]) -> dict[str, float]:
        """Keep the encoder's low rate when only other groups are given."""
        return {"text_encoder": 5e-5, **value}


class RunConfig(Config):
    """Complete settings of a run; the same settings, data and seed give the same weights."""

    model: str
    dataset: str
    seeds: tuple[Seed, ...] = Field((FIRST_SEED,), max_length=MOST_SEEDS)
    init: str | None = None
    """Model to start from: a run (its first finished seed), the folder of one of its seeds, a saved model,
    ``starter``, or ``hf://OWNER/NAME@REVISION``; every tensor with the same name and shape is loaded. ``{seed}`` in a
    path stands for each seed of this run, so that ``runs/head/seed-{seed}`` starts each from its own. null = fresh
    weights."""
    config: dict[str, Any] = {}
    """The model's own settings, validated by its ``Config``."""
    data: DataConfig = DataConfig()
    optim: OptimConfig = OptimConfig()
    oracle: bool = False
    """Also score test after each epoch, into a file that only ``compare --oracle`` reads: what selection on test would
    have reported. It changes neither the weights nor the selected epoch."""

    @field_validator("init")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        """Make the path absolute: the run may be resumed from another folder."""
        return value if value is None or value == STARTER or is_repository(value) else str(Path(str(value)).absolute())

    @field_validator("seeds", mode="before")
    @classmethod
    def _count(cls, value: Any) -> Any:
        """Turn a number n into n seeds from 1111 on."""
        if isinstance(value, int) and not isinstance(value, bool):
            if value > MOST_SEEDS:
                raise ValueError(f"should be at most {MOST_SEEDS:,}, or a list of seeds")
            return tuple(range(FIRST_SEED, FIRST_SEED + value))
        return value

    @field_validator("seeds")
    @classmethod
    def _distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        """Refuse a repeated seed, which would make the standard deviation too small."""
        if not value:
            raise ValueError("at least one seed is needed")
        if len(set(value)) < len(value):
            raise ValueError("lists a seed twice")
        return value
