"""Parameters of the jobs of labelling."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from sentiprism.analysis.options import Options
from sentiprism.analysis.recording import ExtractOptions
from sentiprism.config import Config


class CutItem(Config):
    """A recording to cut into utterances."""

    id: str
    name: str
    """For people; not a part of a path."""
    file: Path
    transcript: Path | None = None


class CutJob(Config):
    """Cut recordings into utterances to label."""

    items: tuple[CutItem, ...] = Field(min_length=1)
    out: Path
    """Folder of the wave forms."""
    how: Literal["speech", "whole"] = "speech"
    """Utterances by speech detection, or each recording as one utterance."""
    options: Options = Options()


class AdaptJob(Config):
    """Fine-tune a model on labelled recordings."""

    clips: Path
    """Folder of the recordings."""
    labels: Path
    """Table of labels."""
    out: Path
    """Folder of the new model, relative to the workspace."""
    model: str = "starter"
    recordings: tuple[str, ...] = ()
    """Identifiers of the labelled recordings, which the model's page compares."""
    low: float
    high: float


class ExtractLabelsJob(Config):
    """Make a dataset of labelled recordings."""

    clips: Path
    labels: Path
    dataset: str
    options: ExtractOptions = ExtractOptions()
    low: float | None = None
    high: float | None = None
    classes: tuple[str, ...] = ()
