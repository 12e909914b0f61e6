"""Kinds of jobs about trained runs."""

from pathlib import Path
from typing import Literal, get_args

from pydantic import Field

from sentiprism.config import Config

FigureName = Literal["weights", "gates", "confusion", "tsne", "attention", "robustness", "reliability"]
FIGURES: tuple[FigureName, ...] = get_args(FigureName)


class CalibrateJob(Config):
    """Fit intervals of a run on valid, and measure their coverage on test."""

    run: Path
    """Run folder, relative to the workspace."""
    level: float = Field(0.9, gt=0, lt=1)
    """Nominal coverage."""


class RobustnessJob(Config):
    """Measure a run on corrupted inputs."""

    run: Path
    split: Literal["valid", "test"] = "test"
    points: int = Field(6, ge=2, le=21)
    """Strengths of each corruption."""


class FigureJob(Config):
    """Draw the papers' figures of a run."""

    run: Path
    split: Literal["valid", "test"] = "test"
    figures: tuple[FigureName, ...] = ("confusion", "weights", "gates", "attention", "tsne")


class ExplainJob(Config):
    """Attribute predictions to modalities, and those for one utterance to its words."""

    runs: tuple[Path, ...] = Field(min_length=1, max_length=2)
    split: Literal["train", "valid", "test"] = "test"
    utterance: str | None = None
    """Id; None = the whole split, with the first run."""


RunJob = CalibrateJob | RobustnessJob | FigureJob | ExplainJob
