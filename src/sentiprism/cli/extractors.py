"""Command: extractors."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import Json
from sentiprism.cli.tables import emit_json, facts, size, table
from sentiprism.errors import UserError, suggest

if TYPE_CHECKING:
    from sentiprism.features.overview import ExtractorFacts


@followed_by("sentiprism extract --help")
def extractors(
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="Show the columns of this one.")] = None,
    as_json: Json = False,
) -> None:
    """List the feature extractors; with a name, its columns and units.

    Examples:
        sentiprism extractors

        sentiprism extractors speech
    """
    from sentiprism.features.cache import usage
    from sentiprism.features.overview import list_extractors

    found = {one.name: one for one in list_extractors()}
    if name is not None:
        if name not in found:
            raise UserError(f"no extractor is called {name!r}", suggest(name, found))
        _show(found[name], as_json=as_json)
        return
    used = usage()
    if as_json:
        cache = {"folder": str(used.folder), "entries": used.entries, "bytes": used.size}
        emit_json({"extractors": [_facts(one) for one in found.values()], "cache": cache})
        return
    rows = [(one.name, one.modality, _count(one), _rate(one), one.fault or one.summary) for one in found.values()]
    caption = f"cached features: {used.entries:,} files, {size(used.size)}"
    table(
        "Extractors", ("name", "modality", "columns", "steps/s", "about"), rows, caption, numbers=("columns", "steps/s")
    )


def _show(one: "ExtractorFacts", *, as_json: bool) -> None:
    from rich.text import Text

    if as_json:
        emit_json(_facts(one))
        return
    if one.recipe is None:
        raise UserError(f"{one.name} cannot be imported: {one.fault}", "fix or remove the plugin")
    known = [
        ("modality", one.modality),
        ("steps per second", _rate(one)),
        ("licence", one.licence),
        ("plugin", one.plugin),
    ]
    facts(Text.assemble((one.name, "bold"), f"  {one.summary}"), known)
    table("Columns", ("column", "unit"), list(zip(one.recipe.columns, one.recipe.units, strict=True)))


def _count(one: "ExtractorFacts") -> str:
    return "–" if one.recipe is None else str(len(one.recipe.columns))


def _rate(one: "ExtractorFacts") -> str:
    return "–" if one.recipe is None or one.recipe.rate is None else f"{one.recipe.rate:.4g}"


def _facts(one: "ExtractorFacts") -> dict[str, Any]:
    columns, units = (one.recipe.columns, one.recipe.units) if one.recipe is not None else ((), ())
    named = {"name": one.name, "modality": one.modality, "summary": one.summary}
    rate = None if one.recipe is None else one.recipe.rate
    return named | {
        "rate": rate,
        "columns": [{"name": column, "unit": unit} for column, unit in zip(columns, units, strict=True)],
        "licence": one.licence,
        "plugin": one.plugin,
        "fault": one.fault or None,
    }
