"""Core types: Batch, ModelOutput, FeatureSpec, TargetSpec."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import Field, model_validator

from sentiprism.config import Config
from sentiprism.recipe import Recipe

if TYPE_CHECKING:  # a dataset can be listed and opened without torch
    from torch import Tensor

Modality = Literal["text", "audio", "vision"]
MODALITIES: tuple[Modality, ...] = ("text", "audio", "vision")
Source = Literal["raw", "ids", "features"]
"""What values are made from: transcripts, stored token ids, or features as they are stored."""


class Sequence(NamedTuple):
    """One modality of a batch; B samples, T steps, F features."""

    values: "Tensor"
    """(B, T, F) float features, or (B, T) int64 token ids."""
    mask: "Tensor"
    """(B, T) bool, True = real step; a row all False = this modality is missing."""

    @property
    def present(self) -> "Tensor":
        """(B,) bool, False where the modality is missing."""
        return self.mask.any(dim=1)


class Batch(NamedTuple):
    """Samples padded to the longest among them. A modality the dataset lacks has T=1, F=0 and an all-False mask."""

    text: Sequence
    audio: Sequence
    vision: Sequence
    labels: "dict[str, Tensor]"
    """"M", and where a dataset has them "T", "A", "V": (B,) on the dataset's scale (int64 classes where the
    target is classes); {} at inference."""
    index: "Tensor"  # type: ignore[assignment] # tuple.index is no use to a batch
    """(B,) int64 row in the split; some models' memories and queues need it."""
    context: Sequence | None = None
    """(B, C) token ids of the second segment of ``text``: the utterances before. Only a text encoder that is part of
    the model reads it."""

    def map(self, change: "Callable[[Tensor], Tensor]") -> "Batch":
        """The batch with ``change`` applied to each of its tensors."""
        return Batch(
            text=Sequence(*map(change, self.text)),
            audio=Sequence(*map(change, self.audio)),
            vision=Sequence(*map(change, self.vision)),
            labels={name: change(label) for name, label in self.labels.items()},
            index=change(self.index),
            context=None if self.context is None else Sequence(*map(change, self.context)),
        )


class ModelOutput(NamedTuple):
    """What a model predicts for a batch."""

    prediction: "Tensor"
    """(B,) intensity on the dataset's scale, or (B, C) logits where the target is classes."""
    losses: "dict[str, Tensor]"
    """Unweighted scalars by the paper's names; {} without labels."""
    weights: "dict[str, Tensor]"
    """What the model says of itself: "modality" (B, 3) in the order of `MODALITIES`, rows sum to 1; "path" (B, 2);
    "expert" (B, experts); "time.text", "time.audio", "time.vision" (B, T) over the steps of that modality, 0 in the
    padding. A name that ends in "_target" is what the weight of that name was taught."""
    features: "dict[str, Tensor]"
    """Named representations for plots and probes: "text", "sound", "shared" ...: (B, D)."""


class ModalitySpec(Config):
    """What a model is told of one modality. Models read ``kind``, ``width`` and ``encoder``; loaders the rest."""

    kind: Literal["tokens", "features"]
    """Token ids for a text encoder that is part of the model, or float features."""
    width: int = Field(gt=0)
    """F of the features, or the size of the vocabulary."""
    encoder: str | None = None
    """Text encoder by asset name, hub name or folder: the one that reads the ids, or that made the features."""
    source: Source = "features"
    """Token ids are made from ``raw`` transcripts unless ``ids`` are stored; features may come from all three."""
    max_tokens: int | None = Field(None, ge=3)
    """Longer texts are cut, [CLS] and [SEP] counted; None = only where the encoder has no more positions. Context is
    counted too, and cut first."""
    context: int = Field(0, ge=0)
    """Utterances before, of the same video, that the encoder reads as a second segment."""
    frozen_layers: int = Field(0, ge=0)
    """Of an encoder that is part of the model, the embeddings and so many lower layers stay as they are; 0 = none."""
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    """Statistics of the train split; where given, loaders hand out (x - mean) / std."""
    recipe: Recipe | None = None
    """How the features are made from a recording; None where the dataset does not say."""

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
    """Kind and width per modality; None where the dataset does not have the modality."""

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
        """The classes, or the range, for people."""
        return ", ".join(self.classes) or f"[{self.low:g}, {self.high:g}]"
