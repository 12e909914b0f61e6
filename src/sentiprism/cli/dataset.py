"""Commands: dataset add, import, list, show, utterances, export, remove."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

from sentiprism.cli.card import draw, labels_of, sequences_of
from sentiprism.cli.export import export
from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import Classes, High, Json, Low, ReplaceDataset, option
from sentiprism.cli.sources import choose_source, pairs
from sentiprism.cli.tables import emit_json, table
from sentiprism.cli.utterances import utterances
from sentiprism.errors import UserError, suggest

app = typer.Typer(help="Import, list and show datasets.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", help="Name in the store; see: sentiprism dataset list.")]


def _source(text: str, metavar: str = "FILE") -> Any:
    return typer.Option(metavar=metavar, help=text, rich_help_panel="Source, one of")


def _with_source(text: str, metavar: str | None = "FILE", *names: str) -> Any:
    return typer.Option(*names, metavar=metavar, help=text, rich_help_panel="Goes with a source")


@app.command()
@followed_by("sentiprism train mdf --dataset {name}")
def add(
    name: Annotated[str, typer.Argument(metavar="NAME", help="mosi, mosei, sims, ... or a new name.")],
    labels: Annotated[
        list[str] | None,
        _source("CSV of label; and id, video_id, text, split. Or one per split, repeated.", "[SPLIT=]FILE"),
    ] = None,
    mmsa: Annotated[Path | None, _source("Pickle of the MMSA distribution; it is not executed.")] = None,
    csd: Annotated[Path | None, _source("Labels as a CMU computational sequence; needs --folds.")] = None,
    arrays: Annotated[Path | None, _source("Padded arrays, .npz: text_train, audio_train, y_train, ...")] = None,
    urfunny: Annotated[Path | None, _source("UR-FUNNY's public pickles; they are not executed.", "FOLDER")] = None,
    importer: Annotated[str | None, _source("File or folder, and the plugin that reads it.", "IMPORTER=PATH")] = None,
    text: Annotated[Path | None, _with_source("Text features.")] = None,
    audio: Annotated[Path | None, _with_source("Audio features.")] = None,
    vision: Annotated[Path | None, _with_source("Vision features.")] = None,
    words: Annotated[Path | None, _with_source("Transcripts as a computational sequence.")] = None,
    folds: Annotated[
        str | None,
        _with_source(
            "Videos of each split: JSON, or CSV of video_id, split; or fold K of N, by video, left out as test.",
            "FILE|K/N",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        _with_source(
            "Column of a CSV with other names, or a pattern: id={split}-{Dialogue_ID}; repeatable.", "NAME=THEIRS"
        ),
    ] = None,
    context: Annotated[bool, _with_source("Prepend the sentences before a punchline.", None, "--context")] = False,
    low: Low = None,
    high: High = None,
    classes: Classes = None,
    language: Annotated[str, option("CODE", "Language of its transcripts, ISO 639-1.")] = "en",
    replace: ReplaceDataset = False,
    as_json: Json = False,
) -> None:
    """Import a dataset from files and print its card; errors are refused, oddities are warned about.

    Features for a table are .npz, .npy or .parquet, joined on id; with --csd they are .csd.

    Examples:
        sentiprism dataset add mosi --labels labels.csv --audio covarep.npz

        sentiprism dataset add mosei --mmsa unaligned_50.pkl

        sentiprism dataset add mine --labels labels.csv --low 0 --high 10

        sentiprism dataset add mosi --csd m.csd --audio a.csd --folds folds.json

        sentiprism dataset add mmmo --arrays seq20.npz

        sentiprism dataset add urfunny --urfunny sdk_features

        sentiprism dataset add a1 --arrays a.npz --folds 1/5 --low -3 --high 3

        sentiprism dataset add moods --labels m.csv --classes bad,neutral,good
    """
    from sentiprism.data.importers.import_dataset import import_dataset
    from sentiprism.data.importers.labels import LabelSpec

    options = {"text": text, "audio": audio, "vision": vision, "words": words, "folds": folds}
    source = choose_source(
        {"labels": _by_split(labels or []), "mmsa": mmsa, "csd": csd, "arrays": arrays, "urfunny": urfunny}
        | {"importer": importer},
        {**options, "column": pairs(column or [], "NAME=THEIRS"), "context": context},
    )
    spec = LabelSpec(low, high, split_names(classes))
    with _counting(name) as progress:
        dataset = import_dataset(name, source, labels=spec, language=language, replace=replace, progress=progress)
    emit_json(dataset.card.model_dump(mode="json")) if as_json else draw(dataset)


@app.command("import")
@followed_by("sentiprism train mdf --dataset {result}")
def import_(
    source: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Folder, or hf://datasets/OWNER/NAME@COMMIT on the hub.")
    ],
    name: Annotated[str | None, option("NAME", "Name in the store; by default the name at its export.")] = None,
    replace: ReplaceDataset = False,
    as_json: Json = False,
) -> str:
    """Import a folder for Hugging Face datasets that sentiprism has exported; the data are equal bit by bit.

    Examples:
        sentiprism dataset import mosi_hf

        sentiprism dataset import hf://datasets/owner/mosi --name mosi
    """
    from sentiprism.data.importers.huggingface import import_huggingface

    with _counting(name or source) as progress:
        dataset = import_huggingface(source, name, replace=replace, progress=progress)
    emit_json(dataset.card.model_dump(mode="json")) if as_json else draw(dataset)
    return dataset.name


def split_names(classes: str | None) -> tuple[str, ...]:
    """Split names at commas."""
    return tuple(part.strip() for part in classes.split(",")) if classes is not None else ()


def _by_split(labels: list[str]) -> "Path | dict[str, Path] | None":
    """One file, or ``SPLIT=FILE`` for each split."""
    from sentiprism.data.importers.folds import SPLIT_NAMES

    if len(labels) < 2 and not any(label.partition("=")[0] in SPLIT_NAMES for label in labels):
        return Path(labels[0]) if labels else None
    files: dict[str, Path] = {}
    for split, file in pairs(labels, "SPLIT=FILE").items():
        if split not in SPLIT_NAMES:
            raise UserError(f"no split is called {split!r}", suggest(split, SPLIT_NAMES))
        if files.setdefault(SPLIT_NAMES[split], Path(file)) != Path(file):
            raise UserError(f"{SPLIT_NAMES[split]} is given twice", "give each split one file")
    return files


@contextmanager
def _counting(name: str) -> Iterator[Callable[[int], object]]:
    """Show a count of utterances on stderr, with the official number if known."""
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from sentiprism.data.known import describe
    from sentiprism.screen import console

    known, screen = describe(name), console(stderr=True)
    count = TextColumn("{task.completed:,.0f} utterances")
    bars = (BarColumn(),) if known else ()
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        *bars,
        count,
        TimeElapsedColumn(),
        console=screen,
        transient=True,
        disable=not screen.is_terminal,
    ) as shown:
        task = shown.add_task(f"importing {name}", total=sum(known.splits.values()) if known else None)
        yield lambda number: shown.update(task, completed=number)


@app.command("list")
@followed_by("sentiprism dataset {result}")
def list_(as_json: Json = False) -> tuple[str, ...] | None:
    """List the datasets in the store.

    Examples:
        sentiprism dataset list

        sentiprism dataset list --json
    """
    from sentiprism.data.store import list_datasets
    from sentiprism.files import home

    cards = list_datasets()
    if as_json:
        emit_json([{**card.model_dump(mode="json"), "folder": str(home("datasets", card.name))} for card in cards])
        return None
    if not cards:
        typer.echo(f"no datasets in {home('datasets')} yet")
        return "add", "--help"
    table(
        "Datasets",
        ("name", "train", "valid", "test", "sequences", "labels", "warnings"),
        [
            (
                card.name,
                *(f"{split.utterances:,}" for split in card.splits.values()),
                sequences_of(card),
                labels_of(card),
                str(len(card.warnings)),
            )
            for card in cards
        ],
        f"in {home('datasets')}",
        numbers=("train", "valid", "test", "warnings"),
        cut=("sequences", "labels"),
    )
    return "show", cards[0].name


@app.command()
@followed_by("sentiprism train mdf --dataset {name}")
def show(
    name: Name,
    verify: Annotated[bool, typer.Option("--verify", help="Read all files and check the content hash.")] = False,
    as_json: Json = False,
) -> None:
    """Show a dataset's card: splits, lengths, missing modalities, labels, warnings, source and content hash.

    Examples:
        sentiprism dataset show mosi

        sentiprism dataset show mosi --verify
    """
    from sentiprism.data.store import load_dataset

    dataset = load_dataset(name, verify=verify)
    emit_json(dataset.card.model_dump(mode="json")) if as_json else draw(dataset)


app.command()(utterances)
app.command()(export)


@app.command()
@followed_by("sentiprism dataset list")
def remove(name: Name) -> None:
    """Delete a dataset from the store, but not the files it was imported from.

    Examples:
        sentiprism dataset remove mosi
    """
    from sentiprism.data.store import remove_dataset

    remove_dataset(name)
    typer.echo(f"removed {name}")
