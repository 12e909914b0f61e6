"""Cross-validation of a stored dataset: ``NAME@KofN`` is NAME with fold K of N by video as its test split.

All utterances of the dataset, from all splits, are divided into N folds by video. Fold K is the test split, the next
one (cyclically) valid, the others train: a model is trained and selected without its test videos, and over K = 1 to N
every utterance is tested once. Utterances of other datasets that are trained on too are left out if their video is in
the test or valid fold, see `sentiprism.data.joined`.

A pitfall of such folds: the higher the mean label of the left-out videos, the lower the mean label of train. An
uninformative model predicts the mean of train, so over all folds its predictions are anti-correlated with the labels
(Pearson's r of -0.4 on pure noise, with a few videos), and a model stacked on them can infer a video's mean from them.
So r within videos (prediction and label minus their video's mean) is reported in addition to r, and a stack on
predictions of folds must be nested: fitted on folds of train only.
"""

import hashlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from sentiprism.data.dataset import SPLITS, Dataset, Split
from sentiprism.data.importers.folds import split_videos
from sentiprism.data.joined import describe_split
from sentiprism.data.names import fold_name
from sentiprism.data.ragged import Ragged


def split_by_fold(dataset: Dataset, fold: str) -> Dataset:
    """Split a dataset by folds: one of N folds by video is test, the next one valid, the others train.

    Args:
        dataset: opened; only labels and offsets are copied.
        fold: ``K/N``.

    Raises:
        UserError: the fold does not exist, or there are more folds than videos.
    """
    parts = [dataset.split(name) for name in SPLITS]
    whole = _joined(parts)
    videos = whole.video_ids.tolist()
    place = split_videos(fold, Counter(videos), [])
    own = np.array([place[video] for video in videos])
    splits = {name: replace(whole.subset(np.flatnonzero(own == name)), name=name) for name in SPLITS}
    number, count = fold.split("/")
    note = f"fold {number} of {count} by video over all {len(whole)} utterances: it is test, the next fold valid"
    card = dataset.card.model_copy(
        update={
            "name": fold_name(dataset.name, int(number), int(count)),
            "fold": fold,
            "splits": {name: describe_split(split) for name, split in splits.items()},
            "warnings": (*dataset.card.warnings, note),
            "content": hashlib.sha256(f"{dataset.card.content}\n{fold}".encode()).hexdigest(),
            "hashes": {},
        }
    )
    return Dataset(card, *splits.values())


def _joined(parts: list[Split]) -> Split:
    """Concatenate all splits."""

    def each(get: Callable[[Split], dict[str, Any]]) -> dict[str, list[Any]]:
        found = [get(part) for part in parts]
        return {name: [one[name] for one in found] for name in found[0] if all(name in one for one in found)}

    texts = [part.texts or (None,) * len(part) for part in parts]
    return Split(
        "all",
        np.concatenate([part.ids.astype(str) for part in parts]),
        np.concatenate([part.video_ids.astype(str) for part in parts]),
        None if all(part.texts is None for part in parts) else tuple(text for own in texts for text in own),
        {name: np.concatenate(values) for name, values in each(lambda part: part.labels).items()},
        {name: Ragged.joined(columns) for name, columns in each(lambda part: part.sequences).items()},
        {name: np.concatenate(values) for name, values in each(lambda part: part.planted).items()},
    )
