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
from sentiprism.models.artifact import annotate, describe_model, noted_calibration
from sentiprism.training.predict import Predictions, predict
from sentiprism.training.run import Run

Floats = npt.NDArray[np.float64]
Judged = tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any] | None]
"""Predictions, their labels and their videos."""
LEVELS = tuple(round(0.05 * i, 2) for i in range(1, 20))
"""Of the reliability plot."""


class Coverage(NamedTuple):
    """How often the label of a kind of utterance lies inside the interval, and how much the interval says."""

    utterances: int
    coverage: Interval
    size: float
    """Mean width in the labels' unit, or mean number of classes in the set; mean over seeds."""


@dataclass(frozen=True, kw_only=True)
class Calibrated(Measurement):
    """A run's intervals, and what they are worth on a split that did not make them."""

    calibrations: tuple[Calibration, ...]
    """One a seed, fitted on valid."""
    groups: dict[str, Coverage]
    """"all", "extremes" (the lowest and the highest class of the labels) and "others"."""
    classes: dict[str, Coverage]
    """By class of the label, HN to HP on [-3, 3]; {} where the range has none."""
    only: dict[str, Coverage]
    """By set of modalities, the whole one aside: utterances that have just these, or are left just these."""
    reliability: dict[str, tuple[float, ...]]
    """Mean coverage of each group at each of `LEVELS`."""
    predictions: tuple[Predictions, ...]
    """One a seed, with their bounds."""
    remarks: tuple[str, ...] = ()
    """How coarse a ranking among few utterances is; that a calibration was there already."""

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""

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
    """Fit an interval on valid to every finished seed, and see how often it holds on another split.

    Valid also chose the epoch, which makes its errors a little too small; test says how little. Each set of modalities
    has an interval of its own where `LEAST` utterances have just these, or as many more and these are all that is left
    them. The latter holds as far as what is missing is missing by chance.

    Args:
        run: a `Run` or its folder.
        split: where coverage is counted.
        level: share of utterances to be covered.
        scaled: let the width follow the predicted intensity, see `Calibration.fit`.
        store: note the interval with the saved models and beside the kept predictions. What is noted already with
            the same level and settings stays as it is.
        replace: put the interval in the place of one with another level or other settings.
        device: as in ``train``.

    Raises:
        UserError: no seed is finished, the dataset has changed, the level is not inside (0, 1) or too high for the
            number of utterances, or another interval is noted and not to be replaced.
    """
    check_level(level)
    at = open_split(run, split, device=device)
    run, dataset = at.run, at.dataset
    if split == "valid":
        raise UserError("an interval always holds on the split that made it", "count on test")
    check_size(len(dataset.valid), level, scaled=scaled)
    noted = _noted(run, level, scaled=scaled, replace=replace) if store else {}
    target, held, seen = dataset.card.target, _answers(run, "valid", device), _answers(run, split, device)
    fewer = _fewer(OpenedRun(run, dataset, dataset.valid, device), held, whole=True)
    left = _fewer(at, seen, whole=False)

    def fit(share: float) -> dict[int, Calibration]:
        options: dict[str, Any] = {"level": share, "scaled": scaled}
        only = {s: {name: one[:2] for name, one in fewer[s].items()} for s in held}
        return {s: Calibration.fit(a.prediction, a.label, target, only=only[s], **options) for s, a in held.items()}

    made = fit(level) | noted
    if store:
        _note(run, made, noted, {"valid": held, split: seen})
    bounded = tuple(a._replace(bounds=made[s].bounds(a.prediction, a.present)) for s, a in seen.items())
    label = bounded[0].label
    kinds = _levels(dataset, run)
    inside = {name: kinds.of(label) == i for i, name in enumerate(kinds.names)} if kinds else {}
    groups = _groups(len(label), inside, ordered=kinds is not None and kinds.ordered)
    answered = {s: (a.prediction, label, a.present) for s, a in seen.items()}
    counted = _coverage(made, answered, groups | inside, bounded[0].videos)
    curves: dict[str, list[float]] = {name: [] for name in groups}
    for wanted in LEVELS:
        refit = fit(wanted)
        there = np.mean([refit[s].covers(*one) for s, one in answered.items()], axis=0)
        for name, rows in groups.items():
            curves[name].append(float(there[rows].mean()) if rows.any() else float("nan"))
    return Calibrated(
        **header_of(run, dataset.name, split, run.protocol),
        calibrations=tuple(made.values()),
        groups={name: counted[name] for name in groups},
        classes={name: counted[name] for name in inside},
        only=_only(made, left),
        reliability={name: tuple(values) for name, values in curves.items()},
        predictions=bounded,
        remarks=_remarks(made, noted),
    )


