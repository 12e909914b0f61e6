"""The streams of the page Live."""

from pathlib import Path

from sentiprism.models.artifact import STARTER
from sentiprism.serving.guard import LOCAL
from sentiprism.serving.keys import Caller
from sentiprism.serving.streams import RESUME, Streams
from sentiprism.serving.workers import LIMITS, Settings, Worker

MOST = 2
"""Streams at a time; each has a process with the model."""
ASR = "base"
"""Whisper model of the streams."""
FOLDER = "sentiprism-live"
"""Name of the temporary folder; those of killed studios are removed at the next start."""


class Live(Streams):
    """Streams of the page Live: each has a model of its choice, and its worker ends with it.

    Args:
        folder: for temporary files of the workers.
        resume: seconds after a lost connection within which a stream can be resumed.
    """

    def __init__(self, folder: Path, resume: float = RESUME) -> None:
        workers = [Worker(Settings("stream", STARTER, folder / f"stream-{one}", LIMITS)) for one in range(MOST)]
        super().__init__(workers, ASR, resume, keep=False)
        self._callers: dict[str, Caller] = {}

    def caller_of(self, session: str) -> Caller:
        """Whose streams a browser's session can open and resume."""
        return self._callers.setdefault(session, Caller(LOCAL))
