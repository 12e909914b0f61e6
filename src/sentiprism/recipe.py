"""Feature recipe: how features were made from a recording."""

from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from sentiprism.config import Config

LATER = ("network", "relative")
"""Fields that recipes of the first version lack."""
Per = Literal["frame", "word", "utterance"]
"""A step of a sequence: a frame of the track, the mean over a word, or the mean over the utterance."""


class Network(Config):
    """A pretrained network whose hidden states are the features."""

    model: str
    """Name on the Hugging Face hub, or a folder."""
    revision: str
    """Commit on the hub, or ``sha256:`` of a folder's configuration and weights; it determines the features."""
    layer: int | Literal["last", "all"] = Field("last", union_mode="left_to_right")
    """``last`` = the network's output; a number = that layer's output, 0 = input of the first layer; ``all`` = outputs
    of all layers concatenated, for a model to mix."""
    rate: float = Field(gt=0, le=100)
    """Steps or pictures per second of a recording."""
    pooling: Literal["mean", "first"] = "mean"
    """Pooling of a picture's patches: their mean, or the first token ([CLS])."""
    crop: Literal["face", "frame"] = "face"
    """Part of a video's pictures: the face, or the whole frame."""


class Recipe(Config):
    """Definition of a feature sequence; two sequences with the same recipe have the same columns and meaning."""

    extractor: str
    """Name of the extractor, see `sentiprism.features.extractors`."""
    version: int = 1
    """Increased whenever the extractor computes other values from the same recording."""
    columns: tuple[str, ...]
    units: tuple[str, ...]
    """Unit of each column; "1" for a ratio or a score without unit."""
    per: Per = "frame"
    rate: float | None = None
    """Steps per second, if a step is a frame."""
    network: Network | None = None
    """The pretrained network, for extractors that use one."""
    relative: bool = False
    """Whether the person's resting level is subtracted: the median over the utterances of a video, per face track."""

    @model_serializer(mode="wrap")
    def _without_empty(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leave out unused later fields, so that hashes of older recipes stay the same."""
        found: dict[str, Any] = write(self)
        return {key: value for key, value in found.items() if key not in LATER or value}

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        if len(self.columns) != len(self.units):
            raise ValueError(f"{len(self.columns)} columns have {len(self.units)} units")
        if len(set(self.columns)) != len(self.columns):
            raise ValueError("two columns have one name")
        return self

    def with_step(self, per: Per, *, relative: bool = False) -> "Recipe":
        """Copy with another step; a mean over words or utterances has no rate."""
        return self.model_copy(update={"per": per, "rate": self.rate if per == "frame" else None, "relative": relative})

    def difference(self, other: "Recipe") -> str | None:
        """Describe the first difference to another recipe; None if features of both have the same meaning."""
        if self.extractor != other.extractor:
            return f"the extractor is {self.extractor!r}, not {other.extractor!r}"
        for number, (ours, theirs) in enumerate(zip(self.columns, other.columns, strict=False), 1):
            if ours != theirs:
                return f"column {number} is {ours!r}, not {theirs!r}"
        if len(self.columns) != len(other.columns):
            longer = max(self.columns, other.columns, key=len)
            first = longer[min(len(self.columns), len(other.columns))]
            return f"there are {len(self.columns)} columns, not {len(other.columns)}: {first!r} is in one alone"
        for name in ("network", "relative", "units", "version", "per", "rate"):
            if (ours := getattr(self, name)) != (theirs := getattr(other, name)):
                return f"{name} is {ours!r}, not {theirs!r}"
        return None
