"""Hidden states of Whisper base's encoder: 512 learned columns of voice, 12.5 times a second."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sentiprism.features.assets import fetch
from sentiprism.features.extractors._sound import blocks
from sentiprism.features.extractors.base import AudioExtractor
from sentiprism.features.tracks import Track
from sentiprism.media.whisper import RATE, STATE_RATE, WINDOW, load
from sentiprism.recipe import Recipe

POOLED = 4
"""States of the encoder to a step: their mean. 12.5 steps a second still follow every syllable."""
WIDTH = 512
"""Of Whisper base."""
CORE, AROUND = 1000, 250
"""States taken of one window where a sound is longer than the encoder reads, and those heard before and after."""


class WhisperStates(AudioExtractor):
    """Mean over 80 ms of the last layer's states; each sound is brought to one level first, so that gain is nothing.

    A sound of at most 30 s is encoded as it is, without padding: no step is made of silence that was filled in. A
    longer one is encoded in windows of 30 s, of which the middle 20 s are kept; a step has 5 s of sound on both sides.
    Every state hears its whole window and knows its place there: the same words 6 s later have states that correlate
    at 0.5. So an utterance is encoded by itself, from its beginning (see `AudioExtractor.contextual`).
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
        hop = RATE // STATE_RATE
        count = -(-len(sound) // hop)
        edges = np.arange(0, count, POOLED)
        values = np.empty((len(edges), WIDTH), np.float16)
        for first, states in _encoded(sound, count, hop):
            starts = np.arange(0, len(states), POOLED)
            lengths = np.diff(np.append(starts, len(states)))
            pooled = np.add.reduceat(states, starts, axis=0) / lengths[:, None]
            values[first // POOLED :][: len(pooled)] = pooled
        ends = np.minimum((edges + POOLED) * hop, len(sound))  # the last step may be shorter
        return Track((edges * hop + ends) / (2 * RATE), values)


def _encoded(sound: npt.NDArray[np.int16], count: int, hop: int) -> Iterator[tuple[int, npt.NDArray[np.float32]]]:
    """Number of the first state and the states (t, 512) of one window after the other; together they are ``count``."""
    core, around = (int(WINDOW * STATE_RATE), 0) if count <= WINDOW * STATE_RATE else (CORE, AROUND)
    for first, last in blocks(count, core):
        begin = max(first - around, 0)
        states = load(fetch("whisper-base")).states(sound[begin * hop : (last + around) * hop])
        yield first, states[first - begin :][: last - first]
