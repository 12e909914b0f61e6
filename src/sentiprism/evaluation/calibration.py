"""Calibrate prediction intervals on valid and measure their coverage on test."""

from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import Dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.bootstrap import Interval, extreme_share, percentiles
from sentiprism.evaluation.evaluate import evaluate, load_predictions
from sentiprism.evaluation.measurement import Measurement, header_of
from sentiprism.evaluation.opened import OpenedRun, open_split
from sentiprism.evaluation.predictions_file import write_predictions
from sentiprism.evaluation.resampling import drawn_videos, draws
from sentiprism.metrics.bins import Bins, bins_of
from sentiprism.metrics.conformal import LEAST, Calibration, check_level, check_size, coverage_range
from sentiprism.metrics.sums import mean
from sentiprism.models.artifact import annotate, check_own, describe_model, noted_calibration
from sentiprism.training.predict import Predictions, predict
from sentiprism.training.run import Run

Floats = npt.NDArray[np.float64]
Subset = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any] | None]
"""Predictions, their labels and their videos."""
LEVELS = tuple(round(0.05 * i, 2) for i in range(1, 20))
"""Levels of the reliability plot."""


class Coverage(NamedTuple):
    """Coverage and size of the intervals for a kind of utterance."""

    utterances: int
    coverage: Interval
    size: float
    """Mean width in the labels' unit, or mean number of classes in the set; mean over seeds."""


@dataclass(frozen=True, kw_only=True)
class Calibrated(Measurement):
    """A run's intervals, and their coverage on a split that they were not fitted on."""

    calibrations: tuple[Calibration, ...]
    """One per seed, fitted on valid."""
    groups: dict[str, Coverage]
    """"all", "extremes" (the lowest and the highest class of the labels) and "others"."""
    classes: dict[str, Coverage]
    """By class of the label, HN to HP on [-3, 3]; {} if the range has no classes."""
    only: dict[str, Coverage]
    """By set of modalities, except the full one: utterances with only these, or after removing the others."""
    reliability: dict[str, tuple[float, ...]]
    """Mean coverage of each group at each of `LEVELS`."""
    predictions: tuple[Predictions, ...]
    """One per seed, with bounds."""
    remarks: tuple[str, ...] = ()
    """Notes: the effect of few utterances; that the calibration already existed."""

    def to_dict(self) -> dict[str, Any]:
        """As values for JSON."""

        def plain(found: dict[str, Coverage]) -> dict[str, Any]:
            return {name: {**one._asdict(), "coverage": one.coverage._asdict()} for name, one in found.items()}

        return {
            **self.header(),
            "calibrations": [one.model_dump(mode="json") for one in self.calibrations],
            "groups": plain(self.groups),
            "classes": plain(self.classes),
            "only": plain(self.only),
            "remarks": self.remarks,
            "reliability": {"levels": LEVELS, **self.reliability},
        }


