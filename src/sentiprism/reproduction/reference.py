"""Compare results with the reference of their table."""

from collections.abc import Sequence
from math import nan
from typing import Any

from sentiprism.evaluation.compare import difference
from sentiprism.evaluation.differences import Difference, holm
from sentiprism.reproduction.result import Result

REFERENCES = ("text_only", "ridge")
"""Reference models of a table, in order of preference."""


def order_by_table(results: Sequence[Result], reference: str | None) -> list[Result]:
    """Sort results by table, the reference first, then by name.

    Args:
        results: results of any tables.
        reference: reference model; by default the first one of `REFERENCES` in the table.
    """
    wanted = (reference,) if reference else REFERENCES
    there = {(one.table, one.evaluation.model) for one in results}
    named = {table: next((name for name in wanted if (table, name) in there), wanted[0]) for table, _ in there}
    found = [one._replace(reference=named[one.table]) for one in results]
    return sorted(found, key=lambda one: (*one.table, one.evaluation.model != one.reference, one.run.name))


def subtract_reference(one: Result, results: Sequence[Result]) -> dict[str, Difference] | None:
    """Every metric minus the reference's on the same dataset, text encoder and initial weights; None if it is missing.

    Raises:
        UserError: the predictions are of other utterances.
    """

    def data(of: Result) -> tuple[Any, ...]:
        text = of.run.config.data.text if of.reader else None
        return of.run.environment["dataset"]["content"], text, of.evaluation.dataset, of.run.config.init

    fitting = [other for other in results if other.evaluation.model == one.reference and data(other) == data(one)]
    if not fitting or one.evaluation.model == one.reference:
        return None
    best = max(fitting, key=lambda other: (other.inputs == one.inputs, len(other.evaluation.seeds)))
    return difference(one.evaluation, best.evaluation)


def correct(results: Sequence[Result]) -> list[Result]:
    """Correct p-values for the number of runs of a table that are compared with its reference."""
    found: dict[int, float] = {}
    for table in dict.fromkeys(one.table for one in results):
        main = {
            str(i): one.difference[one.evaluation.protocol.default_selection].p
            for i, one in enumerate(results)
            if one.table == table and one.difference is not None
        }
        found |= {int(i): p for i, p in holm(main).items()}
    return [one._replace(corrected=found.get(i, nan)) for i, one in enumerate(results)]
