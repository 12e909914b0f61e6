"""Jobs of datasets, by the public Python API."""

import os
import shutil
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from time import time
from typing import Any

import sentiprism as sp
from sentiprism.data.exporters.table import write_labels
from sentiprism.data.importers.sources import Source
from sentiprism.data.known import describe
from sentiprism.files import atomic_file, make_folder
from sentiprism.studio.jobs.kinds import ExportJob, ExtractJob, ImportJob, NewDataset
from sentiprism.tables import size
from sentiprism.types import MODALITIES

EXPORT = "export"
"""Folder of a job with its file."""
KEPT = timedelta(days=7)
"""After which the next export removes the file of an earlier one."""
PACKING = 0.2
"""Share of an export's time that packing takes."""
Told = Callable[[float, str], None]


def export_to(job: ExportJob, folder: Path, told: Told) -> dict[str, Any]:
    """Write a dataset as one file, which the page of the job offers.

    Args:
        job: which dataset, and how.
        folder: of the job.
        told: is told how far it is.
    """
    _remove_old(folder.parent)
    place = folder / EXPORT
    make_folder(place)
    dataset = sp.load_dataset(job.dataset)
    count = max(sum(split.utterances for split in dataset.card.splits.values()), 1)
    file = place / job.file

    def on(done: int) -> None:
        told((1 - PACKING) * done / count, f"{done:,} of {count:,} utterances")

    if job.format == "mmsa":
        sp.export_dataset(dataset, file, format=job.format, replace=True, progress=on)
    else:
        written = sp.export_dataset(dataset, place / "files", format=job.format, replace=True, progress=on)
        told(1 - PACKING, "packing")
        _pack(written, file)
        shutil.rmtree(written)
    print(f"wrote {job.file}, {size(file.stat().st_size)}", flush=True)
    told(1.0, "")
    return {"dataset": job.dataset}


def import_files(job: ImportJob, told: Told) -> dict[str, Any]:
    """Import a dataset into the store.

    Args:
        job: its files, and what they mean.
        told: is told how far it is.
    """
    new, files = job.dataset, job.files
    folds = _folds(new)
    source: Source
    if job.kind == "table":
        others = {key: files.get(key) for key in MODALITIES}
        source = sp.TableSource(files["labels"], **others, folds=folds, renamed=new.columns)
    elif job.kind == "mmsa":
        source = sp.MmsaSource(files["mmsa"])
    else:
        source = sp.ArraysSource(files["arrays"], folds=folds)
    known = describe(new.name)
    total = sum(known.splits.values()) if known is not None else None

    def on(count: int) -> None:
        told(min(count / total, 0.99) if total else 0.0, f"{count:,} utterances")

    made = sp.import_dataset(
        new.name,
        source,
        labels=sp.LabelSpec(new.low, new.high, new.classes),
        language=new.language or "en",
        replace=new.replace,
        progress=on,
    )
    return _say(made, told)


def extract_dataset(job: ExtractJob, folder: Path, told: Told) -> dict[str, Any]:
    """Extract a dataset; a job that resumes takes what is cached.

    Args:
        job: recordings, labels and options.
        folder: of the job.
        told: is told how far it is.
    """
    place, labels = folder / "recordings", job.labels
    shutil.rmtree(place, ignore_errors=True)
    make_folder(place)
    for name, file in job.recordings.items():
        (place / name).symlink_to(file)
    if job.source is not None:
        labels = folder / "labels.csv"
        write_labels(sp.load_dataset(job.source), labels)
    assert labels is not None  # noqa: S101 - one of the two is given
    new = job.dataset
    told(0.0, f"0 of {len(job.recordings)} recordings")
    made = sp.extract(
        place,
        new.name,
        labels=labels,
        options=job.options,
        on=lambda done, total: told(done / total * 0.98, f"{done} of {total} recordings"),
        columns=new.columns,
        folds=_folds(new),
        low=new.low,
        high=new.high,
        classes=new.classes,
        language=new.language,
        replace=new.replace,
        allow_missing=job.allow_missing,
    )
    for name, reason in made.failed.items():
        print(f"left out: {name}: {reason}", flush=True)
    return _say(made.dataset, told)


def _folds(new: NewDataset) -> Path | str | None:
    """``K/N``, or the path of a file."""
    return Path(new.folds) if new.folds is not None and os.path.isabs(new.folds) else new.folds


def _say(made: sp.Dataset, told: Told) -> dict[str, Any]:
    """Print the card's numbers and warnings to the log."""
    for name, split in made.card.splits.items():
        print(f"{name}: {split.utterances:,} utterances of {split.videos:,} videos", flush=True)
    for line in made.card.warnings:
        print(f"warning: {line}", flush=True)
    told(1.0, "")
    return {"dataset": made.name, "warnings": len(made.card.warnings)}


def _pack(folder: Path, file: Path) -> None:
    with (
        atomic_file(file) as temporary,
        zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as packed,
    ):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                packed.write(path, f"{file.stem}/{path.relative_to(folder).as_posix()}")


def _remove_old(jobs: Path) -> None:
    for place in jobs.glob(f"*/{EXPORT}"):
        if time() - place.stat().st_mtime > KEPT.total_seconds():
            shutil.rmtree(place, ignore_errors=True)
