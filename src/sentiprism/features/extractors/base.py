"""What an extractor is."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.features.track import Track
from sentiprism.media.types import Frame
from sentiprism.recipe import Recipe
from sentiprism.types import Modality


class Shown(NamedTuple):
    """A column that means something to a person who looks at its curve."""

    title: str
    """For people: "pitch", "smile"."""
    where: str | None = None
    """Column that is above 0.5 where this one is defined: pitch is nothing in silence."""
    unit: str | None = None
    """For people, where the recipe has none for the column or one that says less."""
    scale: tuple[float, float] | None = None
    """Ends of the scale, where it has any."""


class Extractor(ABC):
    """Makes a `Track` of what ``recipe`` names; raise its version with every change of the numbers."""

    name: ClassVar[str]
    modality: ClassVar[Modality]
    recipe: Recipe
    """Of the class, but for extractors that are given a network."""
    shown: ClassVar[Mapping[str, Shown]] = {}
    """Columns that reports draw, at most four."""
    licence: ClassVar[str | None] = None
    """Where what it rests on may not be used for everything."""

    def check(self) -> None:  # noqa: B027 - most extractors have nothing to check
        """Compare the recipe with the network that it names, which is fetched where it is not here.

        Raises:
            UserError: the network cannot be had, or makes other features than the recipe says.
        """


class AudioExtractor(Extractor):
    """Features of sound."""

    modality = "audio"
    sample_rate: ClassVar[int]
    """Hz that the sound must have."""
    contextual: ClassVar[bool] = False
    """Whether a step hears all of what is given: an utterance is then given by itself, so that what else is in its
    recording changes nothing."""

    @abstractmethod
    def __call__(self, sound: npt.NDArray[np.int16]) -> Track:
        """Track of a recording.

        Args:
            sound: (n,) mono samples at ``sample_rate``; may be a memory map of hours: read in blocks, so that the
                memory does not grow with the recording. Blocks change no number.
        """


class VisionExtractor(Extractor):
    """Features of faces."""

    modality = "vision"

    @abstractmethod
    def __call__(self, frames: Iterable[Frame]) -> list[Track]:
        """Tracks of the faces in a recording, the one that is largest on the whole first; [] without a face.

        Args:
            frames: in the order of time; consumed once, one held at a time.
        """


class Derived(VisionExtractor):
    """Columns made of another extractor's, without looking at the pictures again.

    Whoever has the tracks of ``source``, from a cache or for another use, needs `derive` alone.
    """

    source: ClassVar[type[VisionExtractor]]

    @abstractmethod
    def derive(self, track: Track) -> Track:
        """Own columns of a track of ``source``, step by step."""

    def __call__(self, frames: Iterable[Frame]) -> list[Track]:
        """See `VisionExtractor`."""
        return [self.derive(track) for track in self.source()(frames)]
