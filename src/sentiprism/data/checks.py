"""Check utterances while they are imported."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import replace
from math import floor, isfinite, log10
from typing import Any
from unicodedata import category

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import SEQUENCES, SPLITS, SplitCard, Utterance
from sentiprism.errors import UserError, suggest
from sentiprism.types import TargetSpec

TOLERANCE = 1e-5
"""Tolerance for labels outside of the range: 8/3 in float32 is not 8/3."""

MOST_NAME = 255
"""Most characters of an id, as of a file name."""
_MISLEADING = {*map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A)))}
"""Characters that change the writing direction, so that an id would be displayed differently."""


class Checks:
    """Check the utterances of a dataset: errors are raised at once, warnings collected for the end.

    Args:
        target: range or classes of the labels.
        allow_shared_videos: warn about a video that is in two splits instead of refusing it.
    """

    def __init__(self, target: TargetSpec, *, allow_shared_videos: bool = False) -> None:
        self.target, self.allow_shared_videos = target, allow_shared_videos
        self.labels: tuple[str, ...] = ()
        self.widths: dict[str, int] = {}
        self.planted: dict[str, int] = {}
        self.utterances: Counter[str] = Counter()
        self._text: dict[str, bool] = defaultdict(bool)
        self._ids: set[str] = set()
        self._videos: dict[str, set[str]] = defaultdict(set)
        self._histogram: dict[str, Counter[float]] = defaultdict(Counter)
        self._lengths: dict[tuple[str, str], list[int]] = defaultdict(list)
        self._replaced: Counter[tuple[str, str]] = Counter()
        self._first: dict[str, npt.NDArray[np.float32]] = {}
        self._varies: dict[str, npt.NDArray[np.bool_]] = {}

    def admit(self, split: str, utterance: Utterance) -> Utterance:
        """Check an utterance and convert it: finite float32 features (T, F) and int32 ids (T,), without missing ones.

        Raises:
            UserError: it is inconsistent with the target, the split or earlier utterances; the message has its id.
        """
        name = utterance.id
        if split not in SPLITS:
            raise UserError(f"{name!r}: no split is called {split!r}", suggest(split, SPLITS))
        check_name(name, "id", f"utterance {len(self._ids) + 1}")
        check_name(utterance.video_id, "video_id", repr(name))
        if name in self._ids:
            raise UserError(f"two utterances have the id {name!r}", "give each utterance a unique id")
        try:
            (utterance.text or "").encode()
        except UnicodeEncodeError:
            raise UserError(f"{name!r}: its text is not valid Unicode", "store texts as UTF-8") from None
        videos = self._videos[utterance.video_id]
        videos.add(split)
        if len(videos) > 1 and not self.allow_shared_videos:
            raise UserError(
                f"{name!r}: video {utterance.video_id!r} is in the splits {' and '.join(sorted(videos))}",
                "keep each video in one split, or allow shared videos if the official splits share them",
            )
        self._ids.add(name)
        self.utterances[split] += 1
        self._text[split] |= bool(utterance.text and utterance.text.strip())
        self._check_labels(split, utterance)
        sequences = {}
        for key, steps in utterance.sequences.items():
            clean = self._check_sequence(name, key, np.asarray(steps))
            if len(clean):
                sequences[key] = clean
                self._lengths[split, key].append(len(clean))
                if split == "train" and self.widths[key]:
                    self._watch(key, clean)
        planted = {key: np.asarray(value, np.float32).reshape(-1) for key, value in utterance.planted.items()}
        sizes = {key: len(value) for key, value in planted.items()}
        if sizes != self.planted and len(self._ids) > 1:
            raise UserError(
                f"{name!r} has the planted values {sizes}, earlier ones {self.planted}",
                "give all the same planted values",
            )
        self.planted = sizes
        return replace(utterance, sequences=sequences, planted=planted)

    def _check_labels(self, split: str, utterance: Utterance) -> None:
        name, names = utterance.id, tuple(sorted(utterance.labels, key=lambda key: (key != "M", key)))
        if "M" not in names:
            raise UserError(f"{name!r} has no label 'M'", "give each utterance its multimodal label")
        if self.labels and names != self.labels:
            raise UserError(
                f"{name!r} has the labels {', '.join(names)}, earlier ones {', '.join(self.labels)}",
                "give all utterances the same labels",
            )
        self.labels = names
        low, high = (
            (0.0, len(self.target.classes) - 1.0) if self.target.classes else (self.target.low, self.target.high)
        )
        for key, value in utterance.labels.items():
            if not isfinite(value):
                raise UserError(f"{name!r}: label {key} is {value}", "give it a number, or leave the utterance out")
            if self.target.kind == "classes" and (value != round(value) or not low <= value <= high):
                raise UserError(
                    f"{name!r}: label {key} = {value:g} is not a class from 0 to {high:g}",
                    f"use the index of the class in {', '.join(self.target.classes)}",
                )
            if not low - TOLERANCE <= value <= high + TOLERANCE:
                raise UserError(
                    f"{name!r}: label {key} = {value:g} is outside the range [{low:g}, {high:g}]",
                    "correct the label, or give the dataset its own range",
                )
        self._histogram[split][self._bin(utterance.labels["M"])] += 1

    def _bin(self, label: float) -> float:
        if self.target.kind == "classes":
            return label
        return round(label, -floor(log10((self.target.high - self.target.low) / 5))) + 0.0  # + 0.0 turns -0.0 into 0.0

    def _check_sequence(self, name: str, key: str, steps: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if key not in SEQUENCES:
            raise UserError(f"{name!r}: no sequence is called {key!r}", suggest(key, SEQUENCES))
        if key == "token_ids":
            if steps.ndim != 1 or (len(steps) and (steps.dtype.kind not in "iu" or steps.min() < 0)):
                raise UserError(
                    f"{name!r}: token_ids are not a row of whole numbers >= 0", "store ids as (T,) integers"
                )
            self.widths[key] = 0
            return np.array(steps, np.int32)
        if steps.size == 0:
            width = steps.shape[1] if steps.ndim > 1 else 0
            if len(steps) and not width:
                remedy = "store one number a feature, or leave the sequence out"
                raise UserError(f"{name!r}: {key} has features of width 0", remedy)
            return np.empty((0, self.widths.setdefault(key, width) if width else 0), np.float32)
        if steps.ndim != 2 or steps.dtype.kind not in "fiu":
            raise UserError(
                f"{name!r}: {key} has shape {steps.shape} and type {steps.dtype}",
                "store it as (T, F) numbers",
            )
        width = self.widths.setdefault(key, steps.shape[1])
        if steps.shape[1] != width:
            raise UserError(
                f"{name!r}: {key} has {steps.shape[1]} features per step, earlier utterances {width}",
                "extract all utterances with the same settings",
            )
        with np.errstate(over="ignore"):
            clean = np.array(steps, np.float32)
        if not np.isfinite(clean).all():
            nans = int(np.isnan(clean).sum())
            self._replaced[key, "NaN"] += nans
            self._replaced[key, "infinite"] += int((~np.isfinite(clean)).sum()) - nans
            clean[~np.isfinite(clean)] = 0
        return clean

    def _watch(self, key: str, steps: npt.NDArray[np.float32]) -> None:
        first = self._first.setdefault(key, steps[0])
        varies = self._varies.setdefault(key, np.zeros(len(first), np.bool_))
        if not varies.all():
            varies |= (steps != first).any(axis=0)

    def finish(
        self, expected: Mapping[str, int] | None = None, *, whole: bool = True
    ) -> tuple[dict[str, SplitCard], tuple[str, ...]]:
        """Statistics of each split, and the warnings.

        Args:
            expected: utterances of the official splits.
            whole: False = texts or features are still to come.

        Raises:
            UserError: a split is empty, or there is nothing in train to learn from.
        """
        for split in SPLITS:
            if not self.utterances[split]:
                raise UserError(
                    f"the {split} split is empty",
                    "give it utterances: models learn on train, are selected on valid and measured on test",
                )
        if whole and not self._text["train"] and not any(self._lengths["train", key] for key in SEQUENCES):
            raise UserError("the train split has no text and no features", "give texts, or features of a modality")
        return {split: self._card(split) for split in SPLITS}, tuple(self._warnings(expected or {}))

    def _card(self, split: str) -> SplitCard:
        found = self._histogram[split]
        if self.target.kind == "classes":
            histogram = {name: found[i] for i, name in enumerate(self.target.classes)}
        else:
            histogram = {f"{label:g}": found[label] for label in sorted(found)}
        present = {key: self._lengths[split, key] for key in SEQUENCES if key in self.widths}
        return SplitCard(
            utterances=self.utterances[split],
            videos=sum(split in splits for splits in self._videos.values()),
            label_histogram=histogram,
            lengths={key: (min(n), sum(n) / len(n), max(n)) for key, n in present.items() if n},
            missing={key: self.utterances[split] - len(n) for key, n in present.items()},
        )

    def _warnings(self, expected: Mapping[str, int]) -> list[str]:
        warnings = [
            f"{split} has {self.utterances[split]} utterances, the official split {size}"
            for split, size in expected.items()
            if self.utterances[split] != size
        ]
        shared = sum(len(splits) > 1 for splits in self._videos.values())
        if shared:
            warnings.append(f"{shared} videos stand in more than one split: what is tested was partly trained on")
        for (key, kind), count in self._replaced.items():
            if count:
                warnings.append(f"{key}: {count} {kind} values set to 0")
        for key in (key for key in SEQUENCES if key in self.widths):
            for split in SPLITS:
                size = self.utterances[split]
                missing = size - len(self._lengths[split, key])
                if missing:
                    warnings.append(f"{key}: missing in {missing} of {size} {split} utterances")
            constant = np.flatnonzero(~self._varies.get(key, np.ones(0, np.bool_)))
            if len(constant):
                columns = ", ".join(map(str, constant[:10])) + (", ..." if len(constant) > 10 else "")
                warnings.append(
                    f"{key}: {len(constant)} of {self.widths[key]} features are constant in train: {columns}"
                )
        return warnings


def check_name(name: str, what: str, whose: str) -> None:
    """Refuse a name that is blank, too long, or cannot be shown as it is.

    Args:
        name: an id, or what else the user named.
        what: it is, for messages.
        whose: name it is, for messages.

    Raises:
        UserError: it is one of these.
    """
    if not name.strip():
        raise UserError(f"{whose} has a blank {what}", "use letters, digits and signs")
    if len(name) > MOST_NAME:
        cause = f"{whose}: its {what} has {len(name):,} characters, the limit is {MOST_NAME}"
        raise UserError(cause, "give it a short one")
    wrong = next((sign for sign in name if category(sign) in {"Cc", "Cs", "Zl", "Zp"} or sign in _MISLEADING), None)
    if wrong is not None:
        cause = f"{whose}: the {what} {name!a} holds U+{ord(wrong):04X}, a character that cannot be shown"
        raise UserError(cause, "use letters, digits and signs")
