"""A study: what is searched, and its trials."""

from importlib.metadata import version
from typing import Any, NamedTuple

from pydantic import Field

from sentiprism import __version__
from sentiprism.config import Config, merge
from sentiprism.errors import shorten
from sentiprism.metrics import Protocol, protocol
from sentiprism.models.search_space import Among, Between
from sentiprism.training.config import MOST_SEEDS, Seed


class Study(Config):
    """What is searched; ``study.yaml`` in the study's folder."""

    content: str
    """Hash of the dataset."""
    protocol: str
    """Name of the protocol that scores valid."""
    select: str
    """Valid metric that ranks trials."""
    run: dict[str, Any]
    """Settings that every trial starts from."""
    space: dict[str, Between | Among]
    """Settings that trials change, with their ranges."""
    seeds: int = Field(1, ge=1, le=MOST_SEEDS)
    """Seeds that each trial is trained with; its score is their mean."""
    seed: Seed = 0
    """Random seed of the search: after the same trials, trial n proposes the same settings."""

    @property
    def scorer(self) -> Protocol:
        """The protocol that scores valid."""
        return protocol(self.protocol)

    @property
    def higher_is_better(self) -> bool:
        """Whether a higher value of the metric is better."""
        return self.scorer.higher_is_better(self.select)

    def settings(self, changes: dict[str, Any]) -> dict[str, Any]:
        """The run's settings with a trial's changes, given by dotted keys such as ``optim.lr``."""
        run = self.run
        for place, value in changes.items():
            change: Any = value
            for part in reversed(place.split(".")):
                change = {part: change}
            run = merge(run, change)
        return run


class Trial(NamedTuple):
    """One training of a study."""

    number: int
    state: str
    """complete, pruned, failed, running, or interrupted."""
    settings: dict[str, Any]
    """Its changes, by dotted key."""
    score: float | None
    """Best valid score; None if not finished."""
    epochs: int
    note: str = ""
    """Why it failed."""


def make_terms(study: Study, precision: str) -> dict[str, Any]:
    """What makes trials of several machines comparable; the dataset counts by its content, not by its name."""
    terms = study.model_dump(mode="json")
    terms["run"].pop("dataset", None)
    versions = {name: version(name).partition("+")[0] for name in ("torch", "optuna")}
    return {**terms, "precision": precision, "versions": {"sentiprism": __version__, **versions}}


def name_difference(here: dict[str, Any], there: dict[str, Any]) -> str | None:
    """Name the first setting that differs between two studies, with both values; None if they are equal.

    Args:
        here: nested settings of this process.
        there: those that the study was started with.
    """
    ours, theirs = _flat(here), _flat(there)
    for place in (*ours, *theirs):
        if (one := ours.get(place, "not set")) != (other := theirs.get(place, "not set")):
            return f"{place} is {shorten(str(one), 60)} here and {shorten(str(other), 60)} there"
    return None


def _flat(settings: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings by dotted keys; the run's without ``run.``, as they are given; ranges of the space are whole."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict) and prefix != "space.":
            found |= _flat(value, "" if not prefix and key == "run" else f"{prefix}{key}.")
        else:
            found[f"{prefix}{key}"] = value
    return found
