"""What becomes of a run's numbers when its inputs are damaged: curves over strength, and the area under them."""

import json
from collections.abc import Iterable, Sequence
from math import nan
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.data.augment import deviations
from sentiprism.data.corruption import HIGHEST, KINDS, WHOLE, Corruption, Kind, chance, corrupted, possible
from sentiprism.data.dataset import Dataset
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.store import load_dataset
from sentiprism.errors import UserError, suggest
from sentiprism.evaluation.answers import opened, protocol_of
from sentiprism.evaluation.bootstrap import Interval, Resampled, drawn_over, mixed, resample
from sentiprism.files import write_text
from sentiprism.markup import Cell, jsonable
from sentiprism.metrics import Protocol
from sentiprism.models import load_model
from sentiprism.training import Run
from sentiprism.training.engine import Engine
from sentiprism.training.predict import forward_all
from sentiprism.training.selection import selection_rule
from sentiprism.types import MODALITIES, FeatureSpec, Modality

if TYPE_CHECKING:
    from sentiprism.models import Model

Array = npt.NDArray[Any]


class Curve(NamedTuple):
    """Metrics over the strength of one kind of damage to one modality."""

    kind: Kind
    modality: Modality
    strengths: tuple[float, ...]
    """From 0, where the inputs are as they are."""
    points: tuple[dict[str, Interval], ...]
    """Every metric at each strength: mean over seeds, standard deviation, 95% bootstrap interval."""
    area: dict[str, Interval]
    """Area under the curve (trapezoids) over its width: the mean of the metric over the strengths."""
    drawn_over: str = "utterances"
    """What the intervals are over; files of earlier versions have those over utterances."""


class Robustness(NamedTuple):
    """What damage does to a run on one split."""

    run: str
    model: str
    dataset: str
    split: str
    protocol: Protocol
    seeds: tuple[int, ...]
    selection: str
    curves: tuple[Curve, ...]

    @property
    def drawn_over(self) -> str:
        """What the intervals of the curves are over: "31 videos"; both where versions of the program differ."""
        return " or ".join(dict.fromkeys(curve.drawn_over for curve in self.curves))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {
            **self._asdict(),
            "protocol": self.protocol.name,
            "curves": [
                {
                    **curve._asdict(),
                    "points": [_plain(point) for point in curve.points],
                    "area": _plain(curve.area),
                }
                for curve in self.curves
            ],
        }


def robustness(
    run: Run | Path | str,
    split: str = "test",
    *,
    kinds: Sequence[str] = (),
    modalities: Sequence[str] = (),
    points: int = 6,
    seed: int = 0,
    device: str = "auto",
) -> Robustness:
    """Damage a split's inputs, one modality at a time, and measure every finished seed's model on them.

    The curves are kept in ``RUN/robustness-<split>.json``, beside those of other kinds and modalities that were
    measured before. As an utterance's answer does not depend on its batch, the
    curves of what strikes a whole modality are put together from two predictions an utterance: with and without.

    Args:
        run: a `Run` or its folder.
        split: ``train``, ``valid`` or ``test``.
        kinds: see `sentiprism.data.corruption`; by default all that the inputs allow.
        modalities: which to damage; by default all that the model uses.
        points: strengths on a curve, evenly from 0 to the kind's highest.
        seed: of the damage, the same for every model.
        device: as in ``train``.

    Raises:
        UserError: no seed is finished, the dataset has changed, or nothing of what is asked for is possible.
    """
    run = opened(run)
    if points < 2:
        raise UserError(f"a curve of {points} points", "give at least 2")
    dataset = load_dataset(run.config.dataset)
    run.check_dataset(dataset.card)
    engine, scorer = Engine(device, "no"), protocol_of(run)
    first = load_model(run.seed_folder(run.finished[0]) / "model").model
    asked = _asked(first, kinds, modalities)
    inputs = _inputs(dataset, split, first.features, asked, points, seed)
    found: list[dict[Corruption | None, Array]] = []
    for number in run.finished:
        model = load_model(run.seed_folder(number) / "model").model.to(engine.device)
        found.append({case: _answers(model, data, engine) for case, data in inputs.items()})
    answers = {case: np.stack([one[case] for one in found]) for case in inputs}
    clean = inputs[None].split
    label = clean.labels["M"]
    videos = clean.video_ids
    none = resample(answers[None], label, scorer, videos=videos)
    curves = []
    for kind, modality in asked:
        strengths = _strengths(kind, points)
        judged = [none]
        for strength in strengths[1:]:
            if kind in WHOLE:
                struck = chance(clean.ids, kind, modality, seed) < strength
                whole = answers[Corruption(kind, modality, 1.0, seed)]
                shape = (1, -1, *[1] * (whole.ndim - 2))
                answer = np.where(struck.reshape(shape), whole, answers[None])
            else:
                answer = answers[Corruption(kind, modality, strength, seed)]
            judged.append(resample(answer, label, scorer, videos=videos))
        curves.append(_curve(kind, modality, strengths, judged)._replace(drawn_over=drawn_over(videos)))
    result = Robustness(
        run=run.name,
        model=run.config.model,
        dataset=dataset.name,
        split=split,
        protocol=scorer,
        seeds=run.finished,
        selection=selection_rule(scorer, run.config.optim.select),
        curves=tuple(curves),
    )
    if engine.is_main:
        write_text(_file(run, split), json.dumps(jsonable(_merged(run, result).to_dict()), indent=1))
    return result


