"""Core types: Batch, ModelOutput, FeatureSpec, TargetSpec."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import Field, model_validator

from sentiprism.config import Config
from sentiprism.recipe import Recipe

if TYPE_CHECKING:  # listing and opening datasets does not need torch
    from torch import Tensor

Modality = Literal["text", "audio", "vision"]
MODALITIES: tuple[Modality, ...] = ("text", "audio", "vision")
Source = Literal["raw", "ids", "features"]
"""Source of the values: transcripts, stored token ids, or stored features."""


class Sequence(NamedTuple):
    """One modality of a batch; B samples, T steps, F features."""

    values: "Tensor"
    """(B, T, F) float features, or (B, T) int64 token ids."""
    mask: "Tensor"
    """(B, T) bool, True = real step, False = padding; a row of False = the modality is missing."""

    @property
    def present(self) -> "Tensor":
        """(B,) bool, False if the modality is missing."""
        return self.mask.any(dim=1)


class Batch(NamedTuple):
    """Samples, padded to the longest. A modality that the dataset lacks has T=1, F=0 and an all-False mask."""

    text: Sequence
    audio: Sequence
    vision: Sequence
    labels: "dict[str, Tensor]"
    """"M" and, if the dataset has them, "T", "A", "V": (B,) on the dataset's scale, or int64 classes; {} at
    inference."""
    index: "Tensor"  # type: ignore[assignment] # tuple.index is not needed for a batch
    """(B,) int64 row in the split; needed by models with a memory of utterances."""
    context: Sequence | None = None
    """(B, C) token ids of the preceding utterances, the second segment of ``text``. Only used by a text encoder that
    is part of the model."""

    def map(self, change: "Callable[[Tensor], Tensor]") -> "Batch":
        """Apply ``change`` to each tensor of the batch."""
        return Batch(
            text=Sequence(*map(change, self.text)),
            audio=Sequence(*map(change, self.audio)),
            vision=Sequence(*map(change, self.vision)),
            labels={name: change(label) for name, label in self.labels.items()},
            index=change(self.index),
            context=None if self.context is None else Sequence(*map(change, self.context)),
        )


class ModelOutput(NamedTuple):
    """A model's predictions for a batch."""

    prediction: "Tensor"
    """(B,) intensity on the dataset's scale, or (B, C) logits of classes."""
    losses: "dict[str, Tensor]"
    """Unweighted scalars by the paper's names; {} without labels."""
    weights: "dict[str, Tensor]"
    """Internal weights: "modality" (B, 3) in the order of `MODALITIES`, rows sum to 1; "path" (B, 2);
    "expert" (B, experts); "time.text", "time.audio", "time.vision" (B, T) over the steps of that modality, 0 in the
    padding. A name that ends in "_target" is the training target of that weight."""
    features: "dict[str, Tensor]"
    """Named representations for plots and probes: "text", "sound", "shared" ...: (B, D)."""


class ModalitySpec(Config):
    """Inputs of one modality. Models use ``kind``, ``width`` and ``encoder``; data loading uses the rest."""

    kind: Literal["tokens", "features"]
    """Token ids for a text encoder that is part of the model, or float features."""
    width: int = Field(gt=0)
    """F of the features, or the size of the vocabulary."""
    encoder: str | None = None
    """Text encoder that reads the ids or made the features, by asset name, hub name or folder."""
    source: Source = "features"
    """Token ids are made from ``raw`` transcripts unless ``ids`` are stored; features may be made from all three."""
    max_tokens: int | None = Field(None, ge=3)
    """Longer texts are truncated, counting [CLS] and [SEP]; None = limited by the encoder's positions. Context counts
    too and is truncated first."""
    context: int = Field(0, ge=0)
    """Number of preceding utterances of the same video that the encoder reads as a second segment."""
    frozen_layers: int = Field(0, ge=0)
    """Freeze the embeddings and this many lower layers of an encoder that is part of the model; 0 = none."""
    dropout: float | None = Field(None, ge=0, lt=1)
    """Dropout within an encoder that is part of the model; None = as in its own configuration."""
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    """Statistics of the train split; if given, loaded values are (x - mean) / std."""
    recipe: Recipe | None = None
    """How the features are made from a recording; None if unknown."""

    @model_validator(mode="before")
    @classmethod
    def _fill_source(cls, given: Any) -> Any:
        tokens = isinstance(given, dict) and given.get("kind") == "tokens"
        return {"source": "raw", **given} if tokens else given

    @model_validator(mode="after")
    def _consistent(self) -> "ModalitySpec":
        if self.kind == "tokens" and self.source == "features":
            raise ValueError("token ids are made from raw transcripts or stored ids, not from features")
        return self


class FeatureSpec(Config):
    """Inputs per modality; None if the dataset lacks the modality."""

    text: ModalitySpec | None = None
    audio: ModalitySpec | None = None
    vision: ModalitySpec | None = None

    def present(self) -> tuple[Modality, ...]:
        """Modalities the dataset has, in the order of `MODALITIES`."""
        return tuple(name for name in MODALITIES if getattr(self, name) is not None)


class TargetSpec(Config):
    """What is predicted: an intensity on [low, high], or one of ``classes``."""

    kind: Literal["intensity", "classes"] = "intensity"
    low: float = -3.0
    high: float = 3.0
    classes: Annotated[tuple[str, ...], Field(description="names in the order of the logits")] = ()

    @model_validator(mode="after")
    def _consistent(self) -> "TargetSpec":
        if self.kind == "classes" and len(self.classes) < 2:
            raise ValueError("classes need at least two names")
        if self.kind == "intensity" and not self.low < self.high:
            raise ValueError("low must be below high")
        return self

    def describe(self) -> str:
        """The classes, or the range, as a text."""
        return ", ".join(self.classes) or f"[{self.low:g}, {self.high:g}]"
