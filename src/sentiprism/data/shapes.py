"""Batches of MOSI's shapes without its content, to measure time and memory on: only the shape decides those."""

from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import Split
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.ragged import Ragged
from sentiprism.types import Batch, Sequence

TEXTS = {
    3: 3, 4: 11, 5: 20, 6: 55, 7: 85, 8: 96, 9: 80, 10: 111, 11: 98, 12: 79, 13: 68, 14: 64, 15: 57, 16: 52, 17: 48,
    18: 39, 19: 31, 20: 37, 21: 29, 22: 36, 23: 17, 24: 24, 25: 10, 26: 9, 27: 15, 28: 15, 29: 7, 30: 14, 31: 9, 32: 16,
    33: 4, 34: 4, 35: 5, 36: 4, 37: 1, 38: 2, 39: 4, 40: 1, 41: 5, 42: 1, 44: 3, 45: 4, 48: 1, 49: 1, 50: 9,
}  # fmt: skip
"""Texts of MOSI's train split by tokens of BERT's vocabulary, [CLS] and [SEP] among them, cut at 50
(tests/unit/test_benchmarks.py counts them)."""
PADDED = {"text": 50, "audio": 375, "vision": 500}
"""Steps that the MMSA distribution pads MOSI to."""
WIDTHS = {"audio": 5, "vision": 20}
"""Features a step there."""
RATES = {"audio": 12.5, "vision": 15.0}
"""Frames a second there."""
WORDS_A_SECOND = (2.0, 4.0)
"""Slow and fast speech, to give a text its seconds."""
VOCABULARY = 30522


def mosi_shapes(*, unaligned: bool = True, vocabulary: int = VOCABULARY, text_width: int | None = None) -> Split:
    """MOSI's train split in shape, in random order, with random content.

    Args:
        unaligned: audio (T, 5) and vision (T, 20) as long as the text takes to speak; else one vector of 73 audio
            features and no vision.
        vocabulary: token ids are below it.
        text_width: features of a text step in the place of token ids.
    """
    rng = np.random.default_rng(0)
    tokens = rng.permutation(np.repeat(list(TEXTS), list(TEXTS.values())))
    N = len(tokens)
    sequences: dict[str, list[npt.NDArray[Any]]] = {}
    if text_width is None:
        sequences["token_ids"] = [rng.integers(0, vocabulary, T) for T in tokens]
    else:
        sequences["text"] = [rng.standard_normal((T, text_width), np.float32) for T in tokens]
    if unaligned:
        seconds = tokens / rng.uniform(*WORDS_A_SECOND, N)
        for name, width in WIDTHS.items():
            frames = np.clip(np.round(seconds * RATES[name]), 1, PADDED[name]).astype(int)
            sequences[name] = [rng.standard_normal((T, width), np.float32) for T in frames]
    else:
        sequences["audio"] = list(rng.standard_normal((N, 1, 73), np.float32))
    names = np.arange(N).astype(str)
    columns = {name: Ragged.from_rows(rows) for name, rows in sequences.items()}
    return Split("train", names, names, None, {"M": rng.uniform(-3, 3, N).astype(np.float32)}, columns)


class Padded(PreparedSplit):
    """A split whose sequences are all padded to one length, so that grouping by length has nothing to group."""

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """(N,) all alike."""
        return np.full(len(self), PADDED["text"])

    def batch(self, indices: npt.ArrayLike) -> Batch:
        """The same batch with more padding; one vector an utterance stays one."""
        batch = super().batch(indices)
        text, audio, vision = (_pad(getattr(batch, name), steps) for name, steps in PADDED.items())
        return batch._replace(text=text, audio=audio, vision=vision)


def _pad(sequence: Sequence, steps: int) -> Sequence:
    from torch import nn

    more = steps - sequence.mask.shape[1]
    if sequence.values.is_floating_point():
        if sequence.mask.shape[1] == 1:
            return sequence
        values = nn.functional.pad(sequence.values, (0, 0, 0, more))
        return Sequence(values, nn.functional.pad(sequence.mask, (0, more)))
    return Sequence(nn.functional.pad(sequence.values, (0, more)), nn.functional.pad(sequence.mask, (0, more)))
