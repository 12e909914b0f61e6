"""Command: study."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sentiprism.cli.analyze import recordings_bar
from sentiprism.cli.flags import with_flags
from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import (
    Address,
    AllowMissing,
    Blur,
    ExecutorName,
    Exports,
    Face,
    Jobs,
    Language,
    LanguageMismatch,
    Longest,
    Recogniser,
    SavedModel,
    Speakers,
    Without,
    option,
)
from sentiprism.cli.tables import emit_json, points, table
from sentiprism.tables import p_value, probability, signed

if TYPE_CHECKING:
    from sentiprism.study.run import StudyResult
    from sentiprism.study.study import GroupDifference, Study


@followed_by("open {result}")
def study(
    place: Annotated[
        Path, typer.Argument(metavar="TABLE|FOLDER", help="Table of recordings; or a folder with attributes.csv.")
    ],
    out: Annotated[Path, option("FOLDER", "Folder for the study.")] = Path("study"),
    by: Annotated[list[str] | None, option("NAME", "Attribute to compare; repeatable.")] = None,
    measure: Annotated[str | None, option("NAME", "sentiment, or the share of a sentiment or class.")] = None,
    title: Annotated[str, option("TEXT", "Title of the page.")] = "Study",
    model: SavedModel = "starter",
    asr: Recogniser = "base",
    language: Language = None,
    language_mismatch: LanguageMismatch = "drop",
    face: Face = "speaking",
    speakers: Speakers = "off",
    longest: Longest = 15.0,
    exports: Exports = None,
    blur: Blur = None,
    without: Without = None,
    numbered: Annotated[bool, typer.Option("--numbered", help="Number recordings on the page, without names.")] = False,
    executor: ExecutorName = "local",
    address: Address = None,
    jobs: Jobs = None,
    allow_missing: AllowMissing = False,
    replace: Annotated[bool, typer.Option("--replace", help="Replace analyses of other settings.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the study as JSON for programs.")] = False,
) -> Path:
    """Compare many recordings: groups, conditions, persons and sessions.

    TABLE (.csv or .tsv) has a column path, relative to the table, and a column for each attribute: person, group,
    condition, session or any other; a column transcript names transcripts. Recordings of one person count as one unit;
    conditions of the same persons are compared within persons.

    Makes study.html (one page), methods.txt for the paper, recordings.csv, groups.csv, differences.csv,
    measurements.csv and .parquet (one row a measurement), and a report of each recording. The same command resumes, and
    only analyses what is new. --blur faces --without voices --numbered makes pages to share.

    Examples:
        sentiprism study table.csv --out study

        sentiprism study interviews/ --by condition --jobs 2

        sentiprism study table.csv --blur faces --without voices --numbered

        sentiprism study table.csv --executor ray

        sentiprism study table.csv --measure 'share of negative' --export elan
    """
    from sentiprism.executors.choose import choose_executor
    from sentiprism.study.recordings import read_study
    from sentiprism.study.run import StudyOptions, choose_attributes, run_study

    analysis = {
        "model": model,
        "asr": asr,
        "language": language,
        "language_mismatch": language_mismatch,
        "face": face,
        "speakers": speakers,
        "longest": longest,
    }
    report = {"exports": exports or (), "blur": blur or (), "without": without or (), "picture": True}
    given = {"analysis": analysis, "report": report, "by": by or (), "measure": measure, "title": title}
    options = StudyOptions.parse({**given, "names": not numbered}, "the options of study")
    inputs = read_study(place, out, allow_missing=allow_missing)
    choose_attributes(inputs, options.by)
    count, chosen = len(inputs.recordings), choose_executor(executor, jobs, address)
    with recordings_bar(f"analysing {count} recording{'s' * (count != 1)}", count) as (on, ended):
        result = run_study(inputs, out, options, executor=chosen, replace=replace, on=on, ended=ended)
    if as_json:
        emit_json(result.to_record())
    else:
        _show(result)
    return result.page


def _show(result: "StudyResult") -> None:
    for one in result.studies:
        _show_groups(one)
        tested = [pair for pair in one.differences if pair.contrast is not None]
        if tested:
            columns = (one.by or "", "compared", "difference", "effect", "p", "corrected")
            caption = "95 % bootstrap intervals; p corrected over the pairs of this table (Holm)."
            table("Differences", columns, map(_difference, tested), caption, numbers=columns[2:])
        if reasons := [f"{pair.a} - {pair.b}: {pair.reason}" for pair in one.differences if pair.contrast is None]:
            points("Not compared", reasons)
        if (found := one.repeated) is not None:
            said = f"F({found.degrees[0]}, {found.degrees[1]}) = {found.f:.2f}, partial eta squared {found.effect:.2f}"
            points(
                f"All {len(found.conditions)} together",
                [f"{found.persons} persons: {said}, {probability('p', found.p)}"],
            )
    if result.failures:
        points("Not analysed", [f"{name}: {with_flags(reason)}" for name, reason in result.failures.items()])
    if result.notes:
        points("Notes", result.notes)
    if result.kept:
        points("Kept", [f"{result.kept} of {len(result.recordings)} analyses existed already"])


def _show_groups(one: "Study") -> None:
    rows = []
    for group in one.groups:
        interval = f"[{signed(group.mean.low)}, {signed(group.mean.high)}]" if group.mean.low == group.mean.low else "-"
        rows.append((group.name or "all", str(group.recordings), str(group.units), signed(group.mean.mean), interval))
    columns = (one.by or "recordings", "recordings", "units", "mean", "95 %")
    title = f"{one.measure.capitalize()}{f' by {one.by}' if one.by else ''}"
    table(title, columns, rows, one.model, numbers=("recordings", "mean", "95 %"))


def _difference(one: "GroupDifference") -> tuple[str, ...]:
    c, name = one.contrast, "d_z" if one.design == "paired" else "g"
    assert c is not None  # noqa: S101 - checked by the caller
    shown = f"{signed(c.difference)} [{signed(c.low)}, {signed(c.high)}]"
    effect = f"{name} {signed(c.effect)}" if c.effect == c.effect else "-"
    return f"{one.a} - {one.b}", one.design, shown, effect, p_value(c.p), p_value(one.holm)
