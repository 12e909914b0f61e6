"""Command: extract."""

from pathlib import Path
from typing import Annotated

import typer

from sentiprism.cli.card import draw
from sentiprism.cli.hints import followed_by
from sentiprism.cli.options import (
    AUDIO,
    FACES,
    STEPS,
    TEXTS,
    VISION,
    Address,
    AllowMissing,
    Classes,
    Columns,
    ExecutorName,
    High,
    Jobs,
    Json,
    Low,
    ReplaceDataset,
    Strict,
    choice,
    option,
)
from sentiprism.cli.sources import pairs
from sentiprism.cli.tables import emit_json


@followed_by("sentiprism train mdf --dataset {dataset}")
def extract(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of recordings.")],
    labels: Annotated[Path, option("FILE", "CSV of file and label; and id, video_id, text, split, start, end.")],
    dataset: Annotated[str, option("NAME", "Name in the store.")],
    audio: Annotated[
        str,
        typer.Option(
            **choice("audio extractor", AUDIO, prefix="hf-audio:", modality="audio"), help="Features of the voice."
        ),
    ] = "speech",
    vision: Annotated[
        str,
        typer.Option(
            **choice("vision extractor", VISION, prefix="hf-vision:", modality="vision"), help="Features of the face."
        ),
    ] = "action_units",
    audio_set: Annotated[
        list[str] | None, option("KEY=VALUE", "For --audio hf-audio:NAME: layer, rate, revision.")
    ] = None,
    vision_set: Annotated[
        list[str] | None,
        option("KEY=VALUE", "For --vision hf-vision:NAME: layer, rate, revision, pooling, crop."),
    ] = None,
    per: Annotated[str, typer.Option(**choice("step", STEPS), help="Step of the features.")] = "frame",
    relative: Annotated[
        bool,
        typer.Option("--relative", help="Subtract the person's resting level, the median over a video."),
    ] = False,
    face: Annotated[
        str, typer.Option(**choice("choice of faces", FACES[:2]), help="If several are visible.")
    ] = "speaking",
    text: Annotated[
        str,
        typer.Option(**choice("source of the text", TEXTS), help="given in the table or --transcripts, or recognised."),
    ] = "given",
    transcripts: Annotated[Path | None, option("FOLDER", "Transcripts with the recordings' names.")] = None,
    vision_features: Annotated[
        Path | None,
        option("FILE", "Existing features as by --vision, per utterance: .npz of id, columns."),
    ] = None,
    asr: Annotated[str, option("NAME", "Whisper model by name or folder.")] = "base",
    column: Columns = None,
    folds: Annotated[str | None, option("FILE|K/N", "Splits by video, for a table without splits.")] = None,
    low: Low = None,
    high: High = None,
    classes: Classes = None,
    language: Annotated[
        str | None, option("CODE", "Language of the speech, ISO 639-1; by default detected, or en.")
    ] = None,
    executor: ExecutorName = "local",
    address: Address = None,
    jobs: Jobs = None,
    strict: Strict = False,
    allow_missing: AllowMissing = False,
    replace: ReplaceDataset = False,
    as_json: Json = False,
) -> None:
    """Make a dataset to train on from a folder of recordings and a table of labels.

    The column file, or the id, names a recording; start and end (seconds) cut utterances from a long one. Without a
    column split, recordings are split 70/10/20 into train, valid and test, deterministically. An invalid table is
    refused before any recording is opened. Features are cached by content: the same command resumes after a stop.
    Recordings that fail are left out, and listed in the card's warnings.

    Examples:
        sentiprism extract videos/ --labels labels.csv --dataset mine --low -3 --high 3

        sentiprism extract videos/ --labels labels.csv --dataset mine --per word --jobs 2 --low 0 --high 10

        sentiprism extract videos/ --labels labels.csv --dataset mine --executor ray --low -3 --high 3

        sentiprism extract calls/ --labels l.csv --dataset calls --vision none --text recognised --classes bad,good

        sentiprism extract talks/ --labels l.csv --dataset talks --vision-features units.npz --low -1 --high 1
    """
    from sentiprism.analysis.extract import extract as make
    from sentiprism.executors.choose import choose_executor
    from sentiprism.progress import progress

    options = {
        "audio": audio,
        "vision": vision,
        "audio_settings": pairs(audio_set or [], "KEY=VALUE"),
        "vision_settings": pairs(vision_set or [], "KEY=VALUE"),
        "per": per,
        "relative": relative,
        "face": face,
        "text": text,
        "asr": asr,
    }
    with progress(f"extracting {dataset}", 1.0) as advance:
        made = make(
            folder,
            dataset,
            labels=labels,
            options=options,
            transcripts=transcripts,
            vision_features=vision_features,
            columns=pairs(column or [], "NAME=THEIRS"),
            folds=folds,
            low=low,
            high=high,
            classes=[part.strip() for part in classes.split(",")] if classes is not None else (),
            language=language,
            executor=choose_executor(executor, jobs, address),
            strict=strict,
            allow_missing=allow_missing,
            replace=replace,
            on=lambda _, total: advance(1 / total),
        )
    if as_json:
        emit_json({**made.dataset.card.model_dump(mode="json"), "failed": made.failed})
        return
    draw(made.dataset)
