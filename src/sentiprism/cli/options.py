"""Options that several commands share."""

from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from sentiprism.errors import UserError, suggest
from sentiprism.reading import parse_number

SPLITS = ("train", "valid", "test")
PRECISIONS = ("auto", "no", "bf16", "fp16")
FORMATS = ("markdown", "latex", "html", "csv")
KINDS = ("missing", "swap", "noise", "frames", "delay", "words")
MODALITIES = ("text", "audio", "vision")
FACES = ("largest", "all")
MISMATCHES = ("drop", "note", "error")
AUDIO = ("speech", "sims33", "sims33_f0", "egemaps", "whisper", "none")
VISION = ("action_units", "expression", "face", "none")
STEPS = ("frame", "word", "utterance")
TEXTS = ("given", "recognised")
"""Names that the library has too; here they are known without importing it, and a test compares them."""
MOST_SEED = 2**32 - 1
MOST = 1_000_000
"""Of what is counted on the command line: a slip of the finger, beyond it."""


def choice(
    noun: str, names: tuple[str, ...], metavar: str | None = None, *, prefix: str = "", modality: str = ""
) -> dict[str, Any]:
    """Settings of an option that takes one of some names: its help lists them, a wrong one is told the nearest.

    Args:
        noun: what messages call one of them.
        names: all of them.
        metavar: where they are too many to stand beside the option; its help text then lists them.
        prefix: what any other name may begin with, which is looked up later.
        modality: whose extractors of plugins may be named, too.
    """

    def parse(text: str) -> str:
        if text not in names and not (prefix and text.startswith(prefix)):
            known = (*names, *extractors_of_plugins(modality, text)) if modality else names
            if text not in known:
                raise UserError(f"no {noun} is called {text!r}", suggest(text, known))
        return text

    parser: Callable[[str], str] = parse
    return {"parser": parser, "metavar": metavar or "|".join((*names, f"{prefix}NAME") if prefix else names)}


def extractors_of_plugins(modality: str, named: str = "") -> list[str]:
    """Extractors of plugins by name; one that cannot be imported is passed over, unless it is ``named``."""
    from sentiprism.features.extractors import EXTRACTORS

    found = []
    for name in EXTRACTORS.plugins():
        with nullcontext() if name == named else suppress(UserError):
            if EXTRACTORS[name].modality == modality:
                found.append(name)
    return found


def option(metavar: str, text: str, *names: str) -> Any:
    """An option that takes a value: how that is written, and what it is; by default it has the parameter's name."""
    return typer.Option(*names, metavar=metavar, help=text)


def number(text: str) -> float:
    """A number as it is written in files: ASCII digits, finite."""
    try:
        return parse_number(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from None


OneRun = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run.")]
Low = Annotated[float | None, typer.Option(parser=number, metavar="X", help="Least label of a dataset of your own.")]
High = Annotated[float | None, typer.Option(parser=number, metavar="X", help="Greatest label of it.")]
Classes = Annotated[str | None, option("A,B,...", "Names of its labels, where they are classes.")]
ReplaceDataset = Annotated[bool, typer.Option("--replace", help="Replace a dataset of this name.")]
OneModel = Annotated[str | None, typer.Argument(help="See: sentiprism models.")]
OneDataset = Annotated[str | None, option("NAME", "Name in the store, or its folder.")]
Columns = Annotated[list[str] | None, option("NAME=THEIRS", "Column of a CSV that has other names; repeatable.")]
Jobs = Annotated[int, typer.Option(min=1, metavar="N", help="Recordings at a time.")]
Strict = Annotated[bool, typer.Option("--strict", help="A recording that fails is an error.")]
AllowMissing = Annotated[bool, typer.Option("--allow-missing", help="Leave out rows whose recording is not there.")]
ReportFolder = Annotated[Path, option("FOLDER", "Where the report goes.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown.")]
Seeds = Annotated[int | None, typer.Option(min=1, max=1000, metavar="N", help="How many seeds, from 1111 on.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Split = Annotated[str, typer.Option(**choice("split", SPLITS), help="Part of the dataset.")]
Fresh = Annotated[str, typer.Option(**choice("split", SPLITS, "train|test"), help="Where coverage is counted.")]
Device = Annotated[str, option("auto|cpu|cuda[:N]|mps", "Where to compute; auto: on a GPU if any.")]
Precision = Annotated[
    str, typer.Option(**choice("precision", PRECISIONS), help="auto: bf16 on a GPU that has it, no on a CPU.")
]
