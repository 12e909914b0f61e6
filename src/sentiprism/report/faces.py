"""Blur the faces of still pictures, so that a report can be shared."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.features.extractors.face import Face, landmarker
from sentiprism.features.landmarks import PLACE, box
from sentiprism.features.track import Track
from sentiprism.features.track_extraction import face_tracks
from sentiprism.media.types import Frame, Media

MARGIN = 0.4
"""Of a face's width and height, on each side: the landmarks end at the hairline, and do not include the ears."""
NEAR = 0.5
"""Seconds before and after a picture in which a tracked face is blurred, too: it may be missed in a single picture."""
CELLS = 5
"""Cells across a blurred face: too few to recognise anybody."""
WHOLE = 8
"""Cells across a picture in which no face was found."""
BROAD = 1.15
"""Width and height of a tracked face, relative to the square root of its area: it is neither square nor upright."""

Image = npt.NDArray[Any]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom as fractions of the picture."""


def blur_faces(media: Media, pictures: Iterable[Frame]) -> Iterator[Frame]:
    """Blur each face that is detected in a picture, or tracked around its time.

    A picture in which no face is found is blurred as a whole, since one may have been missed.

    Args:
        media: the recording; its tracks are in the cache if it was analysed.
        pictures: of the recording.

    Raises:
        UserError: MediaPipe, or its asset, is missing.
    """
    tracks = face_tracks(media, Face())
    with landmarker() as detect:
        for frame in pictures:
            boxes = [*_detected(detect(frame.image)), *tracked_boxes(tracks, frame)]
            yield Frame(frame.time, hide(frame.image, boxes))


def hide(image: Image, boxes: Sequence[Box]) -> Image:
    """Replace boxes with a margin by mean colours of a few cells; without a box, the whole picture.

    Args:
        image: (H, W, 3) uint8.
        boxes: of faces.
    """
    height, width = image.shape[:2]
    hidden = image.copy()
    if not boxes:
        _pixelate(hidden, WHOLE)
    for left, top, right, bottom in boxes:
        across, down = MARGIN * (right - left), MARGIN * (bottom - top)
        columns = slice(max(int((left - across) * width), 0), int(np.ceil((right + across) * width)))
        rows = slice(max(int((top - down) * height), 0), int(np.ceil((bottom + down) * height)))
        _pixelate(hidden[rows, columns], CELLS)
    return hidden


def tracked_boxes(tracks: Sequence[Track], frame: Frame) -> Iterator[Box]:
    """Boxes of faces that are tracked within `NEAR` seconds of a picture."""
    height, width = frame.image.shape[:2]
    share, x, y = (Face.recipe.columns.index(name) for name in PLACE)
    for track in tracks:
        first, last = np.searchsorted(track.times, (frame.time - NEAR, frame.time + NEAR))
        for row in track.values[first:last]:
            side = BROAD * float(np.sqrt(max(row[share], 0.0) * width * height))  # pixels
            half = side / 2 / width, side / 2 / height
            yield row[x] - half[0], row[y] - half[1], row[x] + half[0], row[y] + half[1]


def _detected(result: Any) -> Iterator[Box]:
    for points in result.face_landmarks:
        left, top, right, bottom = box(np.array([(point.x, point.y, point.z) for point in points]))
        yield left, top, right, bottom


def _pixelate(part: Image, cells: int) -> None:
    """Replace a part of a picture in place by the mean colours of ``cells`` times ``cells`` cells."""
    height, width = part.shape[:2]
    if not height or not width:
        return
    rows, columns = (np.unique(np.linspace(0, n, min(cells, n) + 1).astype(int))[:-1] for n in (height, width))
    sums = np.add.reduceat(np.add.reduceat(part, rows, axis=0, dtype=np.float64), columns, axis=1)
    tall, wide = np.diff([*rows, height]), np.diff([*columns, width])
    means = (sums / (tall[:, None, None] * wide[None, :, None])).astype(np.uint8)
    part[:] = means.repeat(tall, axis=0).repeat(wide, axis=1)
