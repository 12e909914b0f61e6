"""Random data with a dataset's shapes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import Split
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.ragged import Ragged
from sentiprism.types import Batch, FeatureSpec, Sequence

TEXTS = {
    3: 3, 4: 11, 5: 20, 6: 55, 7: 85, 8: 96, 9: 80, 10: 111, 11: 98, 12: 79, 13: 68, 14: 64, 15: 57, 16: 52, 17: 48,
    18: 39, 19: 31, 20: 37, 21: 29, 22: 36, 23: 17, 24: 24, 25: 10, 26: 9, 27: 15, 28: 15, 29: 7, 30: 14, 31: 9, 32: 16,
    33: 4, 34: 4, 35: 5, 36: 4, 37: 1, 38: 2, 39: 4, 40: 1, 41: 5, 42: 1, 44: 3, 45: 4, 48: 1, 49: 1, 50: 9,
}  # fmt: skip
"""Number of texts in MOSI's train split by BERT tokens, including [CLS] and [SEP], truncated at 50
(checked in tests/unit/test_benchmarks.py)."""
PADDED = {"text": 50, "audio": 375, "vision": 500}
"""Padded length of MOSI in the MMSA distribution."""
WIDTHS = {"audio": 5, "vision": 20}
"""Features per step there."""
RATES = {"audio": 12.5, "vision": 15.0}
"""Frames per second there."""
WORDS_A_SECOND = (2.0, 4.0)
"""Slow and fast speech, to estimate the duration of a text."""
VOCABULARY = 30522


class Shapes(NamedTuple):
    """Shapes of a dataset in the MMSA distribution."""

    steps: dict[str, int]
    """Padded length of text, audio and vision."""
    widths: dict[str, int]
    """Features per step of audio and vision."""
    aligned: bool = False
    """Whether audio and vision are aligned with the text."""


def _even(steps: int) -> dict[str, int]:
    return dict.fromkeys(("text", "audio", "vision"), steps)


MOSI = Shapes(PADDED, WIDTHS)
_MOSEI = {"audio": 74, "vision": 35}
DISTRIBUTED = {
    "mosi": MOSI,
    "mosi_aligned": Shapes(_even(50), WIDTHS, aligned=True),
    "mosei": Shapes({"text": 50, "audio": 500, "vision": 500}, _MOSEI),
    "mosei_aligned": Shapes(_even(50), _MOSEI, aligned=True),
    "sims": Shapes({"text": 39, "audio": 400, "vision": 55}, {"audio": 33, "vision": 709}),
    "urfunny": Shapes(_even(50), {"audio": 81, "vision": 371}, aligned=True),
}
"""Shapes by dataset; UR-FUNNY's release is not padded and has one step per word."""


def mosi_shapes(
    *,
    unaligned: bool = True,
    vocabulary: int = VOCABULARY,
    text_width: int | None = None,
    shapes: Shapes = MOSI,
) -> Split:
    """Make a split with the shapes of MOSI's train split, in random order, with random content.

    Args:
        unaligned: audio (T, 5) and vision (T, 20), as long as it takes to speak the text; else one vector of 73 audio
            features and no vision.
        vocabulary: number of token ids.
        text_width: features per text step, instead of token ids.
        shapes: shapes of another dataset, with texts as long as MOSI's and frame rates in proportion to the padded
            lengths.
    """
    rng = np.random.default_rng(0)
    tokens = np.minimum(rng.permutation(np.repeat(list(TEXTS), list(TEXTS.values()))), shapes.steps["text"])
    N = len(tokens)
    sequences: dict[str, list[npt.NDArray[Any]]] = {}
    if text_width is None:
        sequences["token_ids"] = [rng.integers(0, vocabulary, T) for T in tokens]
    else:
        sequences["text"] = [rng.standard_normal((T, text_width), np.float32) for T in tokens]
    if unaligned:
        seconds = tokens / rng.uniform(*WORDS_A_SECOND, N)
        for name, width in shapes.widths.items():
            most = shapes.steps[name]
            rate = RATES[name] * most / PADDED[name]
            frames = tokens if shapes.aligned else np.clip(np.round(seconds * rate), 1, most).astype(int)
            sequences[name] = [rng.standard_normal((T, width), np.float32) for T in frames]
    else:
        sequences["audio"] = list(rng.standard_normal((N, 1, 73), np.float32))
    names = np.arange(N).astype(str)
    columns = {name: Ragged.from_rows(rows) for name, rows in sequences.items()}
    return Split("train", names, names, None, {"M": rng.uniform(-3, 3, N).astype(np.float32)}, columns)


class Padded(PreparedSplit):
    """A split whose sequences are all padded to one length, which disables grouping by length.

    Args:
        split: as in `PreparedSplit`.
        features: as in `PreparedSplit`.
        steps: padded length of text, audio and vision.
    """

    def __init__(self, split: Split, features: FeatureSpec, steps: Mapping[str, int] = PADDED) -> None:
        super().__init__(split, features)
        self.padded = steps

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """(N,) constant lengths, which disable length grouping."""
        return np.full(len(self), self.padded["text"])

    def batch(self, indices: npt.ArrayLike) -> Batch:
        """Make a batch with more padding; single vectors per utterance are not padded."""
        batch = super().batch(indices)
        text, audio, vision = (_pad(getattr(batch, name), steps) for name, steps in self.padded.items())
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
