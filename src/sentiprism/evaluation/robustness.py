"""Measure a run on corrupted inputs."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.data.augment import standard_deviations
from sentiprism.data.corruption import HIGHEST, KINDS, WHOLE, Corruption, Kind, chance, corrupt, possible_kinds
from sentiprism.data.dataset import Dataset
from sentiprism.data.prepare import PreparedSplit
from sentiprism.errors import UserError, suggest
from sentiprism.evaluation.bootstrap import Resampled, mixed, resample
from sentiprism.evaluation.constant import constant_of, is_better
from sentiprism.evaluation.differences import pair_scores
from sentiprism.evaluation.measurement import header_of
from sentiprism.evaluation.opened import open_split
from sentiprism.evaluation.resampling import drawn_over
from sentiprism.evaluation.robustness_curves import Curve, Robustness, keep, kept
from sentiprism.metrics import Protocol
from sentiprism.training.engine import Engine
from sentiprism.training.predict import forward_all
from sentiprism.training.run import Run
from sentiprism.types import MODALITIES, FeatureSpec, Modality

if TYPE_CHECKING:
    from sentiprism.models import Model

Array = npt.NDArray[Any]

MOST_POINTS = 101
"""Most points of a curve; each is a prediction of the whole split, for every kind and modality."""


def robustness(
    run: Run | Path | str,
    split: str = "test",
    *,
    kinds: Sequence[str] = (),
    modalities: Sequence[str] = (),
    points: int = 6,
    seed: int = 0,
    device: str = "auto",
    on_replaced: Callable[[str], object] | None = None,
) -> Robustness:
    """Corrupt a split's inputs, one modality at a time, and evaluate every finished seed's model on them.

    The curves are stored in ``RUN/robustness-<split>.json``, together with earlier curves of other kinds and
    modalities, each with its strengths and corruption seed; if the model weighs modalities, also with the weights at
    each strength. As an utterance's prediction does not depend on its batch, curves of corruptions of whole modalities
    are composed of two predictions per utterance: clean and corrupted.

    Args:
        run: a `Run` or its folder.
        split: ``train``, ``valid`` or ``test``.
        kinds: see `sentiprism.data.corruption`; by default all that the inputs allow.
        modalities: modalities to corrupt; by default all that the model uses.
        points: number of strengths, evenly from 0 to the kind's highest.
        seed: random seed of the corruption.
        device: as in ``train``.
        on_replaced: called with a note for each stored curve with other settings that is replaced.

    Raises:
        UserError: no seed is finished, the dataset has changed, or the requested corruptions are impossible.
    """
    run = Run.open(run)
    if not 2 <= points <= MOST_POINTS:
        raise UserError(f"a curve of {points} points", f"give 2 to {MOST_POINTS}")
    for name, known in (*((k, KINDS) for k in kinds), *((m, MODALITIES) for m in modalities)):
        if name not in known:
            raise UserError(f"{name!r} is not a corruption or modality", suggest(name, known))
    at, scorer = open_split(run, split, device=device), run.protocol
    dataset, first = at.dataset, at.load(run.finished[0]).model
    asked = _choose(first, kinds, modalities)
    inputs = _inputs(dataset, split, first.features, asked, points, seed)
    found: list[dict[Corruption | None, _Outputs]] = []
    for number in run.finished:
        model = at.load(number).model
        found.append({case: _outputs(model, data, at.engine) for case, data in inputs.items()})
    answers = {case: _Outputs.stack([one[case] for one in found]) for case in inputs}
    clean = inputs[None].split
    label = clean.labels["M"]
    videos = clean.video_ids
    none = resample(answers[None].prediction, label, scorer, videos=videos)
    same, which = constant_of(dataset, len(label))
    constant = resample(same, label, scorer, videos=videos)
    curves = []
    for kind, modality in asked:
        strengths = _strengths(kind, points)
        scored, shares = [none], [answers[None].shares(first.modalities)]
        for strength in strengths[1:]:
            if kind in WHOLE:
                replaced = chance(clean.ids, kind, modality, seed) < strength
                outputs = answers[None].replaced(answers[Corruption(kind, modality, 1.0, seed)], replaced)
            else:
                outputs = answers[Corruption(kind, modality, strength, seed)]
            scored.append(resample(outputs.prediction, label, scorer, videos=videos))
            shares.append(outputs.shares(first.modalities))
        curve = _curve(kind, modality, strengths, scored, constant, scorer)
        weights = tuple(shares) if shares[0] else ()
        curve = curve._replace(drawn_over=drawn_over(videos), too_few=none.units.too_few)
        curves.append(curve._replace(weights=weights, seed=seed))
    result = Robustness(
        **header_of(run, dataset.name, split, scorer),
        curves=tuple(curves),
        constant=constant.intervals(),
        constant_is=which,
    )
    if at.engine.is_main:
        for line in keep(run, result):
            if on_replaced is not None:
                on_replaced(line)
    return result


def load_robustness(run: Run | Path | str, split: str = "test", *, device: str = "auto") -> Robustness:
    """As `robustness`, but from a stored measurement if there is one.

    Raises:
        UserError: the file is damaged, or nothing can be measured.
    """
    run = Run.open(run)
    return kept(run, split) or robustness(run, split, device=device)


def _choose(model: "Model", kinds: Sequence[str], modalities: Sequence[str]) -> list[tuple[Kind, Modality]]:
    found = [
        (kind, modality)
        for kind in KINDS
        for modality in model.modalities
        if kind in possible_kinds(model.features, modality)
        and (not kinds or kind in kinds)
        and (not modalities or modality in modalities)
    ]
    if not found:
        can = "; ".join(f"{m}: {', '.join(possible_kinds(model.features, m))}" for m in model.modalities)
        raise UserError(f"{model.name}'s inputs cannot be corrupted in this way", f"possible are {can}")
    return found


def _inputs(
    dataset: Dataset,
    split: str,
    features: FeatureSpec,
    asked: Iterable[tuple[Kind, Modality]],
    points: int,
    seed: int,
) -> dict[Corruption | None, PreparedSplit]:
    """Make the clean split (None), and its corruptions that must be predicted."""
    clean = PreparedSplit(dataset.split(split), features)
    spread = standard_deviations(dataset.train, features) if any(kind == "noise" for kind, _ in asked) else {}
    found: dict[Corruption | None, PreparedSplit] = {None: clean}
    for kind, modality in asked:
        for strength in [1.0] if kind in WHOLE else _strengths(kind, points)[1:]:
            case = Corruption(kind, modality, strength, seed)
            found[case] = corrupt(clean, case, spread.get(modality))
    return found


def _strengths(kind: Kind, points: int) -> tuple[float, ...]:
    return tuple(round(HIGHEST[kind] * i / (points - 1), 6) for i in range(points))


class _Outputs(NamedTuple):
    """Outputs of models for a split; with S seeds as the first axis if stacked."""

    prediction: Array
    """(N,) or (N, C)."""
    weights: Array | None
    """(N, 3) modality weights; None if the model has none."""

    @classmethod
    def stack(cls, seeds: "list[_Outputs]") -> "_Outputs":
        """Stack the outputs of all seeds."""
        weights = [one.weights for one in seeds if one.weights is not None]
        return cls(np.stack([one.prediction for one in seeds]), np.stack(weights) if weights else None)

    def replaced(self, other: "_Outputs", rows: Array) -> "_Outputs":
        """Replace the ``rows`` (N,) bool by those of ``other``; both are stacked."""

        def chosen(clean: Array, damaged: Array) -> Array:
            return np.where(rows.reshape(1, -1, *[1] * (clean.ndim - 2)), damaged, clean)

        prediction = chosen(self.prediction, other.prediction)
        if self.weights is None or other.weights is None:
            return _Outputs(prediction, None)
        return _Outputs(prediction, chosen(self.weights, other.weights))

    def shares(self, modalities: Sequence[Modality]) -> dict[Modality, float]:
        """Mean weight of each modality over seeds and utterances; {} if there are none."""
        if self.weights is None:
            return {}
        means = self.weights.reshape(-1, len(MODALITIES)).mean(axis=0, dtype=np.float64)
        return {m: float(means[MODALITIES.index(m)]) for m in modalities}


def _outputs(model: "Model", data: PreparedSplit, engine: Engine) -> _Outputs:
    """Compute a model's outputs, in the order of the split."""
    mine = [
        (rows, out.prediction.float().cpu().numpy(), weights.float().cpu().numpy() if weights is not None else None)
        for rows, out in forward_all(model, data, engine, labels=False)
        for weights in (out.weights.get("modality"),)
    ]
    parts = [part for share in engine.gather(mine) for part in share]
    rows, predictions, weights = zip(*parts, strict=True)
    order = np.argsort(np.concatenate(rows), kind="stable")
    shares = None if weights[0] is None else np.concatenate(weights)[order]
    return _Outputs(np.asarray(np.concatenate(predictions)[order]), shares)


def _curve(
    kind: Kind,
    modality: Modality,
    strengths: tuple[float, ...],
    scored: list[Resampled],
    constant: Resampled,
    protocol: Protocol,
) -> Curve:
    width = np.diff(strengths) / (strengths[-1] - strengths[0])
    shares = (np.append(width, 0) + np.append(0, width)) / 2  # trapezoids
    area = mixed(scored, shares.tolist())
    gains = (pair_scores(one, constant)[protocol.default_selection] for one in (*scored, area))
    better = tuple(is_better(gain, protocol) for gain in gains)
    points = tuple(one.intervals() for one in scored)
    return Curve(kind, modality, strengths, points, area.intervals(), better=better)
