"""Read transcripts: SubRip, WebVTT, JSON, plain text.

What a file is, its content says; its suffix only decides where the content is silent.
"""

import html
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from sentiprism.errors import UserError
from sentiprism.media.transcripts_json import parse_cues
from sentiprism.media.types import Cue
from sentiprism.reading import MB, read_text

MOST_BYTES = 32 * MB
OLD_WINDOWS = ("cp1252", "latin-1")
"""Encodings of subtitles that are older than UTF-8."""
MOST_LINE = 1_000_000
"""Characters; a talk of ten hours on one line has half of that."""
MOST_LINES = 1_000_000
"""Lines, or entries of JSON; ten hours with four lines a word have 400,000."""
MOST_TEXT = 4_000_000
"""Characters of all cues together."""
BACKWARDS = 1.0
"""Seconds a cue may begin before the one above it: recognisers round."""

_TIME = r"(?:([0-9]{1,3}):)?([0-9]{1,3}):([0-9]{1,2})(?:[.,]([0-9]{1,6}))?"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")
_ARROW = re.compile(r"\s*-?\d+:\S*\s*-->")
"""What means to be the times of a cue, right or wrong."""
_STAMP = re.compile(r"<[\d:.]+>")
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<[\d:.]+>|</>|\{\\[^{}]*\}")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u202a\u202b\u202c\u2060\ufeff"))


def read_transcript(path: Path) -> tuple[Cue, ...]:
    """Pieces of a transcript in the order of the file, without markup; words are left as they are.

    Args:
        path: SRT, VTT, JSON or plain text, in UTF-8, UTF-16 or a Western European encoding.

    Raises:
        UserError: it is not text, holds no words, or a time in it is wrong: with the number of the line.
    """
    text, suffix = read_text(path, MOST_BYTES, "transcript", also=OLD_WINDOWS), path.suffix.lower()
    begin = text[:10_000].lstrip()
    if (
        begin.startswith(("{", "["))
        and (entries := parse_cues(text, path, MOST_LINES + 1, certain=suffix == ".json")) is not None
    ):
        _check_count(len(entries), path, "entries")
        return _checked(entries, f"{path} entry")
    lines = text.splitlines()
    _check_count(len(lines), path, "lines")
    if long := next((n for n, line in enumerate(lines, 1) if len(line) > MOST_LINE), None):
        raise UserError(f"{path} line {long} has more than {MOST_LINE} characters", "give a transcript, line by line")
    if begin.startswith("WEBVTT") or any(map(_ARROW.match, lines)):
        return _checked(_timed(lines, path, vtt=begin.startswith("WEBVTT")), f"{path} line")
    if suffix in {".srt", ".vtt", ".json"} and begin:
        cause = "is not JSON" if suffix == ".json" else "has no line with the times of a cue"
        raise UserError(f"{path} {cause}", "fix the file, or rename it to .txt")
    return _checked(((n, Cue(line)) for n, line in enumerate(lines, 1)), f"{path} line")


def _check_count(count: int, path: Path, what: str) -> None:
    if count > MOST_LINES:
        raise UserError(f"{path} has more than {MOST_LINES:,} {what}", "give the transcript of one recording")


def _timed(lines: list[str], path: Path, *, vtt: bool) -> Iterator[tuple[int, Cue]]:
    """Cues of SRT and VTT with the number of their line.

    In VTT an empty line ends a cue, and what follows is a note, a style or a name; in SRT all that stands between two
    lines of times is said, but for the number above the second.
    """
    rolling = vtt and any(_STAMP.search(line) for line in lines)
    said: list[str] = []
    shown: list[str] = []  # last line of the cue above
    begun: tuple[int, float, float] | None = None

    def cue(following: bool) -> Iterator[tuple[int, Cue]]:
        nonlocal shown
        if begun is None:
            return
        if following and said and said[-1].strip().isdigit() and not vtt:
            said.pop()
        texts = [clean for line in said if (clean := _clean(line))]
        fresh = texts[1:] if rolling and texts[:1] == shown else texts  # captions that roll up show a line twice
        shown = texts[-1:]
        yield begun[0], Cue(" ".join(fresh), begun[1], begun[2])

    for number, line in enumerate(lines, 1):
        if _ARROW.match(line):
            yield from cue(following=True)
            said, begun = [], (number, *_times(line, number, path))
        elif vtt and not line.strip():
            yield from cue(following=False)
            said, begun = [], None
        else:
            said.append(line)
    yield from cue(following=False)


def _times(line: str, number: int, path: Path) -> tuple[float, float]:
    match = _TIMES.fullmatch(line)
    if not match:
        cause = f"{path} line {number}: {line.strip()[:60]!r} are not times of a cue"
        raise UserError(cause, "write them as 00:00:01.000 --> 00:00:02.500")
    parts = match.groups()
    start, end = (
        int(h or 0) * 3600 + int(m) * 60 + int(s) + int((f or "0").ljust(6, "0")) / 1e6
        for h, m, s, f in (parts[:4], parts[4:])
    )
    return start, end


def _clean(line: str) -> str:
    return " ".join(html.unescape(_TAG.sub("", line)).translate(_INVISIBLE).split())


def _checked(cues: Iterable[tuple[int, Cue]], place: str) -> tuple[Cue, ...]:
    """Cues that hold words; the first wrong one is named by ``place`` and its number."""
    found: list[Cue] = []
    last = total = 0.0
    for number, cue in cues:
        where = f"{place} {number}"
        text = " ".join(cue.text.translate(_INVISIBLE).split())
        total += len(text)
        if total > MOST_TEXT:
            raise UserError(f"{where}: there is more text than a recording has", "give the transcript alone")
        if cue.start is not None and cue.end is not None:
            if cue.end < cue.start:
                raise UserError(
                    f"{where}: it ends at {cue.end:g} s, before it begins at {cue.start:g} s", "fix its times"
                )
            if cue.start < last - BACKWARDS:
                cause = f"{where}: it begins at {cue.start:g} s, the one before it at {last:g} s"
                raise UserError(cause, "put the cues in the order of time")
            last = max(last, cue.start)
        if text:
            found.append(cue._replace(text=text))
    if not found:
        raise UserError(
            f"{place.rpartition(' ')[0]} holds no words", "give a transcript, or none to have the speech recognised"
        )
    return tuple(found)
