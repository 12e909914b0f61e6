"""Export a dataset as a folder that the library ``datasets`` of Hugging Face reads.

The folder has Parquet files and a card with the data files of each split, which is what ``load_dataset(FOLDER)`` and
the hub read. pyarrow writes them, so that the library itself is not needed.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from sentiprism.data.dataset import SPLITS, Card, Dataset, DatasetFacts, Utterance
from sentiprism.data.exporters.parquet_features import blocks_of, sequence_column, sequence_type
from sentiprism.yaml_files import dump_yaml

NAMES = {"train": "train", "valid": "validation", "test": "test"}
"""Names of the splits there."""
FEATURES = {"token_ids": "token_ids", "text": "text_features", "audio": "audio_features", "vision": "vision_features"}
"""Columns of the sequences; ``text`` is the transcript."""
PLANTED = "planted_"
"""Prefix of the columns of a synthetic dataset's ground truth."""
DESCRIPTION = "sentiprism"
"""Key in the files' metadata of what the columns do not say, which `sentiprism dataset import` reads."""
README = "README.md"


def write_huggingface(dataset: Dataset, folder: Path, progress: Callable[[int], object]) -> None:
    """Write a Parquet file per split in ``data``, and the card ``README.md``.

    Args:
        dataset: the dataset.
        folder: existing and empty.
        progress: called with the number of utterances so far.
    """
    card, done = dataset.card, 0
    widths = {key: column.width for key, column in dataset.train.sequences.items()}
    planted = sorted(dataset.train.planted)
    described = {**_class_names(card), DESCRIPTION: json.dumps(describe(dataset))}
    schema = make_schema(card, card.labels, widths, planted).with_metadata(described)
    (folder / "data").mkdir()
    for name in SPLITS:
        split = dataset.split(name)
        with parquet.ParquetWriter(folder / "data" / f"{NAMES[name]}-00000-of-00001.parquet", schema) as file:
            for block in blocks_of(split):
                file.write_batch(pa.record_batch(_columns(block, card, widths, planted), schema=schema))
                done += len(block)
                progress(done)
    (folder / README).write_text(_readme(card, widths), encoding="utf-8")


def describe(dataset: Dataset) -> dict[str, Any]:
    """What the columns do not say of a dataset, as JSON."""
    card = dataset.card
    videos = [{*dataset.split(name).video_ids.tolist()} for name in SPLITS]
    return {
        "name": card.name,
        "labels": list(card.labels),
        "widths": {key: column.width for key, column in dataset.train.sequences.items()},
        "planted": sorted(dataset.train.planted),
        "shared_videos": len(set.union(*videos)) < sum(map(len, videos)),
        "warnings": list(card.warnings),
        "facts": {key: card.model_dump(mode="json")[key] for key in DatasetFacts.model_fields},
    }


def label_columns(labels: Iterable[str]) -> dict[str, str]:
    """Columns of the labels, by our names of them."""
    return {name: "label" if name == "M" else f"label_{name}" for name in labels}


def make_schema(card: DatasetFacts, labels: Iterable[str], widths: dict[str, int], planted: Iterable[str]) -> pa.Schema:
    """Columns of a dataset's files.

    Args:
        card: for the kind of the labels.
        labels: their names.
        widths: of the sequences, 0 for ids.
        planted: names of a synthetic dataset's ground truth.
    """
    kind = pa.int64() if card.target.kind == "classes" else pa.float32()
    fields = [(name, pa.string()) for name in ("id", "video_id", "text")]
    fields += [(column, kind) for column in label_columns(labels).values()]
    fields += [(FEATURES[key], sequence_type(width)) for key, width in widths.items()]
    fields += [(PLANTED + name, pa.list_(pa.float32())) for name in planted]
    return pa.schema(fields)


def _class_names(card: Card) -> dict[str, str]:
    """What the library reads the names of classes from; {} for intensities."""
    if card.target.kind != "classes":
        return {}
    label = {"names": list(card.target.classes), "_type": "ClassLabel"}
    features = dict.fromkeys(label_columns(card.labels).values(), label)
    return {"huggingface": json.dumps({"info": {"features": features}})}


def _columns(block: list[Utterance], card: Card, widths: dict[str, int], planted: Iterable[str]) -> list[Any]:
    kind = pa.int64() if card.target.kind == "classes" else pa.float32()
    texts = [pa.array([getattr(one, name) for one in block], pa.string()) for name in ("id", "video_id", "text")]
    labels = [pa.array([one.labels[name] for one in block], kind) for name in card.labels]
    sequences = (sequence_column([o.sequences.get(k) for o in block], n) for k, n in widths.items())
    truth = (pa.array([one.planted[name] for one in block], pa.list_(pa.float32())) for name in planted)
    return [*texts, *labels, *sequences, *truth]


def _readme(card: Card, widths: dict[str, int]) -> str:
    files = [{"split": NAMES[name], "path": f"data/{NAMES[name]}-*.parquet"} for name in SPLITS]
    head = {
        "language": [card.language],
        "pretty_name": card.title,
        "configs": [{"config_name": "default", "data_files": files}],
    }
    lines = [f"- `{FEATURES[key]}`: {_about(card, key, width)}" for key, width in widths.items()]
    if card.target.kind == "classes":
        scale = "the classes " + ", ".join(f"{n} = {name}" for n, name in enumerate(card.target.classes))
    else:
        scale = f"intensities from {card.target.low:g} to {card.target.high:g}"
    return (
        f"---\n{dump_yaml(head)}---\n\n# {card.title}\n\nExported from the dataset {card.name} by sentiprism; "
        f"source: {card.source}.\n\n- `label`: {scale}\n" + "\n".join(lines) + "\n"
    )


def _about(card: Card, key: str, width: int) -> str:
    """What a sequence is, in one line."""
    if not width:
        return f"ids of the vocabulary {card.vocabulary}" if card.vocabulary else "ids of an unknown vocabulary"
    recipe = card.recipes.get(key)
    names = recipe.columns if recipe is not None else card.columns.get(key, ())
    return f"steps of {width} features" + (f": {', '.join(names)}" if names else "")
