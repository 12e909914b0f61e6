"""What goes wrong with inputs outside the laboratory, drawn by utterance: an utterance is damaged alike in any batch.

Of an utterance's draws, the strength of a corruption is only the threshold or the scale: what is missing, dropped or
misheard at one strength still is at every higher one, so that a curve over strengths is not shaken by new draws.
"""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import Split
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.ragged import Ragged
from sentiprism.errors import UserError
from sentiprism.types import MODALITIES, FeatureSpec, Modality

Kind = Literal["missing", "swap", "noise", "frames", "delay", "words"]
KINDS: tuple[Kind, ...] = get_args(Kind)
WHOLE: tuple[Kind, ...] = ("missing", "swap")
"""Kinds that leave an utterance as it is or strike the whole of a modality; strength is their probability."""
HIGHEST: dict[Kind, float] = {"missing": 1, "swap": 1, "noise": 2, "frames": 1, "delay": 1, "words": 0.5}
"""Largest strength of a curve."""
TITLES: dict[Kind, str] = {
    "missing": "missing with probability",
    "swap": "another utterance's with probability",
    "noise": "Gaussian noise, in deviations of the feature",
    "frames": "frames dropped with probability",
    "delay": "delayed by a part of its length",
    "words": "words in error with probability",
}
"""What a strength means."""

Steps = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


class Corruption(NamedTuple):
    """One kind of damage to one modality."""

    kind: Kind
    modality: Modality
    strength: float
    seed: int = 0


class Changed(Ragged):
    """Rows that are made when they are asked for: nothing of a changed split is held in memory.

    Args:
        lengths: (N,) int64 number of steps that ``make`` gives; a row of 0 steps is not asked for.
        width: F, or 0 for ids.
        make: a row's number -> its steps (T, F) or (T,).
    """

    def __init__(self, lengths: npt.NDArray[np.int64], width: int, make: Callable[[int], Steps]) -> None:
        self.lengths, self.width, self._make = lengths, width, make

    def __getitem__(self, row: int) -> Steps:
        if not self.lengths[row]:
            return np.empty((0, self.width) if self.width else 0, np.float32 if self.width else np.int32)
        return self._make(row)


def possible(features: FeatureSpec, modality: Modality) -> tuple[Kind, ...]:
    """Kinds of damage that a modality can take.

    Text that an encoder reads has word errors where there are transcripts; noise, lost frames and delay are for
    sequences of features that no encoder of text made.
    """
    spec = getattr(features, modality)
    if spec is None:
        return ()
    if spec.encoder is None:
        return tuple(kind for kind in KINDS if kind != "words")
    return (*WHOLE, "words") if spec.source == "raw" else WHOLE


def corrupted(data: PreparedSplit, corruption: Corruption, deviation: Floats | None = None) -> PreparedSplit:
    """The same split with one modality damaged; the draws depend on seed, kind, modality and the utterance's id.

    - ``missing``: in an utterance with probability p.
    - ``swap``: with probability p that of another utterance of the split.
    - ``noise``: Gaussian, σ times the feature's deviation.
    - ``frames``: each dropped with probability p; the others move up. Where all are, the modality is missing.
    - ``delay``: later by the part d of its length: as many steps of zeros at the beginning, the last steps lost.
    - ``words``: see `word_errors`; the text is tokenised (or encoded by a frozen encoder, and cached) anew.

    Args:
        data: the clean split.
        corruption: kind, modality, strength, seed.
        deviation: (F,) of the features as they are stored, for ``noise``.

    Raises:
        UserError: the modality cannot be damaged so, or the strength is out of its range.
    """
    kind, modality, strength, seed = corruption
    if kind not in possible(data.features, modality):
        known = ", ".join(possible(data.features, modality)) or "nothing: the dataset has none"
        raise UserError(f"{modality} as the model reads it cannot be damaged by {kind}", f"it can by {known}")
    if strength < 0 or (strength > 1 and kind != "noise"):
        raise UserError(f"{kind} of strength {strength:g}", "give 0 to 1; noise may be larger")
    if kind == "words":
        texts = word_errors(data.split, strength, seed)
        return PreparedSplit(replace(data.split, texts=texts), data.features)
    other = data.altered(modality, _damaged(data.rows(modality), data.split.ids, corruption, deviation))
    if kind == "swap" and modality == "text" and data.context is not None:  # it has room beside its own words alone
        other = other.with_context(_damaged(data.context, data.split.ids, corruption, deviation))
    return other


