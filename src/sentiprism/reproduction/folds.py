"""Pool the folds of a cross-validation."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import zip_longest
from math import nan
from typing import Any

import numpy as np

from sentiprism.data.names import short_name
from sentiprism.evaluation.bootstrap import Interval
from sentiprism.evaluation.constant import score
from sentiprism.evaluation.measurement import Evaluation
from sentiprism.evaluation.within import WITHIN, resample_within
from sentiprism.reproduction.result import Result
from sentiprism.training.predict import Predictions


def pool_folds(results: list[Result]) -> list[Result]:
    """Pool the folds of each complete cross-validation of one configuration.

    Folds belong together if settings, finished seeds, number of folds and the dataset's name without the fold's number
    are the same, and no utterance is tested in two of them. If a fold was trained twice, the first run is pooled and
    the second one stays separate, as do the folds of an incomplete set.
    """
    groups: dict[Any, dict[int, list[Result]]] = {}
    for one in results:
        fold, count = _fold(one)
        key: Any = one.run.folder
        if count > 1:
            settings = one.run.config.model_dump_json(exclude={"dataset"})
            key = settings, one.evaluation.seeds, count, stem(one.evaluation.dataset, fold)
        groups.setdefault(key, {}).setdefault(fold, []).append(one)
    found: list[Result] = []
    for folds in groups.values():
        for row in zip_longest(*(folds[fold] for fold in sorted(folds))):
            parts = [one for one in row if one is not None]
            found += [_join(parts)] if _complete(parts) else parts
    return found


def stem(name: str, fold: int) -> str:
    """A dataset's name without its fold: ``simsv2`` of ``simsv2_1``, ``mosi+mosei`` of ``mosi@1of6+mosei``."""
    found = re.sub(rf"@{fold}of[0-9]+(?=$|\+)", "", name)
    if found != name:
        return found
    base = name.removesuffix(str(fold))
    return base.rstrip("_-") if base != name and base[-1:] in {"_", "-"} else name


def _fold(one: Result) -> tuple[int, int]:
    fold, _, count = (one.run.environment["dataset"].get("fold") or "1/1").partition("/")
    return int(fold), int(count)


def _complete(parts: list[Result]) -> bool:
    count = _fold(parts[0])[1]
    ids = np.concatenate([one.evaluation.predictions[0].ids for one in parts])
    return 1 < count == len(parts) and len(np.unique(ids)) == len(ids)


def _join(parts: list[Result]) -> Result:
    fold, count = _fold(parts[0])
    name = f"{stem(parts[0].evaluation.dataset, fold)}, {count} folds by video"
    return parts[0]._replace(
        evaluation=join_evaluations([one.evaluation for one in parts], name),
        seconds=sum(one.seconds for one in parts),
        valid=(parts[0].valid[0], [score for one in parts for score in one.valid[1]]),
        command=_loop(parts),
    )


def join_evaluations(parts: Sequence[Evaluation], dataset: str) -> Evaluation:
    """Evaluate the predictions of all folds together; for intensities, also r within videos.

    Args:
        parts: evaluations of one configuration on different videos.
        dataset: name of the whole.
    """
    first = parts[0]
    joined = tuple(_concatenated(seed) for seed in zip(*(one.predictions for one in parts), strict=True))
    stacked, label, videos = np.stack([one.prediction for one in joined]), joined[0].label, joined[0].videos
    known = [one.constant for one in parts if one.constant is not None]
    constant, intensities = None, first.protocol.kind == "intensity"
    if len(known) == len(parts):  # all folds have one
        which = "mean of train's labels" if intensities else "most frequent class of train"
        said = f"{which}, of each fold its own"
        constant = np.concatenate([one.prediction for one in known]), said
    metrics, against = score(stacked, label, first.protocol, videos, constant)
    if against is not None and "pearson" in against.metrics:
        undefined = {**against.metrics, "pearson": Interval(nan, nan, nan, nan)}  # it would only reflect the folds
        against = against._replace(metrics=undefined)
    within = None
    if videos is not None and intensities:
        within = resample_within(stacked, label, videos).intervals()[WITHIN]
    return replace(first, dataset=dataset, predictions=joined, metrics=metrics, constant=against, within=within)


def _loop(parts: list[Result]) -> str:
    """One command for all folds, if only the number in the dataset's name differs."""
    count = _fold(parts[0])[1]
    whole = {one.command.replace(f"@{_fold(one)[0]}of{count}", "") for one in parts}
    if len(whole) == 1 and parts[0].command not in whole:
        return f"{whole.pop()} --folds {count}"
    names = [(short_name(one.run.config.dataset), _fold(one)[0]) for one in parts]
    prefixes = {name.removesuffix(str(fold)) for name, fold in names}
    commands = {
        one.command.replace(f"--dataset {name}", f"--dataset {name.removesuffix(str(fold))}$k")
        for one, (name, fold) in zip(parts, names, strict=True)
    }
    if len(prefixes) > 1 or len(commands) > 1:
        return " && ".join(one.command for one in parts)
    return f"for k in {' '.join(str(fold) for _, fold in names)}; do {commands.pop()}; done"


def _concatenated(parts: Iterable[Predictions]) -> Predictions:
    parts = list(parts)
    ids, label, prediction = (
        np.concatenate(column) for column in zip(*((p.ids, p.label, p.prediction) for p in parts), strict=True)
    )
    known = [one.videos for one in parts if one.videos is not None]
    videos = np.concatenate(known) if len(known) == len(parts) else None
    return Predictions(ids, label, prediction, {}, videos=videos)
