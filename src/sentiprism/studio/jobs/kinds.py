"""What a job can do, and its parameters: the same options as the command line's."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from sentiprism.analysis.options import Options
from sentiprism.config import Config
from sentiprism.errors import UserError, suggest
from sentiprism.training.config import RunConfig


class Item(Config):
    """A recording to analyse."""

    id: str
    name: str
    """For people; not a part of a path."""
    file: Path
    report: Path
    """Folder of its report, relative to the workspace."""
    transcript: Path | None = None
    """What is said in it, where a text of its name was added."""


class AnalyzeJob(Config):
    """Analyse recordings, one report each."""

    items: tuple[Item, ...] = Field(min_length=1)
    options: Options = Options()


class TrainJob(Config):
    """Train a model, then measure it on valid and test."""

    run: RunConfig
    out: Path
    """Run folder, relative to the workspace."""
    device: str = "auto"
    precision: Literal["auto", "no", "bf16", "fp16"] = "auto"


class CompareJob(Config):
    """Compare runs on one split."""

    runs: tuple[Path, ...] = Field(min_length=1)
    split: Literal["valid", "test"] = "test"


class EvaluateJob(Config):
    """Predict every split of a dataset with the models of a run."""

    run: Path
    """Run folder, relative to the workspace."""
    dataset: str
    """Name in the store; the run's own, or another one."""


Job = AnalyzeJob | TrainJob | CompareJob | EvaluateJob
KINDS: dict[str, type[Job]] = {
    "analyze": AnalyzeJob,
    "train": TrainJob,
    "compare": CompareJob,
    "evaluate": EvaluateJob,
}
"""By the name that the database keeps."""


def parse_job(kind: str, parameters: object) -> Job:
    """Read a job's parameters.

    Raises:
        UserError: there is no such kind, or they are not its parameters.
    """
    if kind not in KINDS:
        raise UserError(f"there is no job {kind!r}", suggest(kind, KINDS))
    return KINDS[kind].parse(parameters, f"a job that is to {kind}")
