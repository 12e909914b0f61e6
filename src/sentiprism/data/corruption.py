"""Input corruptions; draws depend on utterance id and seed only.

The strength of a corruption is only a threshold or scale for an utterance's draws: what is missing, dropped or misheard
at one strength also is at every higher one, so that a curve over strengths has no noise from new draws.
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
"""Kinds that affect a whole modality or nothing; their strength is the probability."""
HIGHEST: dict[Kind, float] = {"missing": 1, "swap": 1, "noise": 2, "frames": 1, "delay": 1, "words": 0.5}
"""Largest strength of a curve."""
TITLES: dict[Kind, str] = {
    "missing": "missing with probability",
    "swap": "another utterance's with probability",
    "noise": "Gaussian noise, in standard deviations of the feature",
    "frames": "frames dropped with probability",
    "delay": "delayed by a fraction of its length",
    "words": "words in error with probability",
}
"""Meaning of the strength."""

Steps = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]


class Corruption(NamedTuple):
    """One kind of corruption of one modality."""

    kind: Kind
    modality: Modality
    strength: float
    seed: int = 0


class Changed(Ragged):
    """Rows that are computed on access, so that a changed split needs no memory.

    Args:
        lengths: (N,) int64 number of steps that ``make`` returns; it is not called for rows of 0 steps.
        width: F, or 0 for ids.
        make: function from a row index to its steps (T, F) or (T,).
    """

    def __init__(self, lengths: npt.NDArray[np.int64], width: int, make: Callable[[int], Steps]) -> None:
        self.lengths, self.width, self._make = lengths, width, make

    def __getitem__(self, row: int) -> Steps:
        if not self.lengths[row]:
            return np.empty((0, self.width) if self.width else 0, np.float32 if self.width else np.int32)
        return self._make(row)


def possible_kinds(features: FeatureSpec, modality: Modality) -> tuple[Kind, ...]:
    """Kinds of corruption that are possible_kinds for a modality.

    Text for an encoder can have word errors if there are transcripts; noise, dropped frames and delay are for features
    that were not made by a text encoder.
    """
    spec = getattr(features, modality)
    if spec is None:
        return ()
    if spec.encoder is None:
        return tuple(kind for kind in KINDS if kind != "words")
    return (*WHOLE, "words") if spec.source == "raw" else WHOLE


def corrupt(data: PreparedSplit, corruption: Corruption, deviation: Floats | None = None) -> PreparedSplit:
    """Corrupt one modality of a split; draws depend on seed, kind, modality and the utterance's id.

    - ``missing``: in an utterance with probability p.
    - ``swap``: with probability p, replaced by that of another utterance of the split.
    - ``noise``: Gaussian, σ times the feature's standard deviation.
    - ``frames``: each dropped with probability p; the others move up. If all are dropped, the modality is missing.
    - ``delay``: delayed by the fraction d of its length: zeros at the start, the last steps are lost.
    - ``words``: see `word_errors`; the text is tokenised again (or encoded by a frozen encoder, and cached).

    Args:
        data: the clean split.
        corruption: kind, modality, strength, seed.
        deviation: (F,) standard deviation of stored features, for ``noise``.

    Raises:
        UserError: the corruption is not possible for the modality, or the strength is outside its range.
    """
    kind, modality, strength, seed = corruption
    if kind not in possible_kinds(data.features, modality):
        known = ", ".join(possible_kinds(data.features, modality)) or "none: the dataset lacks it"
        raise UserError(f"{kind} is not possible for {modality} of this model", f"choose from: {known}")
    if strength < 0 or (strength > 1 and kind != "noise"):
        raise UserError(f"{kind} of strength {strength:g}", "give 0 to 1; noise may be larger")
    if kind == "words":
        texts = word_errors(data.split, strength, seed)
        return PreparedSplit(replace(data.split, texts=texts), data.features)
    other = data.altered(modality, _corrupt_rows(data.rows(modality), data.split.ids, corruption, deviation))
    if (
        kind == "swap" and modality == "text" and data.context is not None
    ):  # a context is only valid for the utterance's own words
        other = other.with_context(_corrupt_rows(data.context, data.split.ids, corruption, deviation))
    return other


def chance(ids: npt.NDArray[Any], kind: Kind, modality: Modality, seed: int = 0) -> Floats:
    """(N,) draw of each utterance in [0, 1); a kind of `WHOLE` affects it if the draw is below the strength."""
    return np.array([stream(id_, kind, modality, seed).random() for id_ in ids.tolist()])


def stream(id_: object, kind: Kind, modality: Modality, seed: int) -> np.random.Generator:
    """Random generator of one utterance for one kind of corruption of one modality."""
    digest = hashlib.blake2b(str(id_).encode(), digest_size=16).digest()
    key = [seed, KINDS.index(kind), MODALITIES.index(modality), int.from_bytes(digest, "little")]
    return np.random.default_rng(key)


def word_errors(split: Split, rate: float, seed: int = 0) -> tuple[str | None, ...] | None:
    """Transcripts in which each word is, with probability ``rate``, replaced, deleted or followed by another.

    The three are equally likely; wrong words are drawn from all words of the split's transcripts by frequency.

    Args:
        split: with transcripts; None stays None.
        rate: expected word error rate.
        seed: seed of the draws.
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


def _corrupt_rows(rows: Ragged, ids: npt.NDArray[Any], corruption: Corruption, deviation: Floats | None) -> Ragged:
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
        raise ValueError("noise needs the standard deviation of the features")
    scale = (strength * deviation).astype(np.float32)
    return Changed(lengths, rows.width, lambda row: noisy(rows[row], scale, draws(row)))


def noisy(steps: Steps, scale: Steps, draw: np.random.Generator) -> Steps:
    """Add Gaussian noise with standard deviation ``scale`` (F,) to steps (T, F)."""
    return np.asarray(steps + scale * draw.standard_normal(steps.shape, np.float32))


def _partners(
    ids: npt.NDArray[Any], strength: float, draws: Callable[[int], np.random.Generator]
) -> npt.NDArray[np.int64]:
    """(N,) source row of each row's modality: itself, or one of the N - 1 others."""
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