def chance(ids: npt.NDArray[Any], kind: Kind, modality: Modality, seed: int = 0) -> Floats:
    """(N,) the draw of each utterance on [0, 1): a kind of `WHOLE` strikes it where that is below the strength."""
    return np.array([stream(id_, kind, modality, seed).random() for id_ in ids.tolist()])


def stream(id_: object, kind: Kind, modality: Modality, seed: int) -> np.random.Generator:
    """The draws of one utterance for one kind of damage to one modality."""
    digest = hashlib.blake2b(str(id_).encode(), digest_size=16).digest()
    key = [seed, KINDS.index(kind), MODALITIES.index(modality), int.from_bytes(digest, "little")]
    return np.random.default_rng(key)


def word_errors(split: Split, rate: float, seed: int = 0) -> tuple[str | None, ...] | None:
    """Transcripts in which each word is, with probability ``rate``, replaced, deleted or followed by another.

    The three are equally likely; wrong words are drawn from all words of the split's transcripts, as often as they
    stand there.

    Args:
        split: with transcripts; None stays None.
        rate: expected word error rate.
        seed: of the draws.
    """
    if split.texts is None:
        return None
    spoken = [word for text in split.texts if text for word in text.split()]
    return tuple(
        text and _misheard(text.split(), rate, spoken, stream(id_, "words", "text", seed))
        for id_, text in zip(split.ids.tolist(), split.texts, strict=True)
    )


def _misheard(words: list[str], rate: float, spoken: list[str], draw: np.random.Generator) -> str:
    hit, error, wrong = draw.random(len(words)), draw.integers(3, size=len(words)), draw.random(len(words))
    heard: list[str] = []
    for i, word in enumerate(words):
        if hit[i] >= rate:
            heard.append(word)
            continue
        other = spoken[int(wrong[i] * len(spoken))]
        heard += ([other], [], [word, other])[error[i]]  # substitution, deletion, insertion
    return " ".join(heard)


def _damaged(rows: Ragged, ids: npt.NDArray[Any], corruption: Corruption, deviation: Floats | None) -> Ragged:
    kind, modality, strength, seed = corruption
    lengths = rows.lengths

    def draws(row: int) -> np.random.Generator:
        return stream(ids[row], kind, modality, seed)

    if kind == "missing":
        left = np.where(chance(ids, kind, modality, seed) < strength, 0, lengths)
        return Changed(left, rows.width, lambda row: rows[row])
    if kind == "swap":
        source = _partners(ids, strength, draws)
        return Changed(lengths[source], rows.width, lambda row: rows[int(source[row])])
    if kind == "frames":
        kept = [draws(row).random(length) >= strength for row, length in enumerate(lengths.tolist())]
        return Changed(np.array([k.sum() for k in kept], np.int64), rows.width, lambda row: rows[row][kept[row]])
    if kind == "delay":
        return Changed(lengths, rows.width, lambda row: _late(rows[row], strength))
    if deviation is None:
        raise ValueError("noise needs the deviation of the features")
    scale = (strength * deviation).astype(np.float32)
    return Changed(lengths, rows.width, lambda row: noisy(rows[row], scale, draws(row)))


def noisy(steps: Steps, scale: Steps, draw: np.random.Generator) -> Steps:
    """Steps (T, F) with Gaussian noise of deviation ``scale`` (F,)."""
    return np.asarray(steps + scale * draw.standard_normal(steps.shape, np.float32))


def _partners(
    ids: npt.NDArray[Any], strength: float, draws: Callable[[int], np.random.Generator]
) -> npt.NDArray[np.int64]:
    """(N,) the row that each row's modality is taken from: its own, or one of the N - 1 others."""
    source = np.arange(len(ids))
    for row in range(len(ids) if len(ids) > 1 else 0):
        draw = draws(row)
        if draw.random() < strength:
            source[row] = (row + draw.integers(1, len(ids))) % len(ids)
    return source


def _late(steps: Steps, part: float) -> Steps:
    late = round(part * len(steps))
    blank = np.zeros((late, *steps.shape[1:]), steps.dtype)
    return np.concatenate([blank, steps[: len(steps) - late]])