def _noted(run: Run, level: float, *, scaled: bool, replace: bool) -> dict[int, Calibration]:
    """Calibrations that are there with this level and these settings, by seed."""
    found: dict[int, Calibration] = {}
    for seed in run.finished:
        one = noted_calibration(describe_model(run.model_folder(seed)).metadata)
        if one is not None and (one.level, one.scaled) == (level, scaled):
            found[seed] = one
        elif one is not None and not replace:
            how = f"{one.level:g}{', scaled' * one.scaled}"
            asked = f"{level:g}{', scaled' * scaled}"
            raise UserError(
                f"seed {seed} of {run.name} is calibrated already, at a level of {how}, not {asked}",
                "keep that, or put another in its place with `replace`",
            )
    return {} if replace else found


def _note(
    run: Run, made: dict[int, Calibration], noted: dict[int, Calibration], kept: dict[str, dict[int, Predictions]]
) -> None:
    """Write what is not there yet: the calibration of a seed, and the bounds beside its predictions."""
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
        found.append("this calibration was there already: nothing was written")
    if first.samples < LEAST:
        low, high = (f"{100 * end:.0f}%" for end in coverage_range(first.samples, first.level))
        found.append(
            f"{first.samples} utterances are few to rank: nine times in ten the share that is really covered lies "
            f"between {low} and {high}, not at {100 * first.level:g}%"
        )
    return tuple(found)


def _answers(run: Run, split: str, device: str) -> dict[int, Predictions]:
    """As `load_predictions`, made anew where an earlier version kept them without the modalities that were there."""
    kept = load_predictions(run, split, device=device)
    if all(one.present is not None for one in kept.values()):
        return kept
    made = evaluate(run, split, device=device)
    return dict(zip(made.seeds, made.predictions, strict=True))


def _fewer(at: OpenedRun, kept: dict[int, Predictions], *, whole: bool) -> dict[int, dict[str, Judged]]:
    """By seed and set of modalities: the utterances that have just these; where they are too few, all that have them.

    Those are predicted again, with nothing else left.

    Args:
        at: run and split.
        kept: predictions of the split as it is.
        whole: whether all of the model's modalities are one of the sets.
    """
    found: dict[int, dict[str, Judged]] = {}
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


def _only(made: dict[int, Calibration], left: dict[int, dict[str, Judged]]) -> dict[str, Coverage]:
    """What the intervals are worth where all but some modalities are taken away."""
    found: dict[str, Coverage] = {}
    for name, (_, label, videos) in next(iter(left.values())).items():
        present = np.full(len(label), name)
        answered = {seed: (*one[name][:2], present) for seed, one in left.items()}
        found |= _coverage(made, answered, {name: np.ones(len(label), bool)}, videos)
    return found


def _levels(dataset: Dataset, run: Run) -> Bins | None:
    try:
        return bins_of(run.protocol, dataset.card.target)
    except UserError:  # a range that nobody has cut into classes is covered as a whole
        return None


def _groups(N: int, inside: dict[str, npt.NDArray[np.bool_]], *, ordered: bool) -> dict[str, npt.NDArray[np.bool_]]:
    """Rows of everything, and apart of the outermost classes, where models fail."""
    everything = np.ones(N, bool)
    if not ordered or len(inside) < 3:
        return {"all": everything}
    first, *_, last = inside.values()
    return {"all": everything, "extremes": first | last, "others": ~(first | last)}


def _coverage(
    made: dict[int, Calibration],
    answered: dict[int, Any],
    groups: dict[str, npt.NDArray[np.bool_]],
    videos: npt.NDArray[Any] | None,
) -> dict[str, Coverage]:
    """Of each group of rows; ``answered`` has a seed's predictions, labels and modalities."""
    covered = np.stack([made[s].covers(*one) for s, one in answered.items()])  # (S, N)
    size = np.mean([made[s].size(one[0], one[2]) for s, one in answered.items()], axis=0)  # (N,)
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
