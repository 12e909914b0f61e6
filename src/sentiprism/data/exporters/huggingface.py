"""Export a dataset as a folder that the library ``datasets`` of Hugging Face reads.

The folder has Parquet files and a card with the data files of each split, which is what ``load_dataset(FOLDER)`` and
the hub read. pyarrow writes them, so that the library itself is not needed.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
from pyarrow import parquet

from sentiprism.data.dataset import SPLITS, Card, Dataset, Utterance
from sentiprism.data.exporters.parquet_features import blocks_of, sequence_column, sequence_type
from sentiprism.yaml_files import dump_yaml

NAMES = {"train": "train", "valid": "validation", "test": "test"}
"""Names of the splits there."""
FEATURES = {"token_ids": "token_ids", "text": "text_features", "audio": "audio_features", "vision": "vision_features"}
"""Columns of the sequences; ``text`` is the transcript."""
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
    schema = _schema(card, widths)
    (folder / "data").mkdir()
    for name in SPLITS:
        split = dataset.split(name)
        with parquet.ParquetWriter(folder / "data" / f"{NAMES[name]}-00000-of-00001.parquet", schema) as file:
            for block in blocks_of(split):
                file.write_batch(pa.record_batch(_columns(block, card, widths), schema=schema))
                done += len(block)
                progress(done)
    (folder / README).write_text(_readme(card, widths), encoding="utf-8")


def _labels(card: Card) -> dict[str, str]:
    """Columns of the labels, by our names of them."""
    return {name: "label" if name == "M" else f"label_{name}" for name in card.labels}


def _schema(card: Card, widths: dict[str, int]) -> pa.Schema:
    kind = pa.int64() if card.target.kind == "classes" else pa.float32()
    fields = [(name, pa.string()) for name in ("id", "video_id", "text")]
    fields += [(column, kind) for column in _labels(card).values()]
    fields += [(FEATURES[key], sequence_type(width)) for key, width in widths.items()]
    return pa.schema(fields, _class_names(card))


def _class_names(card: Card) -> dict[str, str] | None:
    """What the library reads the names of classes from; None for intensities."""
    if card.target.kind != "classes":
        return None
    label = {"names": list(card.target.classes), "_type": "ClassLabel"}
    return {"huggingface": json.dumps({"info": {"features": dict.fromkeys(_labels(card).values(), label)}})}


def _columns(block: list[Utterance], card: Card, widths: dict[str, int]) -> list[Any]:
    kind = pa.int64() if card.target.kind == "classes" else pa.float32()
    texts = [pa.array([getattr(one, name) for one in block], pa.string()) for name in ("id", "video_id", "text")]
    labels = [pa.array([one.labels[name] for one in block], kind) for name in _labels(card)]
    return [*texts, *labels, *(sequence_column([o.sequences.get(k) for o in block], n) for k, n in widths.items())]


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
