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
FACES = ("speaking", "largest", "all")
MISMATCHES = ("drop", "note", "error")
AUDIO = ("speech", "sims33", "sims33_f0", "egemaps", "whisper", "none")
VISION = ("action_units", "expression", "face", "gaze", "none")
EXPORTS = ("elan", "textgrid", "srt", "csv", "parquet")
BLURRED, LEFT_OUT = ("faces",), ("voices",)
EXECUTORS = ("local", "ray")
STEPS = ("frame", "word", "utterance")
TEXTS = ("given", "recognised")
"""Copies of names in the library, to avoid importing it; a test compares them."""
MOST_SEED = 2**32 - 1
MOST = 1_000_000
"""Largest count on the command line; larger ones are typing errors."""


def choice(
    noun: str, names: tuple[str, ...], metavar: str | None = None, *, prefix: str = "", modality: str = ""
) -> dict[str, Any]:
    """Settings of an option with a choice of names; errors suggest the most similar ones.

    Args:
        noun: noun for a name in messages.
        names: all names.
        metavar: placeholder if there are too many names for the help's left column; the help text then lists them.
        prefix: prefix of other names, which are checked later.
        modality: modality of plugins' extractors that are allowed too.
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
    """List extractors of plugins; one that cannot be imported is skipped, unless it is ``named``."""
    from sentiprism.features.extractors import EXTRACTORS

    found = []
    for name in EXTRACTORS.plugins():
        with nullcontext() if name == named else suppress(UserError):
            if EXTRACTORS[name].modality == modality:
                found.append(name)
    return found


def option(metavar: str, text: str, *names: str) -> Any:
    """Make an option with a value, from its placeholder and help text; by default named like the parameter."""
    return typer.Option(*names, metavar=metavar, help=text)


def number(text: str) -> float:
    """Parse a number as in files: ASCII digits, finite."""
    try:
        return parse_number(text)
    except ValueError as error:
        raise typer.BadParameter(f"{error}.") from None


OneRun = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a run, or hf://OWNER/NAME@COMMIT.")]
Low = Annotated[float | None, typer.Option(parser=number, metavar="X", help="Lowest label of a new dataset.")]
High = Annotated[float | None, typer.Option(parser=number, metavar="X", help="Highest label of a new dataset.")]
Classes = Annotated[str | None, option("A,B,...", "Names of its classes, for class labels.")]
ReplaceDataset = Annotated[bool, typer.Option("--replace", help="Replace a dataset of this name.")]
OneModel = Annotated[str | None, typer.Argument(help="See: sentiprism models.")]
OneDataset = Annotated[str | None, option("NAME", "Name in the store, or its folder.")]
Columns = Annotated[list[str] | None, option("NAME=THEIRS", "Column of a CSV with other names; repeatable.")]
Jobs = Annotated[
    int | None,
    typer.Option(min=1, metavar="N", help="Recordings in parallel; by default 1, with ray one per processor."),
]
ExecutorName = Annotated[
    str, typer.Option("--executor", **choice("executor", EXECUTORS), help="This machine, or a Ray cluster.")
]
Address = Annotated[
    str | None, option("HOST:PORT", "A running Ray cluster; by default one of this machine alone is started.")
]
Strict = Annotated[bool, typer.Option("--strict", help="Stop with an error if a recording fails.")]
AllowMissing = Annotated[bool, typer.Option("--allow-missing", help="Leave out rows whose recording is missing.")]
SavedModel = Annotated[str, option("MODEL", "starter, folder of a saved model, or hf://OWNER/NAME@COMMIT.")]
Recogniser = Annotated[str, option("NAME", "Whisper model by name or folder; none = no recognition.")]
Language = Annotated[str | None, option("CODE", "Language of the speech; by default detected.")]
LanguageMismatch = Annotated[
    str,
    typer.Option(
        **choice("handling of another language", MISMATCHES), help="For words that are not in the model's language."
    ),
]
Face = Annotated[
    str, typer.Option(**choice("choice of faces", FACES), help="If several are visible; all: an estimate with each.")
]
Speakers = Annotated[str, option("N|auto|off", "Speakers to tell apart by voice.")]
Longest = Annotated[float, option("S", "Most seconds of an utterance.")]
Exports = Annotated[
    list[str] | None,
    typer.Option(
        "--export", **choice("export", EXPORTS), help="Also for ELAN, Praat, as subtitles or tidy; repeatable."
    ),
]
Blur = Annotated[
    list[str] | None,
    typer.Option("--blur", **choice("thing to blur", BLURRED), help="Stills with blurred faces instead of the video."),
]
Without = Annotated[
    list[str] | None,
    typer.Option("--without", **choice("thing to leave out", LEFT_OUT), help="Leave the sound out of the page."),
]
ReportFolder = Annotated[Path, option("FOLDER", "Folder for the report.")]
Markdown = Annotated[bool, typer.Option("--markdown", help="Print Markdown.")]
Seeds = Annotated[int | None, typer.Option(min=1, max=1000, metavar="N", help="How many seeds, from 1111 on.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Split = Annotated[str, typer.Option(**choice("split", SPLITS), help="Part of the dataset.")]
Fresh = Annotated[str, typer.Option(**choice("split", SPLITS, "train|test"), help="Split to measure coverage on.")]
Device = Annotated[str, option("auto|cpu|cuda[:N]|mps", "Device; auto: a GPU if available.")]
Precision = Annotated[
    str, typer.Option(**choice("precision", PRECISIONS), help="auto: bf16 on a GPU that has it, no on a CPU.")
]
