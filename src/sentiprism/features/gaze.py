"""Gaze from landmarks of eyes and irises, with a model of the eyeball.

The eyeball's centre is found from the corners of the eye and the head pose; the iris is on a sphere around it, so its
place in the picture gives the direction. Lengths are those of an adult of average size: the larger the picture of the
face, the smaller the error of half a pixel. Angles follow `sentiprism.features.landmarks.pose`.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.features.landmarks import EYES, OUTER_CORNERS

Array = npt.NDArray[Any]

EYE = ("eye_pitch", "eye_yaw")
GAZE = ("gaze_pitch", "gaze_yaw")

IRISES = (slice(473, 478), slice(468, 473))
"""Left, right: the centre and four points of the edge."""
CORNERS_CM = 8.9
"""Distance of the outer corners of the eyes in MediaPipe's canonical face, which sets the scale."""
IRIS_CM = 1.04
"""From the eyeball's centre to that of the iris: a ball of 1.2 cm with an iris of 0.6 (Wood et al. 2015)."""
DEPTH_CM = 0.6
"""From the middle of an eye's corners backward to the eyeball's centre."""
HEIGHT_CM = 0.17
"""From the middle of an eye's corners upward to the eyeball's centre: the median of 12 people who speak to a camera,
between 0.09 and 0.29, so that the pitch of a person's gaze may be off by 5 degrees."""


def gaze(landmarks: Array, transformation: Array, width: int, height: int) -> Array:
    """(4,) degrees as in `EYE` and `GAZE`: the mean of both eyes, relative to the head and to the camera.

    A gaze of 0, 0 goes into the camera. Pitch is positive upward, yaw towards the right edge of the picture.

    Args:
        landmarks: (478, 3) x and z as fractions of the picture's width, y of its height.
        transformation: (4, 4) matrix that maps an upright, frontal face to its pose.
        width: of the picture in pixels.
        height: of the picture in pixels.
    """
    points = np.asarray(landmarks, np.float64) * (width, -height, -width)  # x right, y up, z towards the viewer
    points *= CORNERS_CM / np.linalg.norm(points[OUTER_CORNERS[0]] - points[OUTER_CORNERS[1]])
    head = np.asarray(transformation, np.float64)[:3, :3]
    centre = head @ (0.0, HEIGHT_CM, -DEPTH_CM)
    offsets = [
        points[iris].mean(axis=0) - (points[eye[0]] + points[eye[3]]) / 2 - centre
        for eye, iris in zip(EYES, IRISES, strict=True)
    ]
    across = np.mean(offsets, axis=0)[:2] / IRIS_CM
    across /= max(1.0, float(np.linalg.norm(across)))
    ray = np.array([*across, np.sqrt(max(0.0, 1.0 - across @ across))])
    return np.concatenate([_angles(head.T @ ray), _angles(ray)])


def _angles(ray: Array) -> Array:
    """(2,) pitch and yaw in degrees of a direction."""
    return np.degrees([np.arctan2(ray[1], np.hypot(ray[0], ray[2])), np.arctan2(ray[0], ray[2])])
