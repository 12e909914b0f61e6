"""Commands: reproduce, ablate, results."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import Device, Json, Markdown, OneDataset, Precision, Seeds, option
from sentiprism.cli.tables import emit_json, points, side_by_side
from sentiprism.errors import UserError

if TYPE_CHECKING:
    from sentiprism.reproduction.published import PublishedTable

Model = Annotated[str, typer.Argument(metavar="MODEL", help="See: sentiprism models.")]
Experiment = Annotated[str | None, option("NAME", "Experiment with the numbers, if a dataset has several.")]
Encoder = Annotated[str | None, option("NAME", "Text encoder that replaces the one in the settings.")]
Settings = Annotated[list[str] | None, option("KEY=VALUE", "Changes every row; repeatable.", "--set")]
Out = Annotated[Path | None, option("FOLDER", "Folder for the runs; by default under runs/.")]
RUNS = Path("runs")
"""Default folder of the runs."""


@followed_by("sentiprism {result}")
def reproduce(
    model: Model,
    dataset: OneDataset = None,
    table: Annotated[str | None, option("NAME", "By default every table.")] = None,
    experiment: Experiment = None,
    run: Annotated[list[Path] | None, option("RUN", "Show this run next to its row; repeatable.")] = None,
    train: Annotated[bool, typer.Option("--train", help="First train each row whose model is available.")] = False,
    seeds: Seeds = None,
    encoder: Encoder = None,
    settings: Settings = None,
    out: Out = None,
    device: Device = "auto",
    precision: Precision = "auto",
    markdown: Markdown = False,
    as_json: Json = False,
) -> tuple[object, ...]:
    """Show a paper's settings and published numbers, and compare them with measurements.

    With --train every available model of the table is trained with its published settings; finished runs are reused.
    --set changes all of them; --set config.… only the paper's own model.

    Examples:
        sentiprism reproduce mdf --dataset mosi

        sentiprism reproduce mdf --dataset mosei --table 1

        sentiprism reproduce mdf --dataset mosi --table 2 --run runs/mdf

        sentiprism reproduce mdf --dataset mosi --table 1 --train
    """
    from sentiprism.config import dump, merge
    from sentiprism.reproduction.published import find_experiment, find_table, published
    from sentiprism.training.experiments import load_paper
    from sentiprism.training.run import Run
    from sentiprism.training.train import resolve

    if train:
        if run or table is None:
            raise UserError("--train measures one table", "give --table and no --run")
        from sentiprism.reproduction.reproduce import reproduce as measure

        more: dict[str, Any] = {"experiment": experiment, "encoder": encoder, "seeds": seeds, "out": out}
        more |= {"assignments": settings or (), "device": device, "precision": precision}
        measured = measure(model, table, dataset, **more)
        _emit(measured, markdown=markdown, as_json=as_json)
        return "results", out or RUNS
    if experiment is None:
        if dataset is None:
            raise UserError("a paper has numbers of several datasets", "give --dataset or --experiment")
        experiment = find_experiment(model, Path(dataset).name)
    paper = load_paper(experiment)
    changes = ({"data": {"text": {"encoder": encoder}}} if encoder else {}) | ({"seeds": seeds} if seeds else {})
    keys = list(paper.published) if table is None else [find_table(paper, table)]
    if run and len(keys) > 1:
        raise UserError("a run belongs to a row of one table", "give --table")
    runs = [Run(folder) for folder in run or ()]
    config = resolve(merge(paper.run, changes), settings or ())
    found = [published(experiment, key, runs, device=device) for key in keys]
    if as_json:
        emit_json({"run": config.model_dump(mode="json"), "tables": [one.to_dict() for one in found]})
    else:
        if not markdown:
            typer.echo(f"{experiment}: {paper.title}\n\n{dump(config)}")
        _show(found, markdown=markdown)
    return "ablate", model, "--experiment", experiment, "--table", keys[0]


@followed_by("sentiprism results {result}")
def ablate(
    model: Model,
    table: Annotated[str | None, option("NAME", "Number (2) or topic (components) of the table.")] = None,
    over: Annotated[
        str | None,
        option("KEY=VALUES", "One run per value instead of a table: config.depth=1..6, or =a,b,c."),
    ] = None,
    dataset: OneDataset = None,
    experiment: Experiment = None,
    base: Annotated[str | None, option("NAME", "Experiment with the base settings; by default the paper's.")] = None,
    ours: Annotated[bool, typer.Option("--ours", help="Start from this project's own settings.")] = False,
    encoder: Encoder = None,
    seeds: Seeds = None,
    rows: Annotated[list[str] | None, option("ROW", "Only this row, by name or number; repeatable.")] = None,
    settings: Settings = None,
    out: Out = None,
    device: Device = "auto",
    precision: Precision = "auto",
    markdown: Markdown = False,
    as_json: Json = False,
) -> Path:
    """Train every row of a paper's table and compare with it; or, with --over, one run for each value of a setting.

    The same command resumes after a stop; a finished row is not trained again.

    Examples:
        sentiprism ablate mdf --dataset mosi --table 2 --ours --seeds 3

        sentiprism ablate mdf --dataset mosi --table 3 --encoder minilm

        sentiprism ablate mdf --dataset mosi --table 2 --rows 1 --rows 6

        sentiprism ablate mdf --dataset mosi --over optim.epochs=1..6 --ours
    """
    if ours and base:
        raise UserError("--ours and --base both set the base settings", "give one of them")
    if (table is None) == (over is None):
        raise UserError("neither a table nor a setting is given", "give --table or --over")
    more: dict[str, Any] = {"experiment": experiment, "base": "ours" if ours else base, "encoder": encoder}
    more |= {"seeds": seeds, "assignments": settings or (), "out": out, "device": device, "precision": precision}
    if over is not None:
        if rows:
            raise UserError("--rows is only for tables", "leave them out, or give --table")
        _show_sweep(model, over, dataset, more, markdown=markdown, as_json=as_json)
        return out or RUNS
    from sentiprism.reproduction.ablation import ablate as measure

    found = measure(model, str(table), dataset, rows=rows or (), **more)
    _emit(found, markdown=markdown, as_json=as_json)
    return out or RUNS


@followed_by("open {out}")
def results(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Runs, or folders of runs.")],
    out: Annotated[Path | None, option("FILE", "File for the page.")] = None,
    reference: Annotated[
        str | None,
        option("MODEL", "Reference model; by default text_only, else ridge."),
    ] = None,
    notes: Annotated[Path | None, option("FILE", "Markdown to put before the tables.")] = None,
    device: Device = "auto",
    as_json: Json = False,
) -> None:
    """Write the page of results from run folders, with one table per dataset.

    A run that cannot be read is left out; the page and stderr say why.

    Examples:
        sentiprism results runs --out docs/results.md

        sentiprism results runs/mdf runs/text_only --notes remarks.md
    """
    from sentiprism.files import check_writable, write_text
    from sentiprism.reading import read_text
    from sentiprism.reproduction.results import gather, page

    if out is not None:
        if out.is_dir():
            raise UserError(f"{out} is a folder", "name a file for the page")
        check_writable(out)
    remarks = "" if notes is None else read_text(notes)
    found = gather(runs, reference=reference, device=device)
    left_out = {str(folder): str(error) for folder, error in found.left_out.items()}
    for name, reason in left_out.items():
        typer.echo(f"left out: {name}: {reason}", err=True)
    if as_json:
        return emit_json([one.to_dict() for one in found.shown])
    text = page(found.shown, left_out, remarks)
    if out is None:
        return typer.echo(text)
    write_text(out, text)
    return typer.echo(f"{len(found.shown)} run{'s' * (len(found.shown) > 1)} in {out}")


def _show_sweep(
    model: str, over: str, dataset: str | None, more: dict[str, Any], *, markdown: bool, as_json: bool
) -> None:
    """Train a run for each value, and compare them."""
    from sentiprism.cli.evidence import show_comparison
    from sentiprism.evaluation.compare import compare
    from sentiprism.reproduction.sweep import sweep

    runs = sweep(model, over, dataset, **more)
    if os.environ.get("RANK", "0") != "0":
        return
    found = compare(runs, device=more["device"])
    if as_json:
        emit_json(found.to_dict())
    elif markdown:
        typer.echo(found.render("markdown"))
    else:
        show_comparison(found)


def _emit(found: "PublishedTable", *, markdown: bool, as_json: bool) -> None:
    """Print a measured table, in one of several processes."""
    if os.environ.get("RANK", "0") != "0":
        return
    if as_json:
        emit_json(found.to_dict())
    else:
        _show([found], markdown=markdown)


def _show(tables: "list[PublishedTable]", *, markdown: bool) -> None:
    for one in tables:
        if markdown:
            typer.echo(one.to_markdown() + "\n")
            continue
        title = f"{one.source.title}, {one.key}: {one.table.caption}"
        side_by_side(title, one.names(), one.columns(), "", stub="row")
        points("Remarks", one.remarks())
        typer.echo()
