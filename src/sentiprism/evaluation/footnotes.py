"""Footnotes of tables of results."""

from collections.abc import Iterable, Sequence

from sentiprism.evaluation.constant import MARK, NAME
from sentiprism.evaluation.measurement import Evaluation
from sentiprism.evaluation.within import LABEL, MEANING
from sentiprism.metrics import Protocol


def footnotes(evaluations: Sequence[Evaluation], metrics: Iterable[str] = ()) -> list[str]:
    """Describe the constant predictor, the mark or its absence, and the metrics.

    Args:
        evaluations: evaluations in the table, all with the same protocol.
        metrics: metrics in the table; by default all.
    """
    protocol = evaluations[0].protocol
    known = [one.constant.description for one in evaluations if one.constant]
    missing = [one.dataset for one in evaluations if not one.constant]
    several = len({one.split for one in evaluations}) > 1
    few = [one.units.too_few + f" of {one.split}" * several for one in evaluations if one.units.few]
    lines = constant_notes(protocol, known, missing, marked=any(one.mark for one in evaluations), too_few=few)
    within = [f"{LABEL}: {MEANING}"] * any(one.within for one in evaluations)
    return [*lines, *protocol.footnotes(metrics), *within]


def constant_notes(
    protocol: Protocol, known: Iterable[str], missing: Iterable[str], *, marked: bool, too_few: Iterable[str] = ()
) -> list[str]:
    """Describe the constant predictor of a table, or why it has none, and the mark.

    Args:
        protocol: protocol whose own metric decides the mark.
        known: descriptions of the constant predictors.
        missing: datasets with an unknown constant predictor.
        marked: whether the table has marks.
        too_few: units of intervals that are too few for a mark or a p-value, as in
            `sentiprism.evaluation.resampling.Units.too_few`.
    """
    lines = [f"{NAME}: {text}" for text in dict.fromkeys(known)]
    lines += [f"no {NAME}: the dataset {name} is missing, or has changed" for name in dict.fromkeys(missing)]
    if marked:
        label = protocol.metrics[protocol.default_selection].label
        lines.append(f"{MARK} not better than the {NAME} (95% interval, difference in {label})")
    lines += [
        f"too few {units} to test whether a model is better than the {NAME} or another model: no mark, no p-value"
        for units in dict.fromkeys(too_few)
    ]
    return lines
