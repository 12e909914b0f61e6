"""Command: contracts."""

from typing import Annotated

import typer

from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import Json
from sentiprism.cli.tables import emit_json, table

FAILED = 1
"""Exit status if a contract is violated."""
HEADINGS = ("name", "contract", "result", "reason")


@followed_by("sentiprism train MODEL --dataset NAME --plugin FILE")
def contracts(
    subjects: Annotated[
        list[str], typer.Argument(metavar="FILE|NAME", help="Python file of a plugin, or an installed name.")
    ],
    as_json: Json = False,
) -> None:
    """Check models, extractors and metrics for padding, missing modalities, resuming, ...

    The exit status is 1 if a contract fails. Exceptions that a model declares, with reasons, are not checked.

    Examples:
        sentiprism contracts my_model.py

        sentiprism contracts mdf --json
    """
    from sentiprism.contracts.suite import check_names, find_kinds
    from sentiprism.plugins import load_plugin

    named = [load_plugin(one) if one.endswith(".py") else find_kinds(one) for one in subjects]
    outcomes = []
    for names in named:
        for outcome in check_names(names):
            outcomes.append(outcome)
            typer.echo(f"{outcome.subject}: {outcome.contract}: {outcome.state}", err=True)
    failed = sum(one.state == "failed" for one in outcomes)
    if as_json:
        emit_json([one._asdict() for one in outcomes])
    else:
        counts = f"{len(outcomes)} contracts, {failed} failed"
        table("Contracts", HEADINGS, [tuple(one) for one in outcomes], counts)
    if failed:
        raise typer.Exit(FAILED)
