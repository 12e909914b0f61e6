"""Feature recipe: how features were made from a recording."""

from typing import Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from sentiprism.config import Config

LATER = ("network", "relative")
"""Fields that recipes of the first version had not."""
Per = Literal["frame", "word", "utterance"]
"""What one step of a sequence is: a frame of the track, the mean over a word, or the mean over the utterance."""


class Network(Config):
    """A pretrained network whose hidden states are the features."""

    model: str
    """Name on the Hugging Face hub, or a folder."""
    revision: str
    """Commit on the hub, or ``sha256:`` of a folder's configuration and weights: another one gives other features."""
    layer: int | Literal["last", "all"] = Field("last", union_mode="left_to_right")
    """``last`` = the network's output; a number, 0 = what the first layer reads; ``all`` = those of every layer side by
    side, for a model to mix."""
    rate: float = Field(gt=0, le=100)
    """Steps a second along a recording, or pictures looked at."""
    pooling: Literal["mean", "first"] = "mean"
    """Of a picture's patches: their mean, or the first token, which stands for the whole."""
    crop: Literal["face", "frame"] = "face"
    """Of a video: the faces in it, or each picture as a whole."""


class Recipe(Config):
    """What a feature sequence holds and what made it: two sequences of one recipe mean the same, column by column."""

    extractor: str
    """By name, see `sentiprism.features.extractors`."""
    version: int = 1
    """Raised whenever the extractor would make other numbers of the same recording."""
    columns: tuple[str, ...]
    units: tuple[str, ...]
    """One a column; "1" for a ratio or a score without unit."""
    per: Per = "frame"
    rate: float | None = None
    """Steps a second, where a step is a frame."""
    network: Network | None = None
    """Where the extractor is given one by name."""
    relative: bool = False
    """Less the person's resting level: a median over the utterances of a video, of each face track by itself."""

    @model_serializer(mode="wrap")
    def _without_empty(self, write: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Recipes that need no later field are written as they always were: their hashes stay."""
        found: dict[str, Any] = write(self)
        return {key: value for key, value in found.items() if key not in LATER or value}

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        if len(self.columns) != len(self.units):
            raise ValueError(f"{len(self.columns)} columns have {len(self.units)} units")
        if len(set(self.columns)) != len(self.columns):
            raise ValueError("two columns have one name")
        return self

    def taken(self, per: Per, *, relative: bool = False) -> "Recipe":
        """The same columns with another step; a mean over words or utterances has no rate."""
        return self.model_copy(update={"per": per, "rate": self.rate if per == "frame" else None, "relative": relative})

    def difference(self, other: "Recipe") -> str | None:
        """First thing in which ``other`` differs, in words; None where features of the two mean the same."""
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
