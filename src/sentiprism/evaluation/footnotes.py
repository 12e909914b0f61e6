"""Footnotes of tables of results."""

from collections.abc import Iterable, Sequence

from sentiprism.evaluation.constant import MARK, NAME
from sentiprism.evaluation.measurement import Evaluation
from sentiprism.evaluation.within import LABEL, MEANING
from sentiprism.metrics import Protocol


def footnotes(evaluations: Sequence[Evaluation], metrics: Iterable[str] = ()) -> list[str]:
    """Say what the constant predictor is, what the mark means or why nobody can tell, and what each metric is.

    Args:
        evaluations: whose numbers the table shows, all by one protocol.
        metrics: those that it shows; by default all.
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
    """Say which constant predictor a table shows, or why it shows none, and what its mark means.

    Args:
        protocol: whose own metric the mark is about.
        known: descriptions of the constant predictors.
        missing: datasets whose constant predictor is not known.
        marked: whether something in the table is marked.
        too_few: what the intervals are over, as `sentiprism.evaluation.resampling.Units.too_few` says it, where that
            is not enough for a mark or a p-value.
    """
    lines = [f"{NAME}: {text}" for text in dict.fromkeys(known)]
    lines += [f"no {NAME}: the dataset {name} is not here, or has changed" for name in dict.fromkeys(missing)]
    if marked:
        label = protocol.metrics[protocol.default_selection].label
        lines.append(f"{MARK} not better than the {NAME} (95% interval, difference in {label})")
    lines += [
        f"too few {units} to tell whether a model is better than the {NAME}, or than another: no mark, no p-value"
        for units in dict.fromkeys(too_few)
    ]
    return lines
