"""Hidden states of Whisper base's encoder: 512 learned columns of voice, 12.5 per second."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sentiprism.assets.registry import fetch
from sentiprism.features.extractors.base import AudioExtractor
from sentiprism.features.states import Reading, encode_sound
from sentiprism.features.track import Floats, Track
from sentiprism.media.whisper import RATE, STATE_RATE, WINDOW, load
from sentiprism.recipe import Recipe

POOLED = 4
"""Encoder states averaged per step; 12.5 steps per second still resolve syllables."""
WIDTH = 512
"""Width of Whisper base."""


class WhisperStates(AudioExtractor):
    """Mean over 80 ms of the last layer's states, after normalising the level, so that gain does not matter.

    A sound of at most 30 s is encoded without padding, so that no step comes from padded silence. A longer one is
    encoded in windows of 30 s, of which the middle 20 s are kept; a step has 5 s of sound on both sides. Every state
    depends on its whole window and on its position there: the same words 6 s later have states with a correlation of
    0.5. So an utterance is encoded separately, from its start (see `AudioExtractor.contextual`).
    """

    name = "whisper"
    sample_rate = RATE
    contextual = True
    recipe = Recipe(
        extractor="whisper",
        columns=tuple(f"state_{number:03d}" for number in range(WIDTH)),
        units=("1",) * WIDTH,
        rate=STATE_RATE / POOLED,
    )

    def __call__(self, sound: npt.NDArray[np.int16]) -> Track:
        """See `AudioExtractor`; values are float16."""
        reading = Reading(RATE, RATE // STATE_RATE, int(WINDOW * STATE_RATE), POOLED, WIDTH)
        return encode_sound(sound, reading, _encode)


def _encode(pieces: Sequence[npt.NDArray[np.int16]]) -> list[Floats]:
    whisper = load(fetch("whisper-base"))
    return [whisper.states(piece) for piece in pieces]
