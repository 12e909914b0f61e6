"""Head pose, eye, mouth and brow measures from landmarks.

Landmark numbers are those of MediaPipe's face mesh. Left and right are from the person's view.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

POSE = ("head_pitch", "head_yaw", "head_roll")
POSITION = ("head_x", "head_y", "head_z")
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
"""Left, right: a corner, two points of the upper lid, the other corner, two of the lower lid in reverse order."""
_BROWS = (334, 105)
OUTER_CORNERS = (263, 33)
_LIPS = (13, 14)
_MOUTH_CORNERS = (291, 61)


def pose(transformation: Array) -> Array:
    """(3,) degrees as in `POSE`, from the (4, 4) matrix that maps an upright, frontal face to its pose.

    Pitch is positive if the face looks up, yaw if it is turned to the right edge of the picture (its own left), roll if
    the head is tilted anticlockwise for the viewer.
    """
    across, up, forward = np.asarray(transformation, np.float64)[:3, :3].T
    pitch = np.arctan2(forward[1], np.hypot(forward[0], forward[2]))
    yaw = np.arctan2(forward[0], forward[2])
    roll = np.arctan2(across[1], up[1])
    return np.degrees([pitch, yaw, roll])


def position(transformation: Array) -> Array:
    """(3,) centimetres as in `POSITION`: right and up from the middle of the picture, and the distance from the camera.

    The matrix is that of `pose`. MediaPipe assumes a face of average size, which all three are in proportion to, and a
    vertical angle of view of 63 degrees, which only matters to the distance.
    """
    return np.asarray(transformation, np.float64)[:3, 3] * (1.0, 1.0, -1.0)


def shape(landmarks: Array, width: int, height: int) -> Array:
    """(6,) ratios of lengths as in `SHAPE`, in three dimensions, so that they hardly depend on head pose.

    An eye's opening is the mean height of its lids over its width (Soukupová and Čech 2016). A mouth's opening is the
    gap between the lips, its width the distance of its corners, and a brow's height is that of its middle above the
    middle of the eye's corners; these are divided by the distance of the outer corners of the eyes.

    Args:
        landmarks: (478, 3) x and z as fractions of the picture's width, y of its height.
        width: of the picture in pixels.
        height: of the picture in pixels.
    """
    points = np.asarray(landmarks, np.float64) * (width, height, width)

    def far(a: int, b: int) -> float:
        return float(np.linalg.norm(points[a] - points[b]))

    unit = far(*OUTER_CORNERS)
    openings = [(far(up1, low1) + far(up2, low2)) / 2 / far(a, b) for a, up1, up2, b, low2, low1 in EYES]
    middles = [(points[eye[0]] + points[eye[3]]) / 2 for eye in EYES]
    brows = [np.linalg.norm(points[brow] - middle) / unit for brow, middle in zip(_BROWS, middles, strict=True)]
    return np.array([*openings, far(*_LIPS) / unit, far(*_MOUTH_CORNERS) / unit, *brows])


def box(landmarks: Array) -> Array:
    """(4,) left, top, right, bottom of (478, 3) landmarks as fractions of the picture, clipped at its edges."""
    flat = np.clip(np.asarray(landmarks, np.float64)[:, :2], 0.0, 1.0)
    return np.concatenate([flat.min(axis=0), flat.max(axis=0)])


def place(bounds: Array) -> Array:
    """(3,) as in `PLACE`: fraction of the picture's area in the (4,) box, and its centre from the left and the top."""
    left, top, right, bottom = bounds
    return np.array([(right - left) * (bottom - top), (left + right) / 2, (top + bottom) / 2])
