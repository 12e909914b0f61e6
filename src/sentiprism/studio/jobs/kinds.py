"""What a job can do, and its parameters: the same options as the command line's."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from sentiprism.analysis.options import Options
from sentiprism.analysis.recording import ExtractOptions
from sentiprism.config import Config
from sentiprism.errors import UserError, suggest
from sentiprism.studio.jobs.label_kinds import AdaptJob, CutJob, ExtractLabelsJob
from sentiprism.studio.jobs.run_kinds import CalibrateJob, ExplainJob, FigureJob, RobustnessJob
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


class ExportJob(Config):
    """Write a dataset as a file to download."""

    dataset: str
    """Name in the store."""
    format: Literal["table", "mmsa", "huggingface"] = "table"

    @property
    def file(self) -> str:
        """Name of the file."""
        return f"{self.dataset}.pkl" if self.format == "mmsa" else f"{self.dataset}_{self.format}.zip"


class NewDataset(Config):
    """Name and labels of a dataset to make, as ``dataset add`` and ``extract`` take them."""

    name: str
    """In the store."""
    columns: dict[str, str] = {}
    """Columns of a table with other names."""
    folds: str | None = None
    """Splits of files without splits: ``K/N``, or the path of a file."""
    low: float | None = None
    high: float | None = None
    classes: tuple[str, ...] = ()
    language: str | None = None
    replace: bool = False
    """Replace an existing dataset of this name."""


class ImportJob(Config):
    """Import a dataset from files that were added."""

    dataset: NewDataset
    kind: Literal["table", "mmsa", "arrays"]
    files: dict[str, Path]
    """By role: labels, text, audio, vision; mmsa; arrays."""


class ExtractJob(Config):
    """Extract a dataset from recordings and a table of labels."""

    dataset: NewDataset
    options: ExtractOptions
    recordings: dict[str, Path]
    """Files by the names that the table has for them."""
    labels: Path | None = None
    """The table; None = labels and times of ``source``."""
    source: str | None = None
    """Dataset whose labels and times are taken."""
    allow_missing: bool = False
    """Leave out rows whose recording is not there."""


class FetchJob(Config):
    """Fetch recordings of the demo, which the studio then adds."""

    assets: tuple[Literal["two-cities", "strong-expressions"], ...] = ("two-cities", "strong-expressions")


Job = (
    AnalyzeJob
    | TrainJob
    | CompareJob
    | EvaluateJob
    | ExportJob
    | ImportJob
    | ExtractJob
    | CutJob
    | AdaptJob
    | ExtractLabelsJob
    | FetchJob
    | CalibrateJob
    | RobustnessJob
    | FigureJob
    | ExplainJob
)
KINDS: dict[str, type[Job]] = {
    "analyze": AnalyzeJob,
    "train": TrainJob,
    "compare": CompareJob,
    "evaluate": EvaluateJob,
    "export": ExportJob,
    "import": ImportJob,
    "extract": ExtractJob,
    "cut": CutJob,
    "adapt": AdaptJob,
    "extract-labels": ExtractLabelsJob,
    "fetch": FetchJob,
    "calibrate": CalibrateJob,
    "robustness": RobustnessJob,
    "figure": FigureJob,
    "explain": ExplainJob,
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
