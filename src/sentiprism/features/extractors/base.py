"""Base classes of feature extractors."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.features.face_tracking import FrameFaces, link_detections
from sentiprism.features.track import Track
from sentiprism.media.types import Frame
from sentiprism.recipe import Recipe
from sentiprism.types import Modality


class Shown(NamedTuple):
    """A column whose curve a report can show."""

    title: str
    """Title in a report: "pitch", "smile"."""
    where: str | None = None
    """Column that is above 0.5 where this one is defined, such as voicing for pitch."""
    unit: str | None = None
    """Unit in a report, if better than the recipe's."""
    scale: tuple[float, float] | None = None
    """Ends of the scale, if any."""


class Extractor(ABC):
    """Compute a `Track` of the features in ``recipe``; increase its version with every change of values."""

    name: ClassVar[str]
    modality: ClassVar[Modality]
    recipe: Recipe
    """Class attribute, except for extractors with a network."""
    shown: ClassVar[Mapping[str, Shown]] = {}
    """Columns that reports show, at most four."""
    licence: ClassVar[str | None] = None
    """Licence of the extractor's library, if it restricts use."""

    def check(self) -> None:  # noqa: B027 - most extractors have nothing to check
        """Check the recipe against its network, which is downloaded if necessary.

        Raises:
            UserError: the network is not available, or computes other features than in the recipe.
        """


class AudioExtractor(Extractor):
    """Base class of extractors of sound."""

    modality = "audio"
    sample_rate: ClassVar[int]
    """Hz that the sound must have."""
    contextual: ClassVar[bool] = False
    """Whether each step depends on all of the sound; an utterance is then encoded separately, so that the rest of the
    recording does not matter."""

    @abstractmethod
    def __call__(self, sound: npt.NDArray[np.int16]) -> Track:
        """Compute the track of a recording.

        Args:
            sound: (n,) mono samples at ``sample_rate``; may be a memory map of hours, which is read in blocks, so that
                memory does not grow with the recording. Blocks do not change the values.
        """


class VisionExtractor(Extractor):
    """Base class of extractors of faces."""

    modality = "vision"

    @abstractmethod
    def __call__(self, frames: Iterable[Frame]) -> list[Track]:
        """Compute the tracks of faces in a recording, the largest overall first; [] without faces.

        Args:
            frames: in the order of time; read once, one at a time.
        """


class FrameExtractor(VisionExtractor):
    """Base class of extractors that process each picture independently, so that a stream can be processed live."""

    @abstractmethod
    def detect(self, frames: Iterable[Frame]) -> Iterator[FrameFaces]:
        """Yield the faces of each picture; one is read for each that is yielded.

        Args:
            frames: in the order of time.
        """

    def __call__(self, frames: Iterable[Frame]) -> list[Track]:
        """See `VisionExtractor`."""
        return link_detections(self.detect(frames))


class Derived(VisionExtractor):
    """Base class of extractors that compute columns from those of another extractor.

    With tracks of ``source``, from a cache for example, only `derive` is needed.
    """

    source: ClassVar[type[VisionExtractor]]

    @abstractmethod
    def derive(self, track: Track) -> Track:
        """Compute the columns from a track of ``source``, step by step."""

    def __call__(self, frames: Iterable[Frame]) -> list[Track]:
        """See `VisionExtractor`."""
        return [self.derive(track) for track in self.source()(frames)]
