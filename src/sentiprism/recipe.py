"""How features are made from a recording: noted in the dataset's card, carried by every model trained on it."""

from typing import Literal

from pydantic import model_validator

from sentiprism.config import Config

Per = Literal["frame", "word", "utterance"]
"""What one step of a sequence is: a frame of the track, the mean over a word, or the mean over the utterance."""


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

    @model_validator(mode="after")
    def _consistent(self) -> "Recipe":
        if len(self.columns) != len(self.units):
            raise ValueError(f"{len(self.columns)} columns have {len(self.units)} units")
        if len(set(self.columns)) != len(self.columns):
            raise ValueError("two columns have one name")
        return self

    def taken(self, per: Per) -> "Recipe":
        """The same columns with another step; a mean over words or utterances has no rate."""
        return self.model_copy(update={"per": per, "rate": self.rate if per == "frame" else None})

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
        for name in ("units", "version", "per", "rate"):
            if (ours := getattr(self, name)) != (theirs := getattr(other, name)):
                return f"{name} is {ours!r}, not {theirs!r}"
        return None
