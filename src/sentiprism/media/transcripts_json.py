"""Read transcripts from JSON."""

from collections.abc import Iterator
from itertools import islice
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn

from sentiprism.errors import UserError
from sentiprism.media.types import Cue
from sentiprism.reading import parse_json

LISTS = ("utterances", "segments", "words")
"""Keys of the list of cues, in an `Analysis` and in the output of Whisper and similar programs; the first is used."""


def parse_cues(text: str, path: Path, most: int, *, certain: bool) -> list[tuple[int, Cue]] | None:
    """Parse cues, with the number of their entry.

    Args:
        text: the document.
        path: for messages.
        most: most cues; further ones are ignored.
        certain: False = return None for a text that is not JSON, which is another kind of transcript.

    Raises:
        UserError: it is not JSON (see `parse_json`), or not a transcript.
    """
    try:
        document = parse_json(text, path)
    except UserError:
        if not certain:
            return None
        raise
    if isinstance(document, dict):
        found = next((document[key] for key in LISTS if isinstance(document.get(key), list)), None)
        document = found if found is not None else [document]
    if not isinstance(document, list):
        _refuse(path, 1)
    cues = (cue for number, entry in enumerate(document, 1) for cue in _cues(entry, number, path))
    return list(islice(cues, most))


def _cues(entry: Any, number: int, path: Path) -> Iterator[tuple[int, Cue]]:
    """Yield a cue for each word of an entry if all have times, else one for the entry."""
    if isinstance(entry, str):
        entry = {"text": entry}
    if not isinstance(entry, dict):
        _refuse(path, number)
    words = entry.get("words")
    if isinstance(words, list) and words and all(isinstance(word, dict) and _text(word) for word in words):
        name = {"speaker": entry.get("speaker")}
        yield from ((number, _cue({**name, **word}, number, path)) for word in words)
    else:
        yield number, _cue(entry, number, path)


def _text(entry: dict[str, Any]) -> str | None:
    text = entry.get("text", entry.get("word"))
    return text if isinstance(text, str) else None


def _cue(entry: dict[str, Any], number: int, path: Path) -> Cue:
    text = _text(entry)
    if text is None:
        if "text" in entry and entry["text"] is None:  # speech without known words in an analysis
            return Cue("")
        _refuse(path, number)
    start, end = (_seconds(entry.get(key), number, path) for key in ("start", "end"))
    name = entry.get("speaker")
    speaker = str(name) if isinstance(name, str | int) and not isinstance(name, bool) else None
    return Cue(text, speaker=speaker) if start is None or end is None else Cue(text, start, end, speaker)


def _seconds(value: Any, number: int, path: Path) -> float | None:
    if value is None:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e7 and isfinite(value):
        return float(value)
    raise UserError(f"{path} entry {number}: {str(value)[:60]!r} is not a time in seconds", "give seconds from 0 on")


def _refuse(path: Path, number: int) -> NoReturn:
    cause = f"{path} entry {number} has no text"
    raise UserError(cause, "give an analysis, Whisper's JSON, or a list of {text, start, end}")
