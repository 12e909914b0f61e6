"""Pool the folds of a cross-validation."""

from collections.abc import Iterable
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiprism.data.names import short_name
from sentiprism.evaluation.constant import score
from sentiprism.training.predict import Predictions

if TYPE_CHECKING:
    from sentiprism.reproduction.results import Result


def pooled(results: "list[Result]") -> "list[Result]":
    """Join runs that differ in their fold alone, where all folds of one dataset are there.

    Folds belong together if settings, finished seeds, number of folds and the dataset's name without the fold's number
    are the same, and no utterance is tested in two of them. Of a fold that was trained twice the first run is joined,
    and the second one stays a result of its own, as do the folds of an incomplete set.
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
    """A dataset's name without the number of its fold: ``simsv2`` of ``simsv2_1``."""
    base = name.removesuffix(str(fold))
    return base.rstrip("_-") if base != name and base[-1:] in {"_", "-"} else name


def _fold(one: "Result") -> tuple[int, int]:
    fold, _, count = (one.run.environment["dataset"].get("fold") or "1/1").partition("/")
    return int(fold), int(count)


def _complete(parts: "list[Result]") -> bool:
    count = _fold(parts[0])[1]
    ids = np.concatenate([one.evaluation.predictions[0].ids for one in parts])
    return 1 < count == len(parts) and len(np.unique(ids)) == len(ids)


def _join(parts: "list[Result]") -> "Result":
    evaluations = [one.evaluation for one in parts]
    first, name = parts[0], stem(evaluations[0].dataset, _fold(parts[0])[0])
    joined = tuple(_concatenated(seed) for seed in zip(*(one.predictions for one in evaluations), strict=True))
    stacked = np.stack([one.prediction for one in joined])
    known = [one.constant for one in evaluations if one.constant is not None]
    constant = None
    if len(known) == len(parts):  # each fold has its own
        which = "mean of train's labels" if joined[0].label.dtype.kind == "f" else "most frequent class of train"
        said = f"{which}, of each fold its own"
        constant = np.concatenate([one.prediction for one in known]), said
    metrics, against = score(stacked, joined[0].label, first.evaluation.protocol, joined[0].videos, constant)
    whole = first.evaluation._replace(
        dataset=f"{name}, {len(parts)} folds by video", predictions=joined, metrics=metrics, constant=against
    )
    return first._replace(
        evaluation=whole,
        seconds=sum(one.seconds for one in parts),
        valid=(first.valid[0], [score for one in parts for score in one.valid[1]]),
        command=_loop(parts),
    )


def _loop(parts: "list[Result]") -> str:
    """One command for all folds, where they differ in the dataset's number alone."""
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