def recalled(run: Run | Path | str, split: str = "test", *, device: str = "auto") -> Robustness:
    """As `robustness`, from what an earlier measurement kept where there is one.

    Raises:
        UserError: it is damaged, or nothing can be measured.
    """
    run = opened(run)
    return kept(run, split) or robustness(run, split, device=device)


def kept(run: Run, split: str = "test") -> Robustness | None:
    """What an earlier measurement of all the finished seeds kept; None where there is none.

    Raises:
        UserError: it is damaged.
    """
    path = _file(run, split)
    if not path.is_file():
        return None
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        curves = [
            Curve(
                one["kind"],
                one["modality"],
                tuple(one["strengths"]),
                tuple(_intervals(point) for point in one["points"]),
                _intervals(one["area"]),
                str(one.get("drawn_over", "utterances")),
            )
            for one in found.pop("curves")
        ]
        if not all(len(curve.points) == len(curve.strengths) > 1 for curve in curves) or not curves:
            raise ValueError("a curve lacks its points")
        found |= {"protocol": protocol_of(run), "seeds": tuple(found["seeds"]), "curves": tuple(curves)}
        return Robustness(**found) if found["seeds"] == run.finished else None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path} is damaged: {error}", "measure again with: sentiprism robustness") from None


def _merged(run: Run, new: Robustness) -> Robustness:
    """The new curves, and what is kept of other kinds and modalities."""
    try:
        old = kept(run, new.split)
    except UserError:  # damaged: what is measured now takes its place
        old = None
    curves = {(one.kind, one.modality): one for found in (old, new) if found for one in found.curves}
    order = [key for kind in KINDS for modality in MODALITIES if (key := (kind, modality)) in curves]
    return new._replace(curves=tuple(curves[key] for key in order))


def areas(found: Sequence[Robustness], metric: str) -> tuple[list[str], list[list[Cell]]]:
    """Columns and rows of a table: a metric of each run undamaged, and its mean over the strengths of each damage."""
    scale = found[0].protocol.metrics[metric].scale
    curves = [(one.run, {(curve.kind, curve.modality): curve for curve in one.curves}) for one in found]
    order = [(kind, modality) for modality in MODALITIES for kind in KINDS]
    there = [damage for damage in order if any(damage in one for _, one in curves)]
    rows: list[list[Cell]] = []
    for name, one in curves:
        whole = next(iter(one.values())).points[0][metric]
        damaged = (one[damage].area[metric].cells(scale) if damage in one else "–" for damage in there)
        rows.append([name, whole.cells(scale), *damaged])
    return ["run", "undamaged", *(f"{modality}: {kind}" for kind, modality in there)], rows


def _asked(model: "Model", kinds: Sequence[str], modalities: Sequence[str]) -> list[tuple[Kind, Modality]]:
    for name, known in (*((k, KINDS) for k in kinds), *((m, MODALITIES) for m in modalities)):
        if name not in known:
            raise UserError(f"there is no {name!r} to damage inputs by or in", suggest(name, known))
    found = [
        (kind, modality)
        for kind in KINDS
        for modality in model.modalities
        if kind in possible(model.features, modality)
        and (not kinds or kind in kinds)
        and (not modalities or modality in modalities)
    ]
    if not found:
        can = "; ".join(f"{m}: {', '.join(possible(model.features, m))}" for m in model.modalities)
        raise UserError(f"{model.name}'s inputs cannot be damaged so", f"they can be by {can}")
    return found


def _inputs(
    dataset: Dataset,
    split: str,
    features: FeatureSpec,
    asked: Iterable[tuple[Kind, Modality]],
    points: int,
    seed: int,
) -> dict[Corruption | None, PreparedSplit]:
    """The split clean (None), and damaged in every way that must be predicted."""
    clean = PreparedSplit(dataset.split(split), features)
    spread = deviations(dataset.train, features) if any(kind == "noise" for kind, _ in asked) else {}
    found: dict[Corruption | None, PreparedSplit] = {None: clean}
    for kind, modality in asked:
        for strength in [1.0] if kind in WHOLE else _strengths(kind, points)[1:]:
            case = Corruption(kind, modality, strength, seed)
            found[case] = corrupted(clean, case, spread.get(modality))
    return found


def _strengths(kind: Kind, points: int) -> tuple[float, ...]:
    return tuple(round(HIGHEST[kind] * i / (points - 1), 6) for i in range(points))


def _answers(model: "Model", data: PreparedSplit, engine: Engine) -> Array:
    """(N,) or (N, C) predictions in the order of the split."""
    mine = [
        (rows, out.prediction.float().cpu().numpy()) for rows, out in forward_all(model, data, engine, labels=False)
    ]
    parts = [part for share in engine.gather(mine) for part in share]
    order = np.argsort(np.concatenate([rows for rows, _ in parts]), kind="stable")
    return np.asarray(np.concatenate([values for _, values in parts])[order])


def _curve(kind: Kind, modality: Modality, strengths: tuple[float, ...], judged: list[Resampled]) -> Curve:
    width = np.diff(strengths) / (strengths[-1] - strengths[0])
    shares = (np.append(width, 0) + np.append(0, width)) / 2  # trapezoids
    area = mixed(judged, shares.tolist()).intervals()
    return Curve(kind, modality, strengths, tuple(one.intervals() for one in judged), area)


def _file(run: Run, split: str) -> Path:
    return run.folder / f"robustness-{split}.json"


def _plain(point: dict[str, Interval]) -> dict[str, Any]:
    return {name: value._asdict() for name, value in point.items()}


def _intervals(point: dict[str, dict[str, float | None]]) -> dict[str, Interval]:
    return {name: Interval(**{k: nan if v is None else v for k, v in one.items()}) for name, one in point.items()}
