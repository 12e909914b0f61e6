"""Track faces across frames; tracks end at shot cuts.

Faces are linked by position and size, with their position extrapolated by their motion; nothing here recognises a
person. A cut ends every track. If the picture returns to an earlier shot (as with an interview's two cameras), the
tracks of that shot continue, and gaps are measured in the time that the shot was visible.
"""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.features.track import Track

Array = npt.NDArray[Any]

GAP = 1.0
"""Seconds that a face may be hidden; it may always be missing in a single picture."""
SHORTEST = 0.5
"""Seconds that a face must be visible, or half of a shorter recording; less counts as a false detection."""
REACH = 0.8
"""Largest distance from the expected position, relative to the face's width and height."""
CUT = 0.12
"""Mean change of `frame_thumbnail`, from 0 to 1, at a cut. In five takes of people speaking, it was below 0.06 between
frames a tenth of a second apart; between different takes, it was above 0.17."""
SAME = 0.08
"""Mean difference of `frame_thumbnail` up to which a picture after a cut belongs to an earlier shot."""
SHOTS = 30
"""Number of earlier shots that may return."""


class Detection(NamedTuple):
    """A face in one picture."""

    box: Array
    """(4,) left, top, right, bottom as fractions of the picture."""
    values: Array
    """(F,)"""


class FrameFaces(NamedTuple):
    """Time, thumbnail and faces of one picture."""

    time: float
    thumbnail: Array
    faces: Sequence[Detection]


class _Shot:
    """One or several similar shots, with the time of the current and of the previous picture."""

    def __init__(self) -> None:
        self.clock, self.before, self.thumbnail, self.faces = 0.0, 0.0, np.empty(0), list[_Face]()

    def gone(self, face: "_Face") -> bool:
        return self.clock - face.clock > GAP and face.clock < self.before


class _Face:
    """A tracked face."""

    def __init__(self, detection: Detection, time: float, clock: float) -> None:
        self.times, self.values, self.area = list[float](), list[Array](), 0.0
        self.box, self.clock, self.motion = detection.box, clock, np.zeros(2)
        self.add(detection, time, clock)

    def add(self, detection: Detection, time: float, clock: float) -> None:
        if clock > self.clock:
            self.motion = (self.motion + (_centre(detection.box) - _centre(self.box)) / (clock - self.clock)) / 2
        self.box, self.clock = detection.box, clock
        self.times.append(time)
        self.values.append(np.asarray(detection.values, np.float32))
        self.area += float(np.prod(_size(detection.box)))

    def cost(self, detection: Detection, clock: float) -> float:
        """Assignment cost of a detection to this face; inf if impossible."""
        ours, theirs = _size(self.box), _size(detection.box)
        expected = _centre(self.box) + self.motion * (clock - self.clock)
        away = float(np.linalg.norm((_centre(detection.box) - expected) / np.maximum((ours + theirs) / 2, 1e-9)))
        growth = float(abs(np.log(max(theirs[1], 1e-9) / max(ours[1], 1e-9))))
        return away + growth if away <= REACH and growth <= np.log(2) else np.inf


def frame_thumbnail(image: Array) -> Array:
    """(9, 16, 3) mean colours of the parts of an (H, W, 3) uint8 picture, from 0 to 1, using every fourth pixel."""
    coarse = image[::4, ::4] if min(image.shape[:2]) >= 64 else image
    rows, columns = (np.linspace(0, n, k + 1).astype(int)[:-1] for n, k in zip(coarse.shape, (9, 16), strict=False))
    sums = np.add.reduceat(np.add.reduceat(coarse, rows, axis=0, dtype=np.float64), columns, axis=1)
    counts = [np.maximum(np.diff([*cuts, n]), 1) for cuts, n in zip((rows, columns), coarse.shape, strict=False)]
    return np.asarray(sums / (255.0 * counts[0][:, None, None] * counts[1][:, None]), np.float32)


def link_detections(sights: Iterable[FrameFaces]) -> list[Track]:
    """Link detections to tracks of faces, the largest overall (area summed over time) first.

    Args:
        sights: in the order of time; read once.
    """
    shots: deque[_Shot] = deque(maxlen=SHOTS)
    times: list[float] = []
    done: list[_Face] = []
    for sight in sights:
        passed = sight.time - times[-1] if times else 0.0
        shot = _shot(shots, sight, done, passed)
        _assign(shot, sight, done)
        times.append(sight.time)
    done += [face for shot in shots for face in shot.faces]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    least = min(SHORTEST, step * len(times) / 2)
    kept = [face for face in done if len(face.times) * step >= least]
    kept.sort(key=lambda face: (-face.area, face.times[0]))
    return [Track(np.array(face.times, np.float64), np.stack(face.values)) for face in kept]


def _shot(shots: deque[_Shot], sight: FrameFaces, done: list[_Face], passed: float) -> _Shot:
    """Find the shot of a picture and move it to the end; a cut to something new starts a new shot."""

    def change(shot: _Shot) -> float:
        return float(np.abs(shot.thumbnail - sight.thumbnail).mean())

    if shots and change(shots[-1]) <= CUT:
        shots[-1].before = shots[-1].clock
        shots[-1].clock += passed
    else:
        again = next((shot for shot in reversed(shots) if change(shot) <= SAME), None)
        if again is not None:
            shots.remove(again)
        elif len(shots) == shots.maxlen:
            done += shots[0].faces
        shots.append(again or _Shot())
    shots[-1].thumbnail = sight.thumbnail
    return shots[-1]


def _assign(shot: _Shot, sight: FrameFaces, done: list[_Face]) -> None:
    """Assign the detections of a picture to the faces of the shot, with the least total cost."""
    from scipy.optimize import linear_sum_assignment

    done += [face for face in shot.faces if shot.gone(face)]
    shot.faces = [face for face in shot.faces if not shot.gone(face)]
    costs = np.array([[face.cost(detection, shot.clock) for detection in sight.faces] for face in shot.faces])
    new = set(range(len(sight.faces)))
    if costs.size:
        impossible = 1e6
        for row, column in zip(*linear_sum_assignment(np.minimum(costs, impossible)), strict=True):
            if costs[row, column] < impossible:
                shot.faces[row].add(sight.faces[column], sight.time, shot.clock)
                new.discard(int(column))
    shot.faces += [_Face(sight.faces[i], sight.time, shot.clock) for i in sorted(new)]


def _centre(box: Array) -> Array:
    return np.asarray((box[:2] + box[2:]) / 2)


def _size(box: Array) -> Array:
    return np.asarray(box[2:] - box[:2])
