"""Head pose, eye, mouth and brow measures from landmarks.

Landmark numbers are those of MediaPipe's face mesh. Left and right are the person's own.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

POSE = ("head_pitch", "head_yaw", "head_roll")
SHAPE = (
    "eye_opening_left",
    "eye_opening_right",
    "mouth_opening",
    "mouth_width",
    "brow_height_left",
    "brow_height_right",
)
PLACE = ("face_share", "face_x", "face_y")

EYES = ((362, 385, 387, 263, 373, 380), (33, 160, 158, 133, 153, 144))
"""Left, right: a corner, two points of the upper lid, the other corner, the lower lid's two in the reverse order."""
_BROWS = (334, 105)
_OUTER_CORNERS = (263, 33)
_LIPS = (13, 14)
_MOUTH_CORNERS = (291, 61)


def pose(transformation: Array) -> Array:
    """(3,) degrees as in `POSE`, of the (4, 4) matrix that takes an upright, frontal face to where it is seen.

    Pitch is above 0 where the face looks up, yaw where it is turned to the right edge of the picture (its own
    left), roll where the head leans anticlockwise as the viewer sees it. The matrix's translation is left out: it
    rests on a guessed camera and says no more than `PLACE`.
    """
    across, up, forward = np.asarray(transformation, np.float64)[:3, :3].T
    pitch = np.arctan2(forward[1], np.hypot(forward[0], forward[2]))
    yaw = np.arctan2(forward[0], forward[2])
    roll = np.arctan2(across[1], up[1])
    return np.degrees([pitch, yaw, roll])


def shape(landmarks: Array, width: int, height: int) -> Array:
    """(6,) lengths as in `SHAPE`, ratios measured in three dimensions so that a turned head changes them little.

    An eye's opening is the mean height of its lids over its width (Soukupová and Čech 2016); a mouth's is the gap
    between the lips, its width the distance of its corners, a brow's height that of its middle above the middle of
    the eye's corners: these over the distance of the outer corners of the eyes.

    Args:
        landmarks: (478, 3) x and z as shares of the picture's width, y of its height.
        width: of the picture in pixels.
        height: of the picture in pixels.
    """
    points = np.asarray(landmarks, np.float64) * (width, height, width)

    def far(a: int, b: int) -> float:
        return float(np.linalg.norm(points[a] - points[b]))

    unit = far(*_OUTER_CORNERS)
    openings = [(far(up1, low1) + far(up2, low2)) / 2 / far(a, b) for a, up1, up2, b, low2, low1 in EYES]
    middles = [(points[eye[0]] + points[eye[3]]) / 2 for eye in EYES]
    brows = [np.linalg.norm(points[brow] - middle) / unit for brow, middle in zip(_BROWS, middles, strict=True)]
    return np.array([*openings, far(*_LIPS) / unit, far(*_MOUTH_CORNERS) / unit, *brows])


def box(landmarks: Array) -> Array:
    """(4,) left, top, right, bottom as shares of the picture, cut at its edges; of (478, 3) landmarks."""
    flat = np.clip(np.asarray(landmarks, np.float64)[:, :2], 0.0, 1.0)
    return np.concatenate([flat.min(axis=0), flat.max(axis=0)])


def place(bounds: Array) -> Array:
    """(3,) as in `PLACE`: share of the picture that the (4,) box covers, and its centre from the left and the top."""
    left, top, right, bottom = bounds
    return np.array([(right - left) * (bottom - top), (left + right) / 2, (top + bottom) / 2])
