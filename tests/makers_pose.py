"""Head poses for tests."""

import numpy as np


def rotation(pitch: float, yaw: float, roll: float) -> np.ndarray:
    """Roll in the face's own frame, then pitch, then yaw; x right, y up, z towards the viewer."""
    p, y, r = np.radians([pitch, yaw, roll])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    whole = np.eye(4)
    whole[:3, :3] = about_y @ about_x @ about_z
    whole[:3, 3] = (5, -3, -40)
    return whole
