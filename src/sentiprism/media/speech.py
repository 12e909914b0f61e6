"""Detect voice activity with Silero's model.

The network is recurrent over steps of 512 samples; its state is passed from block to block, so that hours of sound
need the memory of one minute.
"""

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.extras import install_extra
from sentiprism.media.types import Span

RATE = 16_000
STEP = 512
"""Samples per probability."""
CONTEXT = 64
"""Samples before a step that are part of its input."""
BEGIN, END = 0.5, 0.35
"""Probability at which speech begins, and below which it may end, as in Silero."""


def find_speech(
    sound: npt.NDArray[np.int16],
    rate: int = RATE,
    *,
    silence: float = 0.3,
    shortest: float = 0.25,
    pad: float = 0.1,
    block: int = 60 * RATE // STEP,
) -> tuple[Span, ...]:
    """Find spans of speech in the order of time; () without speech.

    Args:
        sound: (n,) mono samples; a memory map is read block by block.
        rate: Hz; 16,000.
        silence: seconds without voice that end a span.
        shortest: least seconds of a span.
        pad: seconds added on both sides, at most half of the silence there.
        block: steps computed at once.

    Raises:
        UserError: faster-whisper is not installed.
    """
    if rate != RATE:
        raise ValueError(f"voice is detected at {RATE} Hz, not {rate}")
    step, length = STEP / RATE, len(sound) / RATE
    found: list[list[float]] = []
    begin = quiet = None
    position = 0
    for position, probability in enumerate(probabilities(sound, block)):
        if probability >= BEGIN:
            begin, quiet = position if begin is None else begin, None
        elif begin is not None and probability < END:
            quiet = position if quiet is None else quiet
            if (position + 1 - quiet) * step >= silence:
                found.append([begin * step, quiet * step])
                begin = quiet = None
    if begin is not None:
        found.append([begin * step, length if quiet is None else quiet * step])
    found = [[a, b] for a, b in found if b - a >= shortest]
    edges = [-pad * 2, *(edge for pair in found for edge in pair), length + pad * 2]
    before = [min(pad, (edges[2 * n + 1] - edges[2 * n]) / 2) for n in range(len(found) + 1)]
    return tuple(Span(max(a - before[n], 0.0), min(b + before[n + 1], length)) for n, (a, b) in enumerate(found))


def probabilities(sound: npt.NDArray[np.int16], block: int) -> Iterator[float]:
    """Yield the probability of speech in each step of 32 ms, computing ``block`` steps at once."""
    session = _session()
    h = c = np.zeros((1, 1, 128), np.float32)
    for first in range(0, len(sound), block * STEP):
        # silence pads the last step and precedes the first one
        samples = np.zeros(min(block, -(-(len(sound) - first) // STEP)) * STEP + CONTEXT, np.float32)
        begin = max(first - CONTEXT, 0)
        piece = np.asarray(sound[begin : first + block * STEP])
        at = CONTEXT - (first - begin)
        samples[at : at + len(piece)] = piece
        samples /= 32768
        windows = np.lib.stride_tricks.sliding_window_view(samples, STEP + CONTEXT)[::STEP]
        answer, h, c = session.run(None, {"input": np.ascontiguousarray(windows), "h": h, "c": c})
        yield from answer.ravel().tolist()


@lru_cache(maxsize=1)
def _session() -> Any:
    try:
        from faster_whisper.vad import get_vad_model
    except ImportError:
        raise UserError("faster-whisper is not installed", install_extra("media")) from None
    return get_vad_model().session
