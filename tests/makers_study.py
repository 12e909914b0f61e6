"""Recordings of a study with values that are known, and a studio for a module's tests."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from makers_report import review
from makers_studio import Server
from sentiprism.report.statistics import summarise
from sentiprism.study.design import Observation
from sentiprism.study.summary import RecordingSummary, summarize
from sentiprism.types import TargetSpec


def summary(mean: float | None, **changes: object) -> RecordingSummary:
    """Of a recording of 20 seconds in which everything is said with one sentiment."""
    values = {
        "model": "starter: from −3 (most negative) to +3 (most positive)", "low": -3.0, "high": 3.0, "duration": 20.0,
        "utterances": 4, "speech": 20.0, "firm": 1.0, "mean": mean,
        "shares": {"negative": 0.0, "neutral": 0.25, "positive": 0.75}, "timed": True, "relative": (mean,) * 20,
        "step": 1, "absolute": (mean,) * 20, "spoken": (1.0,) * 20,
    }  # fmt: skip
    return RecordingSummary(**{**values, **changes})


def observation(name: str, mean: float | None, **attributes: str) -> Observation:
    return Observation(name, attributes, summary(mean))


def shifted(by: float, content: str, name: str = "talk.mp4", **changes: object):
    """The review with every estimate moved, as an analysis of another recording."""
    parts = [
        part.model_copy(update={"estimate": part.estimate.model_copy(update={"value": part.estimate.value / 3 + by})})
        for part in review().utterances
    ]
    recording = review().recording.model_copy(update={"name": name, "content": content})
    return review(utterances=tuple(parts), summary=summarise(parts, TargetSpec()), recording=recording, **changes)


def summary_of(by: float) -> RecordingSummary:
    return summarize(shifted(by, "0" * 64))


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """A studio whose data and workspace are in a folder; the workspace is the current one meanwhile."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SENTIPRISM_HOME", str(folder / "home"))
        (folder / "work").mkdir()
        patch.chdir(folder / "work")
        opened = Server(folder / "home", folder / "work")
        yield opened
        opened.close()
