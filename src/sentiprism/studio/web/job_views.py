"""What pages show of a job."""

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import or_, select

from sentiprism.errors import UserError
from sentiprism.studio.jobs.kinds import TrainJob, parse_job
from sentiprism.studio.jobs.process import Progress, read_progress
from sentiprism.studio.jobs.training import SeedHistory, read_seeds, training_progress
from sentiprism.studio.store.tables import ACTIVE, RESUMABLE, JobRow, now
from sentiprism.studio.web.state import Studio

RECENT = timedelta(minutes=2)
"""After its end a job's version is still told, for pages that were asleep."""
WORDS = {
    "queued": "waiting",
    "running": "running",
    "stopping": "stopping",
    "done": "done",
    "failed": "failed",
    "stopped": "stopped",
    "interrupted": "interrupted",
}


@dataclass(frozen=True)
class JobView:
    """A job with its progress."""

    row: JobRow
    progress: Progress
    version: str
    """Changes whenever what a page shows of it does."""
    link: str
    """Page of its result, or its own."""

    @property
    def word(self) -> str:
        """Its state, for people."""
        return WORDS.get(self.row.state, self.row.state)

    @property
    def active(self) -> bool:
        """Whether it can be stopped."""
        return self.row.state in {"queued", *ACTIVE}

    @property
    def resumable(self) -> bool:
        """Whether it can be resumed."""
        return self.row.state in RESUMABLE


def view(studio: Studio, row: JobRow) -> JobView:
    """What pages show of a job now."""
    progress = _progress(studio, row) if row.state in ACTIVE else Progress()
    if row.state == "done":
        progress = Progress(share=1.0)
    text = f"{row.state} {row.attempts} {progress.share:.4f} {progress.text} {row.error}"
    return JobView(row, progress, sha256(text.encode()).hexdigest()[:12], f"/jobs/{row.id}")


def get_job(studio: Studio, identifier: str) -> JobRow | None:
    """The job of an identifier."""
    with studio.database.read() as session:
        return session.get(JobRow, identifier)


def list_jobs(studio: Studio, *states: str, kind: str | None = None, most: int = 50) -> list[JobView]:
    """Jobs, the newest first.

    Args:
        studio: whose.
        states: by default all.
        kind: by default any.
        most: how many.
    """
    wanted = select(JobRow)
    if states:
        wanted = wanted.where(JobRow.state.in_(states))
    if kind is not None:
        wanted = wanted.where(JobRow.kind == kind)
    with studio.database.read() as session:
        rows = list(session.scalars(wanted.order_by(JobRow.created.desc()).limit(most)))
    return [view(studio, row) for row in rows]


def versions(studio: Studio) -> dict[str, str]:
    """Version of each job that waits, runs, or has just ended."""
    recent = or_(JobRow.state.in_(("queued", *ACTIVE)), JobRow.ended > now() - RECENT)
    with studio.database.read() as session:
        rows = list(session.scalars(select(JobRow).where(recent).limit(200)))
    return {row.id: view(studio, row).version for row in rows}


def training_of(row: JobRow) -> TrainJob | None:
    """Parameters of a training; None of another job."""
    try:
        job = parse_job(row.kind, row.parameters)
    except UserError:
        return None
    return job if isinstance(job, TrainJob) else None


def seeds_of(row: JobRow, metric: str) -> list[SeedHistory]:
    """Epochs of a training's seeds so far."""
    job = training_of(row)
    return [] if job is None else read_seeds(Path(row.workspace) / job.out, job.run, metric)


def _progress(studio: Studio, row: JobRow) -> Progress:
    if row.kind != "train":
        return read_progress(studio.runner.job_folder(row.id))
    epochs: Any = row.parameters.get("run", {}).get("optim", {}).get("epochs", 1)
    return training_progress(seeds_of(row, "mae"), int(epochs))
