"""Whether adapting a model helped, as pages show it."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sentiprism.studio.comparisons import Metric, make_cells

TITLES = {
    "cross_validated": ("Cross-validated by video", "Each video is predicted by a model that was not trained on it."),
    "test": ("Utterances of the split test", "The adapted model was not trained on them."),
}
"""Title of each evaluation, and what keeps it honest."""
BOTH = ("before", "after")
"""The model; every other predictor is a baseline."""
METRICS = {"mae": ("MAE", False), "pearson": ("r", True)}
"""Label, and whether higher is better."""
WITHIN = "r within videos"
NO_INTERVAL = dict.fromkeys(("std", "low", "high"))
UNITS = ("videos", "utterances")
"""What the bootstrap draws."""


class Effect(NamedTuple):
    """An evaluation of a model before and after it was adapted."""

    title: str
    hint: str
    verdict: str
    utterances: int
    units: str
    """What the intervals are drawn over, with their number."""
    predictors: tuple[str, ...]
    metrics: tuple[Metric, ...]
    """A cell for each predictor."""


def read_effects(measured: object) -> list[Effect]:
    """Read what ``adapt`` has measured; an evaluation that is damaged or was not made is left out.

    Args:
        measured: evaluations by name, as the job or the model has them.
    """
    found = []
    for name in TITLES:
        try:
            given = measured[name] if isinstance(measured, Mapping) else None
            found += [] if given is None else [_effect(name, given)]
        except (LookupError, TypeError, ValueError, AttributeError):
            continue
    return found


def _effect(name: str, given: Mapping[str, Any]) -> Effect:
    unit = next((unit for unit in UNITS if unit in given), UNITS[-1])
    predictors = (*(one for one in given["metrics"] if one not in BOTH), *BOTH)
    number = int(given[unit])
    metrics = [
        _metric(*about, [given["metrics"][one][key] for one in predictors], given["after_less_before"][key])
        for key, about in METRICS.items()
    ]
    within = [{"mean": given["r_within_videos"][one], **NO_INTERVAL} for one in predictors]
    return Effect(
        *TITLES[name],
        verdict=str(given["verdict"]),
        utterances=int(given["utterances"]),
        units=f"{number} {unit.removesuffix('s') if number == 1 else unit}",
        predictors=predictors,
        metrics=(*metrics, _metric(WITHIN, True, within, {})),
    )


def _metric(label: str, higher: bool, values: Sequence[Mapping[str, Any]], change: Mapping[str, Any]) -> Metric:
    apart = [None] * (len(values) - 1) + [change or None]
    return Metric(label, 1, higher, tuple(make_cells(values, apart)))
