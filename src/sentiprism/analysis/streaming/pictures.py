"""The pictures of a stream: decoded, and searched for faces, as far as they belong to an utterance."""

import math
from collections import deque
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy.typing as npt

from sentiprism.features.extractors import VisionExtractor
from sentiprism.features.extractors.base import Derived, FrameExtractor
from sentiprism.features.face_tracking import FrameFaces, link_detections
from sentiprism.features.speaking import can_find_speaking
from sentiprism.features.track import Track
from sentiprism.features.track_extraction import FACE_RATE
from sentiprism.media.jpeg import JpegDecoder
from sentiprism.media.types import Frame, Span

HELD = 30.0
"""Seconds of pictures that may wait; more than the longest turn."""
HELD_BYTES = 128_000_000
"""Most bytes of waiting pictures."""
EARLY = 0.25
"""Steps by which a picture may be early, so that jitter does not drop pictures."""


class PictureCounts(NamedTuple):
    """What happened to the pictures of a stream."""

    received: int = 0
    broken: int = 0
    """Not decodable."""
    skipped: int = 0
    """More than the features need, not in the order of time, or too many at once."""


class _Picture(NamedTuple):
    time: float
    image: bytes | npt.NDArray[Any]


def _size(picture: _Picture) -> int:
    return len(picture.image) if isinstance(picture.image, bytes) else picture.image.nbytes


class StreamPictures:
    """Collect pictures, and find the faces of an utterance in them.

    Args:
        made: extractor of the faces. One that processes pictures independently is run while they arrive, any other one
            at the end of the utterance: provisional measurements are then made without a face.
        thin: whether to leave out pictures beyond the extractor's rate.
    """

    def __init__(self, made: VisionExtractor, *, thin: bool = True) -> None:
        self._made = made
        source = made.source() if isinstance(made, Derived) else made
        self._extractor = source if isinstance(source, FrameExtractor) else None
        self._rate, self._thin = made.recipe.rate or FACE_RATE, thin
        self._waiting: deque[_Picture] = deque()
        self._found: deque[FrameFaces] = deque()
        self._decoder = JpegDecoder()
        self._next: Frame | None = None
        self._detections: Iterator[FrameFaces] | None = None
        self._last = -math.inf
        self.counts = PictureCounts()

    def add(self, image: bytes | npt.NDArray[Any], time: float) -> None:
        """Add a picture.

        Args:
            image: a JPEG, or (H, W, 3) uint8 RGB.
            time: seconds on the clock of the sound.
        """
        self._count(received=1)
        step = math.floor(time * self._rate + EARLY) if math.isfinite(time) and self._thin else time
        if not (math.isfinite(time) and time >= 0 and step > self._last):
            self._count(skipped=1)
            return
        self._last = step
        if isinstance(image, bytes):
            self._decoder.start()
        self._waiting.append(_Picture(time, image))
        while len(self._waiting) > HELD * self._rate or sum(map(_size, self._waiting)) > HELD_BYTES:
            self._waiting.popleft()
            self._count(skipped=1)

    def advance(self, span: Span) -> None:
        """Find the faces of the waiting pictures in a span, which is part of an utterance."""
        if self._extractor is None:
            return
        while self._waiting and self._waiting[0].time < span.end:
            picture = self._waiting.popleft()
            if picture.time >= span.start and (frame := self._decode(picture)) is not None:
                if self._detections is None:
                    self._detections = self._extractor.detect(self._frames())
                self._next = frame
                self._found.append(next(self._detections))

    def tracks(self, span: Span, *, provisional: bool = False) -> list[Track]:
        """Tracks of the faces in a span, the largest first; see `VisionExtractor`.

        Args:
            span: of an utterance.
            provisional: whether it continues.
        """
        if self._extractor is None:
            return [] if provisional else self._made(self._inside(span))
        self.advance(span)
        tracks = self._linked(span)
        return [self._made.derive(track) for track in tracks] if isinstance(self._made, Derived) else tracks

    def measured(self, span: Span) -> list[Track]:
        """The same faces with the columns of `Face`, after `tracks`; [] if the features do not have them."""
        return self._linked(span) if can_find_speaking(self._made) else []

    def _linked(self, span: Span) -> list[Track]:
        return link_detections(one for one in self._found if span.start <= one.time < span.end)

    def forget(self, before: float) -> None:
        """Free pictures before a second."""
        while self._found and self._found[0].time < before:
            self._found.popleft()
        while self._waiting and self._waiting[0].time < before:
            self._waiting.popleft()

    def close(self) -> None:
        """Free the decoder and the extractor."""
        self._decoder.close()
        if (generator := self._detections) is not None:
            self._detections = None
            generator.close()  # type: ignore[attr-defined] # it is a generator

    def _inside(self, span: Span) -> Iterator[Frame]:
        for picture in [one for one in self._waiting if span.start <= one.time < span.end]:
            if (frame := self._decode(picture)) is not None:
                yield frame
            else:
                self._waiting.remove(picture)  # counted once

    def _frames(self) -> Iterator[Frame]:
        while self._next is not None:
            yield self._next

    def _decode(self, picture: _Picture) -> Frame | None:
        image = picture.image
        if isinstance(image, bytes):
            decoded = self._decoder.decode(image)
            if decoded is None:
                self._count(broken=1)
                return None
            image = decoded
        return Frame(picture.time, image)

    def _count(self, **more: int) -> None:
        self.counts = PictureCounts(*(getattr(self.counts, name) + more.get(name, 0) for name in PictureCounts._fields))
