"""What the page of a job shows of a dataset that it has exported, imported or predicted."""

from pathlib import Path
from typing import NamedTuple

from sentiprism.errors import UserError
from sentiprism.studio.datasets import identify_dataset
from sentiprism.studio.jobs.data_jobs import EXPORT
from sentiprism.studio.jobs.kinds import EvaluateJob, ExportJob, parse_job
from sentiprism.studio.store.tables import JobRow
from sentiprism.studio.web.state import Studio
from sentiprism.tables import size

DATA_JOBS = ("evaluate", "export", "import", "extract")
"""Kinds of jobs of the area Data."""


class Made(NamedTuple):
    """The result of a job of the area Data."""

    title: str
    text: str
    links: tuple[tuple[str, str], ...]
    """Address and label."""
    delete: str | None = None
    """Address to remove the file."""


def exported_file(studio: Studio, row: JobRow) -> Path | None:
    """The file of an export; None where it is not finished, or was removed."""
    try:
        job = parse_job(row.kind, row.parameters)
    except UserError:
        return None
    if not isinstance(job, ExportJob) or row.state != "done":
        return None
    path = studio.runner.job_folder(row.id) / EXPORT / job.file
    return path if path.is_file() else None


def made_of(studio: Studio, row: JobRow) -> Made | None:
    """What a finished job has made; None of jobs of other areas."""
    try:
        job = parse_job(row.kind, row.parameters)
    except UserError:
        return None
    if row.state != "done" or row.kind not in DATA_JOBS:
        return None
    if isinstance(job, ExportJob):
        return _exported(studio, row, job)
    if isinstance(job, EvaluateJob):
        run = studio.folders.identifier(Path(row.workspace) / job.run)
        address = f"/data/{identify_dataset(job.dataset)}/utterances?run={run}"
        return Made("Predictions", "The largest errors are listed first.", ((address, "Browse the utterances"),))
    result = row.result or {}
    found, name = int(result.get("warnings", 0)), str(result.get("dataset", ""))
    said = f"{found} warning{'s' if found > 1 else ''}: they are on its card" if found else "No warnings"
    address = f"/data/{identify_dataset(name)}"
    return Made(name, said, ((address, "Open the dataset"), (f"{address}/utterances", "Utterances")))


def _exported(studio: Studio, row: JobRow, job: ExportJob) -> Made:
    address, path = f"/data/{identify_dataset(job.dataset)}", exported_file(studio, row)
    if path is None:
        said = "The file was removed. Export the dataset again."
        return Made(job.file, said, ((address, "Dataset"),))
    links = ((f"/data/exports/{row.id}", "Download"), (address, "Dataset"))
    return Made(job.file, f"{size(path.stat().st_size)}; kept for a week", links, f"/data/exports/{row.id}/delete")
