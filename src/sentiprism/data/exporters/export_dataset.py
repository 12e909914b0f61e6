"""Export a dataset from the store."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sentiprism.errors import UserError, suggest
from sentiprism.files import atomic_file, atomic_folder

if TYPE_CHECKING:
    from sentiprism.data.dataset import Dataset

FORMATS = ("table", "mmsa", "huggingface")


def export_dataset(
    dataset: "Dataset | Path | str",
    out: Path | str,
    *,
    format: str = "table",  # noqa: A002 - the word of the command line
    replace: bool = False,
    progress: Callable[[int], object] | None = None,
) -> Path:
    """Write a dataset in a format that other programs read, one utterance at a time.

    Args:
        dataset: a dataset, its name in the store, or its folder.
        out: ``mmsa``: the file to write; else the folder.
        format: ``table``: ``labels.csv`` and a Parquet file of features per modality, which `import_dataset` reads;
            ``mmsa``: a pickle in the layout of MMSA's files; ``huggingface``: Parquet files and a dataset card, which
            ``datasets.load_dataset(FOLDER)`` reads.
        replace: replace the file or folder if it exists.
        progress: called with the number of utterances so far.

    Returns:
        The file or folder.

    Raises:
        UserError: the format is unknown, the place exists, or the dataset is damaged.
    """
    from sentiprism.data.dataset import Dataset
    from sentiprism.data.exporters.huggingface import write_huggingface
    from sentiprism.data.exporters.mmsa import write_mmsa
    from sentiprism.data.exporters.table import write_table
    from sentiprism.data.store import load_dataset

    if format not in FORMATS:
        raise UserError(f"no format is called {format!r}", suggest(format, FORMATS))
    opened = dataset if isinstance(dataset, Dataset) else load_dataset(dataset)
    out = Path(out)
    if out.exists() and not replace:
        raise UserError(f"{out} exists already", "choose another place, or replace it with `replace`")
    told = progress or (lambda _: None)
    if format == "mmsa":
        if out.is_dir():
            raise UserError(f"{out} is a folder", "name a file that ends with .pkl")
        with atomic_file(out) as temporary:
            write_mmsa(opened, temporary, told)
    else:
        write = write_table if format == "table" else write_huggingface
        with atomic_folder(out, replace=replace) as temporary:
            write(opened, temporary, told)
    return out
