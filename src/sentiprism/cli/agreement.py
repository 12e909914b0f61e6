"""Command: agreement."""

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiprism.cli.options import Json, choice
from sentiprism.cli.tables import Cell, emit_json, number, side_by_side, table
from sentiprism.errors import UserError

if TYPE_CHECKING:
    from sentiprism.data.importers.ratings import Ratings
    from sentiprism.metrics.raters import Icc, RaterAgreement

LEVELS = ("nominal", "ordinal", "interval")
"""Copy of `metrics.raters.LEVELS`, to avoid importing it; a test compares them."""

MEASURES = ("alpha", "ICC(2,1)", "ICC(2,k)", "raters", "rated by two", "rated by all")


def agreement(
    ratings: Annotated[
        Path, typer.Argument(metavar="RATINGS", help="CSV of id, rater and value; and pass, such as full or text.")
    ],
    level: Annotated[
        str | None,
        typer.Option(
            **choice("level of measurement", LEVELS), help="By default interval for numbers, nominal for classes."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Measure how far raters agree: Krippendorff's alpha, ICC(2,1) and ICC(2,k), and limits of agreement.

    Ratings may be missing: alpha uses every utterance that two raters have rated, the ICC those that all have rated,
    and the limits of agreement (Bland and Altman) those of both raters. The studio exports such tables.

    Examples:
        sentiprism agreement ratings.csv

        sentiprism agreement ratings.csv --level ordinal --json
    """
    from sentiprism.data.importers.ratings import read_ratings
    from sentiprism.metrics.raters import measure_agreement

    read = read_ratings(ratings)
    if level not in {None, "nominal"} and any(one.classes for one in read.values()):
        raise UserError(f"{ratings} has names of classes, which have no order", "give --level nominal, or leave it out")
    levels: dict[str, Any] = {name: level or ("nominal" if one.classes else "interval") for name, one in read.items()}
    found = {name: measure_agreement(one.values, levels[name]) for name, one in read.items()}
    if as_json:
        return emit_json({name: _values(read[name], one, levels[name]) for name, one in found.items()})
    shown = {name: _cells(read[name], one) for name, one in found.items()}
    caption = f"alpha: Krippendorff's, {' and '.join(dict.fromkeys(levels.values()))}; ICC: with 95% interval"
    side_by_side(f"Agreement of raters, {ratings.name}", MEASURES, shown, caption, stub="")
    pairs = [
        (name, f"{raters[a]} less {raters[b]}", str(len(one.differences)), *map(number, (one.bias, one.low, one.high)))
        for name, raters, of in ((name, read[name].raters, one.pairs) for name, one in found.items())
        for (a, b), one in of.items()
    ]
    if pairs:
        columns = ("pass", "raters", "utterances", "bias", "lower limit", "upper limit")
        caption = "95% limits of agreement: bias ± 1.96 standard deviations of the differences"
        table("Bland and Altman", columns, pairs, caption, numbers=columns[2:])
    return None


def _cells(read: "Ratings", found: "RaterAgreement") -> list[Cell]:
    icc = found.icc
    correlations = [_interval(icc.single), _interval(icc.average)] if icc is not None else [("–",), ("–",)]
    counts = (len(read.raters), found.utterances, "–" if icc is None else icc.utterances)
    return [(number(found.alpha),), *correlations, *((str(one),) for one in counts)]


def _interval(one: "Icc") -> Cell:
    return (number(one.value), f"[{number(one.low)}, {number(one.high)}]") if isfinite(one.value) else ("–",)


def _values(read: "Ratings", found: "RaterAgreement", level: str) -> dict[str, Any]:
    """As values for JSON."""
    icc = found.icc and {
        "single": found.icc.single._asdict(),
        "average": found.icc.average._asdict(),
        "utterances": found.icc.utterances,
    }
    pairs = [
        {"first": read.raters[a], "second": read.raters[b], "utterances": len(one.differences)}
        | {key: getattr(one, key) for key in ("bias", "std", "low", "high")}
        for (a, b), one in found.pairs.items()
    ]
    counts = {"utterances": found.utterances, "ratings": found.ratings, "raters": list(read.raters)}
    return {"level": level, **counts, "alpha": found.alpha, "icc": icc, "bland_altman": pairs}
