"""Arithmetic of arrays with undefined values."""

from math import nan

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def quotient(above: Floats, below: npt.ArrayLike) -> Floats:
    """Divide; nan where the divisor is 0."""
    divisor = np.asarray(below, float)
    found: Floats = np.full(np.shape(above), nan)
    np.divide(above, divisor, out=found, where=divisor > 0)
    return found