def calibrate(
    run: Run | Path | str,
    split: str = "test",
    *,
    level: float = 0.9,
    scaled: bool = False,
    store: bool = True,
    replace: bool = False,
    device: str = "auto",
) -> Calibrated:
    """Fit intervals for every finished seed on valid, and measure their coverage on another split.

    Valid also selected the epoch, which makes its errors a little too small; the coverage on test shows the effect.
    A set of modalities has a separate interval if at least `LEAST` utterances have only these modalities, or have at
    least these, with the others removed. The latter is valid if modalities are missing at random.

    Args:
        run: a `Run` or its folder.
        split: split to measure coverage on.
        level: nominal coverage.
        scaled: let the width depend on the predicted intensity, see `Calibration.fit`.
        store: store the intervals with the saved models and the stored predictions. An existing calibration with
            the same level and settings is kept.
        replace: replace a calibration with another level or other settings.
        device: as in ``train``.

    Raises:
        UserError: no seed is finished, the dataset has changed, the level is not inside (0, 1) or too high for the
            number of utterances, or another calibration exists and ``replace`` is False.
    """
    check_level(level)
    at = open_split(run, split, device=device)
    run, dataset = at.run, at.dataset
    if split == "valid":
        raise UserError("the intervals are fitted on valid", "measure their coverage on test")
    check_size(len(dataset.valid), level, scaled=scaled)
    noted = _load_calibrations(run, level, scaled=scaled, replace=replace) if store else {}
    target, held, seen = dataset.card.target, _load_complete(run, "valid", device), _load_complete(run, split, device)
    fewer = _predict_subsets(OpenedRun(run, dataset, dataset.valid, device), held, whole=True)
    left = _predict_subsets(at, seen, whole=False)

    def fit(share: float) -> dict[int, Calibration]:
        options: dict[str, Any] = {"level": share, "scaled": scaled}
        only = {s: {name: one[:2] for name, one in fewer[s].items()} for s in held}
        return {
            s: Calibration.fit(a.prediction, a.label, target, by_modalities=only[s], **options) for s, a in held.items()
        }

    made = fit(level) | noted
    if store:
        _store(run, made, noted, {"valid": held, split: seen})
    bounded = tuple(a._replace(bounds=made[s].bounds(a.prediction, a.present)) for s, a in seen.items())
    label = bounded[0].label
    kinds = _levels(dataset, run)
    inside = {name: kinds.of(label) == i for i, name in enumerate(kinds.names)} if kinds else {}
    groups = _groups(len(label), inside, ordered=kinds is not None and kinds.ordered)
    predicted = {s: (a.prediction, label, a.present) for s, a in seen.items()}
    counted = _coverage(made, predicted, groups | inside, bounded[0].videos)
    curves: dict[str, list[float]] = {name: [] for name in groups}
    for wanted in LEVELS:
        refit = fit(wanted)
        there = np.mean([refit[s].covers(*one) for s, one in predicted.items()], axis=0)
        for name, rows in groups.items():
            curves[name].append(float(there[rows].mean()) if rows.any() else float("nan"))
    return Calibrated(
        **header_of(run, dataset.name, split, run.protocol),
        calibrations=tuple(made.values()),
        groups={name: counted[name] for name in groups},
        classes={name: counted[name] for name in inside},
        only=_measure_subsets(made, left),
        reliability={name: tuple(values) for name, values in curves.items()},
        predictions=bounded,
        remarks=_remarks(made, noted),
    )


def _load_calibrations(run: Run, level: float, *, scaled: bool, replace: bool) -> dict[int, Calibration]:
    """Load existing calibrations with this level and these settings, by seed."""
    check_own(run.folder)
    found: dict[int, Calibration] = {}
    for seed in run.finished:
        one = noted_calibration(describe_model(run.model_folder(seed)).metadata)
        if one is not None and (one.level, one.scaled) == (level, scaled):
            found[seed] = one
        elif one is not None and not replace:
            how = f"{one.level:g}{', scaled' * one.scaled}"
            asked = f"{level:g}{', scaled' * scaled}"
            raise UserError(
                f"seed {seed} of {run.name} is already calibrated, at a level of {how}, not {asked}",
                "keep it, or replace it with `replace`",
            )
    return {} if replace else found


def _store(
    run: Run, made: dict[int, Calibration], noted: dict[int, Calibration], kept: dict[str, dict[int, Predictions]]
) -> None:
    """Write new calibrations, and predictions with their bounds."""
    for seed, calibration in made.items():
        if seed not in noted:
            annotate(run.model_folder(seed), calibration=calibration.model_dump(mode="json"))
        for split, found in kept.items():
            bounds = calibration.bounds(found[seed].prediction, found[seed].present)
            path = run.predictions_file(seed, split)
            there = found[seed].bounds
            if there.keys() != bounds.keys() or not all(np.array_equal(there[end], bounds[end]) for end in bounds):
                write_predictions(path, found[seed]._replace(bounds=bounds))


def _remarks(made: dict[int, Calibration], noted: dict[int, Calibration]) -> tuple[str, ...]:
    first, found = next(iter(made.values())), []
    if noted.keys() == made.keys():
        found.append("this calibration already exists: nothing was written")
    if first.samples < LEAST:
        low, high = (f"{100 * end:.0f}%" for end in coverage_range(first.samples, first.level))
        found.append(
            f"with only {first.samples} utterances, the true coverage is between {low} and {high} in nine of ten "
            f"cases, not exactly {100 * first.level:g}%"
        )
    return tuple(found)


