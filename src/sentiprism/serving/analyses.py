"""Analyse an uploaded recording, in a worker."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from sentiprism.analysis.batch import make_document
from sentiprism.analysis.inputs import AnalysisTask
from sentiprism.analysis.language import Handling
from sentiprism.analysis.options import OFF, Options
from sentiprism.config import Config
from sentiprism.errors import UserError
from sentiprism.media.limits import Limits

DOCUMENT = "analysis.json"


class AnalyzeOptions(Config):
    """Settings of an analysis that a client may choose, see `sentiprism analyze`."""

    language: str | None = Field(None, max_length=8)
    """Language of the speech or text, ISO 639-1; by default detected."""
    language_mismatch: Handling = "drop"
    """Handling of words that are not in the model's language."""
    face: Literal["speaking", "largest", "all"] = "speaking"
    """``speaking`` = the face whose lips move with the sound; ``all`` = a prediction with each visible face."""
    speakers: str = Field(OFF, pattern=r"^(off|auto|[1-9]|1[0-9]|20)$")
    """Speakers to tell apart by voice: ``off``, ``auto`` = as many as are heard, or their number."""
    longest: float = Field(15.0, gt=1, le=600)
    """Most seconds of an utterance."""


def analyze_upload(task: dict[str, Any], model: str, on: Callable[[str, float], None]) -> None:
    """Write the document of a recording into its folder; messages call the recording by its name.

    Args:
        task: see `sentiprism.serving.jobs.Job.task`.
        model: as given to the server.
        on: called with progress.

    Raises:
        UserError: the recording cannot be used.
    """
    folder = Path(task["folder"])
    transcript = folder / task["transcript"] if task["transcript"] else None
    recording = AnalysisTask(folder / task["file"], folder, transcript, task["name"])
    try:
        options = Options(model=model, asr=task["asr"], **task["options"])
        made = make_document(recording, options, limits=Limits(duration=task["duration"]), on=on)
    except UserError as error:
        raise _renamed(error, recording) from None
    (folder / DOCUMENT).write_text(made.to_json(), encoding="utf-8")


def _renamed(error: UserError, recording: AnalysisTask) -> UserError:
    """The error with the client's name of the file instead of its place on this machine."""
    texts = []
    for text in (error.cause, error.remedy):
        text = text.replace(str(recording.path), recording.name)  # noqa: PLW2901
        if recording.transcript is not None:
            text = text.replace(str(recording.transcript), "the transcript")  # noqa: PLW2901
        texts.append("the file cannot be used" if str(recording.folder) in text else text)
    return UserError(*texts)
