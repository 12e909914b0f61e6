"""Make the page of results from run folders."""

from collections.abc import Iterable, Mapping
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from sentiprism.errors import UserError, few
from sentiprism.evaluation.resampling import FEW
from sentiprism.models import MODELS
from sentiprism.reproduction.folds import pool_folds
from sentiprism.reproduction.reference import correct, order_by_table, subtract_reference
from sentiprism.reproduction.result import Result, read_result
from sentiprism.reproduction.results_table import tabulate
from sentiprism.training.run import Run

HEAD = f"""# Results

Made by `sentiprism results RUN... --out FILE` from run folders; edits are lost. Mean ± std over seeds, in brackets the
95% bootstrap interval over the videos of test (over its utterances if their videos are not known; each table says
which); percentages if a metric is a share. *Valid* is the mean score that selected the epochs. *Less text_only* is the
paired bootstrap difference from the plain head on the same dataset and encoder: what a system adds to its encoder;
without such a run the linear model is the reference, on the same inputs if it has them. Its p is that of one
comparison; *Holm* is p corrected over all runs of the table that are compared with the reference. With fewer than {FEW}
videos nothing is tested: there is no p, and no mark. *Training* is the time of all epochs of a seed without validation,
mean over seeds."""


class Results(NamedTuple):
    """Runs for the page, and runs that are left out."""

    shown: list[Result]
    """By dataset, the reference first, then in the order of their names."""
    left_out: dict[Path, UserError]
    """Reasons by folder of a run that cannot be read or has no finished seed."""


def gather(folders: Iterable[Path | str], *, reference: str | None = None, device: str = "auto") -> Results:
    """Read runs, with their differences from the reference run on the same dataset and text encoder.

    Args:
        folders: run folders, or folders with runs below them.
        reference: reference model; by default the first one of `reference.REFERENCES` with a run.
        device: for runs that have not been evaluated yet.

    Raises:
        UserError: there is no run that can be read, or no such model.
    """
    if reference:
        MODELS.check(reference)
    given = [Path(folder) for folder in folders]
    read: list[Result] = []
    left_out: dict[Path, UserError] = {}
    for folder in dict.fromkeys(path.parent for above in given for path in sorted(above.rglob("run.yaml"))):
        try:
            read.append(read_result(Run.open(folder), device))
        except UserError as error:
            left_out[folder] = error
    if not read:
        if left_out:
            first = next(iter(left_out.values()))
            raise UserError(f"no run can be read: {first.cause}", first.remedy)
        raise UserError(f"no finished run in {few(map(str, given))}", "give run folders")
    results = order_by_table(pool_folds(read), reference)
    compared: list[Result] = []
    for one in results:
        try:
            compared.append(one._replace(difference=subtract_reference(one, results)))
        except UserError as error:  # predictions are of other utterances than the reference's
            left_out[one.run.folder] = error
    return Results(correct(compared), left_out)


def page(results: list[Result], left_out: Mapping[str, str] = MappingProxyType({}), notes: str = "") -> str:
    """Write the page as Markdown: for each dataset a table, the selection rule and the commands.

    Args:
        results: from `gather`.
        left_out: reasons by run that could not be read.
        notes: Markdown that is put before the tables.
    """
    parts = [HEAD, notes.strip()] if notes.strip() else [HEAD]
    for key, group in groupby(results, key=lambda one: one.table):
        parts += tabulate(key, list(group))
    if left_out:
        lines = (f"- {name}: {reason}" for name, reason in left_out.items())
        parts.append("\n".join(["## Left out", "", *lines]))
    return "\n\n".join(parts) + "\n"
