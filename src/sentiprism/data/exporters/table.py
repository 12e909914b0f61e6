"""Export a dataset as a table and feature files, which `import_dataset` and `extract` read."""

import csv
import shlex
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from sentiprism.data.clips import Clip, load_clips, name_recordings
from sentiprism.data.dataset import SPLITS, Card, Dataset, Utterance
from sentiprism.data.exporters.parquet_features import blocks_of, sequence_column, sequence_type
from sentiprism.types import MODALITIES

LABELS, README = "labels.csv", "README.md"
COLUMNS = ("id", "video_id", "text", "label", "split")


def write_table(dataset: Dataset, folder: Path, progress: Callable[[int], object]) -> None:
    """Write ``labels.csv``, a Parquet file per modality with features, and how to import them.

    Utterances that lack a modality have no row in its file. If the dataset was extracted from recordings, the table has
    the columns ``file``, ``start`` and ``end`` too.

    Args:
        dataset: the dataset.
        folder: existing and empty.
        progress: called with the number of utterances so far.
    """
    card = dataset.card
    widths = {name: card.widths[name] for name in MODALITIES if name in card.widths}
    write_labels(dataset, folder / LABELS)
    done = 0
    with ExitStack() as held:
        files = {
            name: held.enter_context(_open(folder / f"{name}.parquet", name, width)) for name, width in widths.items()
        }
        for block in (block for name in SPLITS for block in blocks_of(dataset.split(name))):
            for name, file in files.items():
                have = [one for one in block if name in one.sequences]
                if have:
                    ids = pa.array([one.id for one in have], pa.string())
                    column = sequence_column([one.sequences[name] for one in have], widths[name])
                    file.write_batch(pa.record_batch([ids, column], schema=file.schema))
            done += len(block)
            progress(done)
    (folder / README).write_text(_readme(card, list(widths)), encoding="utf-8")


def write_labels(dataset: Dataset, file: Path) -> None:
    """Write the table of utterances, with ``file``, ``start`` and ``end`` if they were extracted from recordings.

    Args:
        dataset: the dataset.
        file: CSV to write.
    """
    clips = load_clips(dataset.name)
    recordings = name_recordings(clips)
    others = [name for name in dataset.card.labels if name != "M"]
    names = [*COLUMNS, *(f"label_{name}" for name in others), *(("file", "start", "end") if clips else ())]
    with file.open("w", encoding="utf-8", newline="") as opened:
        rows = csv.DictWriter(opened, names, restval="")
        rows.writeheader()
        for split in SPLITS:
            for block in blocks_of(dataset.split(split)):
                rows.writerows(_row(dataset.card, split, one, others, clips.get(one.id), recordings) for one in block)


def _open(path: Path, name: str, width: int) -> Any:
    schema = pa.schema([("id", pa.string()), (name, sequence_type(width))])
    return parquet.ParquetWriter(path, schema, compression="none", use_dictionary=False)


def _row(
    card: Card, split: str, one: Utterance, others: list[str], clip: Clip | None, recordings: Mapping[Path, str]
) -> dict[str, str]:
    row = {"id": one.id, "video_id": one.video_id, "text": one.text or "", "split": split}
    row["label"] = format_label(card, one.labels["M"])
    row |= {f"label_{name}": format_label(card, one.labels[name]) for name in others}
    if clip is not None:
        row |= {"file": recordings[clip.file], "start": repr(clip.start), "end": repr(clip.end)}
    return row


def format_label(card: Card, label: float) -> str:
    """Write a label: a class's name, or the shortest number that is the same float32."""
    if card.target.kind == "classes":
        return card.target.classes[int(label)]
    return np.format_float_positional(np.float32(label), trim="-")


def _readme(card: Card, files: list[str]) -> str:
    scale = ["--low", f"{card.target.low:g}", "--high", f"{card.target.high:g}"]
    scale = ["--classes", ",".join(card.target.classes)] if card.target.kind == "classes" else scale
    words = ["sentiprism", "dataset", "add", f"{card.name}_copy"[-60:], "--labels", LABELS]
    words += [word for name in files for word in (f"--{name}", f"{name}.parquet")]
    words += [*scale, *(("--language", card.language) if card.language != "en" else ())]
    lost = "Token ids are not part of a table; export the dataset as mmsa to keep them.\n" if card.vocabulary else ""
    columns = [f"- {name}: {', '.join(recipe.columns)}\n" for name, recipe in card.recipes.items() if name in files] + [
        f"- {name}: {', '.join(listed)}\n" for name, listed in card.columns.items() if name in files
    ]
    listed = f"\nColumns of the features:\n\n{''.join(columns)}" if columns else ""
    return (
        f"# {card.title}\n\nExported from the dataset {card.name} by sentiprism. Import it with:\n\n"
        f"```console\n$ {shlex.join(words)}\n```\n\n{lost}{listed}"
    )