def _load_complete(run: Run, split: str, device: str) -> dict[int, Predictions]:
    """As `load_predictions`, but predict again if an earlier version stored them without the present modalities."""
    kept = load_predictions(run, split, device=device)
    if all(one.present is not None for one in kept.values()):
        return kept
    made = evaluate(run, split, device=device)
    return dict(zip(made.seeds, made.predictions, strict=True))


def _predict_subsets(at: OpenedRun, kept: dict[int, Predictions], *, whole: bool) -> dict[int, dict[str, Subset]]:
    """By seed and set of modalities: utterances with only these; if they are too few, all utterances with these.

    The latter are predicted again, without the other modalities.

    Args:
        at: run and split.
        kept: predictions with all modalities.
        whole: whether to include the set of all modalities of the model.
    """
    found: dict[int, dict[str, Subset]] = {}
    for (seed, answer), (saved, data) in zip(kept.items(), at.models(), strict=True):
        names, found[seed] = saved.model.modalities, {}
        for some in (some for n in range(len(names) - (not whole)) for some in combinations(names, n + 1)):
            name = "+".join(some)
            just, there = answer.present == name, np.all([data.steps(one) > 0 for one in some], axis=0)
            if np.count_nonzero(just) >= LEAST or some == names:
                videos = None if answer.videos is None else answer.videos[just]
                found[seed][name] = answer.prediction[just], answer.label[just], videos
            elif there.any():
                alone = predict(saved.model, data.only(some), at.engine)
                found[seed][name] = alone.prediction[there], alone.label[there], at.rows.video_ids[there]
    return found


def _measure_subsets(made: dict[int, Calibration], left: dict[int, dict[str, Subset]]) -> dict[str, Coverage]:
    """Coverage for utterances with only some of the modalities."""
    found: dict[str, Coverage] = {}
    for name, (_, label, videos) in next(iter(left.values())).items():
        present = np.full(len(label), name)
        predicted = {seed: (*one[name][:2], present) for seed, one in left.items()}
        found |= _coverage(made, predicted, {name: np.ones(len(label), bool)}, videos)
    return found


def _levels(dataset: Dataset, run: Run) -> Bins | None:
    try:
        return bins_of(run.protocol, dataset.card.target)
    except UserError:  # a range without classes is one group
        return None


def _groups(N: int, inside: dict[str, npt.NDArray[np.bool_]], *, ordered: bool) -> dict[str, npt.NDArray[np.bool_]]:
    """Masks of all rows and of the outermost classes, in which errors are largest."""
    everything = np.ones(N, bool)
    if not ordered or len(inside) < 3:
        return {"all": everything}
    first, *_, last = inside.values()
    return {"all": everything, "extremes": first | last, "others": ~(first | last)}


def _coverage(
    made: dict[int, Calibration],
    predicted: dict[int, Any],
    groups: dict[str, npt.NDArray[np.bool_]],
    videos: npt.NDArray[Any] | None,
) -> dict[str, Coverage]:
    """Of each group of rows; ``predicted`` has a seed's predictions, labels and modalities."""
    covered = np.stack([made[s].covers(*one) for s, one in predicted.items()])  # (S, N)
    size = np.mean([made[s].size(one[0], one[2]) for s, one in predicted.items()], axis=0)  # (N,)
    blocks = list(draws(covered.shape[1], 1000, 0, videos))
    share, found, video = covered.mean(axis=0), {}, drawn_videos(videos)
    unit = np.arange(len(share)) if video is None else video
    for name, rows in groups.items():
        drawn = np.concatenate([mean(share, weight, within=rows) for weight in blocks])
        each = covered[:, rows].mean(axis=1) if rows.any() else np.full(len(covered), np.nan)
        std = float(each.std(ddof=1)) if len(each) > 1 else float("nan")
        ends = extreme_share(each, len(np.unique(unit[rows]))) or percentiles(drawn, 0.95)
        interval = Interval(float(each.mean()), std, *ends)
        width = float(size[rows].mean()) if rows.any() else float("nan")
        found[name] = Coverage(int(rows.sum()), interval, width)
    return found
