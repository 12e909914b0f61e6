"""Tabulate the results of one dataset for the page of results."""

from statistics import mean, stdev
from typing import Any

from sentiprism.data.known import describe
from sentiprism.evaluation.constant import NAME
from sentiprism.evaluation.footnotes import footnotes
from sentiprism.evaluation.within import LABEL
from sentiprism.reproduction.result import Key, Result
from sentiprism.reproduction.robustness_table import tabulate_robustness
from sentiprism.tables import duration, markdown, number, probability

ABSENT = "–"


def tabulate(key: Key, results: list[Result]) -> list[str]:
    """Write the table of results that are comparable, its notes and the commands, as blocks of Markdown.

    Args:
        key: properties that the results share.
        results: the results, the reference first.
    """
    evaluations = [one.evaluation for one in results]
    protocol, known = evaluations[0].protocol, describe(key.dataset)
    metrics = dict(protocol.metrics)
    main, folds = protocol.default_selection, any(one.within for one in evaluations)
    columns = [
        "run", "model", "seeds", "inputs",
        *(f"{metric.label} {'↑' if metric.higher_is_better else '↓'}" for metric in metrics.values()),
        *[f"{LABEL} ↑"] * folds,
        "valid", f"{metrics[main].label} less {results[0].reference}", "parameters", "training",
    ]  # fmt: skip
    rows = []
    if (constant := next((one.constant for one in evaluations if one.constant), None)) is not None:
        shown = ("<br>".join(constant.metrics[name].cells(metric.scale)) for name, metric in metrics.items())
        rows.append([NAME, *[ABSENT] * 3, *shown, *[ABSENT] * (4 + folds)])
    for one in results:
        name, scores = one.valid
        scale = metrics[name].scale
        spread = f" ± {number(stdev(scores), scale)}" if len(scores) > 1 else ""
        rows.append(
            [
                one.run.name + one.evaluation.mark,
                one.evaluation.model,
                str(len(one.evaluation.seeds)),
                one.inputs,
                *("<br>".join(one.evaluation.metrics[n].cells(m.scale)) for n, m in metrics.items()),
                *["<br>".join(one.evaluation.within.cells()) if one.evaluation.within else ABSENT] * folds,
                f"{number(mean(scores), scale)}{spread}",
                "<br>".join(_difference_cells(one, main)) if one.difference else ABSENT,
                f"{one.parameters / 1e6:.2f} M",
                duration(one.seconds),
            ]
        )
    notes = [
        f"intervals over {', or '.join(dict.fromkeys(one.drawn_over for one in evaluations))}",
        *(f"selection: {rule}" for rule in dict.fromkeys(one.selection for one in evaluations)),
        f"trained on {', or '.join(dict.fromkeys(_machine(one.run.environment) for one in results))}",
        *footnotes(evaluations),
    ]
    commands = "\n".join(f"    {one.command}  # {one.run.name}" for one in results)
    title = (known.title if known else key.dataset) + (f" (text encoder: {key.reader})" if key.reader else "")
    said = "\n".join(f"- {note}" for note in notes)
    return [
        f"## {title}",
        markdown(columns, rows),
        said,
        commands,
        *tabulate_robustness([(one.run, one.evaluation.dataset) for one in results], main),
    ]


def _difference_cells(one: Result, metric: str) -> tuple[str, ...]:
    assert one.difference is not None  # noqa: S101 - for mypy
    scale = one.evaluation.protocol.metrics[metric].scale
    return (*one.difference[metric].cells(scale), probability("Holm", one.corrected))


def _machine(environment: dict[str, Any]) -> str:
    threads = environment["threads"]
    device = environment.get("gpu") or f"{environment['device']}, {threads} thread{'s' * (threads > 1)}"
    precision = environment["precision"]
    return device if precision == "no" else f"{device} ({precision})"
