"""Analyse a stream in a worker's process."""

import base64
import math
from collections.abc import Callable
from typing import Any

from sentiprism.analysis.options import Options
from sentiprism.analysis.predictor import Predictor
from sentiprism.analysis.streaming.analyzer import StreamAnalyzer
from sentiprism.analysis.streaming.events import StreamEvent
from sentiprism.serving.stream_messages import SOUND, Piece, StreamOptions


class StreamWork:
    """Works on the tasks of one stream after the other.

    Tasks are ``{"open": options, "asr": name}``, ``{"pieces": [...], "waiting": seconds, "finish": bool}`` and
    ``{"close": true}``.

    Args:
        predictor: the model.
        model: its folder or name.
    """

    def __init__(self, predictor: Predictor, model: str) -> None:
        self._predictor, self._model = predictor, model
        self._analyzer: StreamAnalyzer | None = None

    def __call__(self, task: dict[str, Any], on: Callable[[str, float], None]) -> dict[str, Any]:
        """Work on one task; returns events as JSON, and the state of the stream."""
        del on
        if "open" in task or "close" in task:
            self._close()
            if "open" in task:
                self._analyzer = self._open(StreamOptions.model_validate(task["open"]), task["asr"])
            return {}
        analyzer = self._analyzer
        if analyzer is None:
            raise ValueError("no stream is open")
        pieces = [Piece(one["kind"], one["time"], base64.b64decode(one["data"])) for one in task["pieces"]]
        waiting = task["waiting"] + sum(piece.seconds for piece in pieces)
        events: list[StreamEvent] = []
        for piece in pieces:
            waiting -= piece.seconds
            if piece.kind == SOUND:
                events += analyzer.add_sound(piece.data, piece.time, waiting=waiting)
            else:
                analyzer.add_picture(piece.data, math.nan if piece.time is None else piece.time)
        if task["finish"]:
            events += analyzer.finish()
        return {
            "events": [event.model_dump(mode="json") for event in events],
            "seconds": analyzer.seconds,
            "pictures": analyzer.pictures._asdict(),
        }

    def _open(self, given: StreamOptions, asr: str) -> StreamAnalyzer:
        options = Options(
            model=self._model,
            asr=asr,
            **given.model_dump(include={"language", "language_mismatch", "pause", "longest", "words"}),
        )
        return StreamAnalyzer(self._predictor, options, interim=given.provisional)

    def _close(self) -> None:
        if self._analyzer is not None:
            self._analyzer.close()
        self._analyzer = None
