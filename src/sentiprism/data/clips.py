"""Where the utterances of a dataset are in recordings, stored beside the dataset."""

import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from sentiprism.config import Config
from sentiprism.errors import UserError
from sentiprism.files import home
from sentiprism.reading import check_regular, read_json

FILE = "clips.json"
"""File of a dataset's folder; it is not among the hashed files, since recordings may be moved."""
MOST = 256 * 2**20
"""Largest file in bytes: two million utterances."""


class Clip(Config):
    """The part of a recording that is one utterance."""

    file: Path
    """Absolute path of the recording on the machine that extracted the dataset."""
    content: str
    """SHA-256 of the recording."""
    size: int
    """Bytes of the recording, by which a replaced file is noticed."""
    start: float
    """Seconds."""
    end: float

    def find(self) -> Path | None:
        """Return the recording's path; None if it was moved or replaced."""
        try:
            check_regular(self.file, what="recording")
            return self.file if self.file.stat().st_size == self.size else None
        except (UserError, OSError):
            return None


class _Source(Config):
    file: Path
    content: str
    size: int


class _Clips(Config):
    """The file's layout: each recording is named once."""

    recordings: tuple[_Source, ...]
    clips: dict[str, tuple[int, float, float]]
    """Number of the recording, start and end in seconds, by utterance."""


def format_clips(clips: Mapping[str, Clip]) -> str:
    """Write clips by utterance as JSON."""
    sources = {one: n for n, one in enumerate(dict.fromkeys((c.file, c.content, c.size) for c in clips.values()))}
    found = _Clips(
        recordings=tuple(_Source(file=file, content=content, size=size) for file, content, size in sources),
        clips={name: (sources[c.file, c.content, c.size], c.start, c.end) for name, c in clips.items()},
    )
    return found.model_dump_json()


def load_clips(name: str) -> Mapping[str, Clip]:
    """Read where a stored dataset's utterances are in recordings.

    Args:
        name: of the dataset in the store.

    Returns:
        Clips by the utterance's id; empty if the dataset was not extracted from recordings, or the file is damaged.
    """
    path = home("datasets", name, FILE)
    try:
        return _read(path, os.stat(path).st_mtime_ns)
    except (UserError, OSError, IndexError):
        return {}


def name_recordings(clips: Mapping[str, Clip]) -> dict[Path, str]:
    """Name each recording by its file, or by a number as well if two files in different folders share a name."""
    found: dict[Path, str] = {}
    taken: set[str] = set()
    for clip in clips.values():
        if clip.file not in found:
            name = clip.file.name
            if name in taken or clip.file.stem in taken:
                name = f"{clip.file.stem}-{len(found)}{clip.file.suffix}"
            taken |= {name, clip.file.stem}
            found[clip.file] = name
    return found


@lru_cache(maxsize=4)
def _read(path: Path, changed: int) -> dict[str, Clip]:  # noqa: ARG001 - part of the cache's key
    found = _Clips.parse(read_json(path, MOST), str(path))
    return {
        name: Clip(**found.recordings[number].model_dump(), start=start, end=end)
        for name, (number, start, end) in found.clips.items()
        if 0 <= number < len(found.recordings)
    }
