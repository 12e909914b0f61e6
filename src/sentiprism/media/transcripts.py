"""Read transcripts: SubRip, WebVTT, JSON, plain text.

The format is detected from the content; the suffix only matters if the content is ambiguous.
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
"""Most characters per line; a talk of ten hours on one line has half of that."""
MOST_LINES = 1_000_000
"""Most lines or JSON entries; ten hours with four lines per word have 400,000."""
MOST_TEXT = 4_000_000
"""Most characters of all cues together."""
MOST_NAME = 60
"""Most characters of a speaker's name."""
BACKWARDS = 1.0
"""Seconds by which a cue may start before the previous one, because of rounding."""

_TIME = r"(?:([0-9]{1,3}):)?([0-9]{1,3}):([0-9]{1,2})(?:[.,]([0-9]{1,6}))?"
_TIMES = re.compile(rf"\s*{_TIME}\s*-->\s*{_TIME}(?:\s.*)?")
_ARROW = re.compile(r"\s*-?\d+:\S*\s*-->")
"""A line of times of a cue, valid or not."""
_STAMP = re.compile(r"<[\d:.]+>")
_VOICE = re.compile(r"<v(?:\.[^\s<>]*)?[ \t]+([^<>]+)>")
"""A WebVTT voice, with the speaker's name."""
_TAG = re.compile(r"</?[a-zA-Z][^<>]*>|<[\d:.]+>|</>|\{\\[^{}]*\}")
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200e\u200f\u202a\u202b\u202c\u2060\ufeff"))


def read_transcript(path: Path) -> tuple[Cue, ...]:
    """Read the cues of a transcript in the order of the file, without markup; words are not changed.

    Args:
        path: SRT, VTT, JSON or plain text, in UTF-8, UTF-16 or a Western European encoding.

    Raises:
        UserError: it is not text, has no words, or has an invalid time; the message has the line number.
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

    In VTT an empty line ends a cue, and what follows is a note, a style or a name; in SRT everything between two lines
    of times is text, except for the number before the second one.
    """
    rolling = vtt and any(_STAMP.search(line) for line in lines)
    said: list[str] = []
    shown: list[str] = []  # last lines of the previous cue
    begun: tuple[int, float, float] | None = None

    def cue(following: bool) -> Iterator[tuple[int, Cue]]:
        nonlocal shown
        if begun is None:
            return
        if following and said and said[-1].strip().isdigit() and not vtt:
            said.pop()
        if vtt and any(map(_VOICE.search, said)):
            shown = []
            yield from ((begun[0], one) for one in _voices(" ".join(said), begun[1], begun[2]))
            return
        texts = [clean for line in said if (clean := _clean(line))]
        fresh = texts[1:] if rolling and texts[:1] == shown else texts  # roll-up captions repeat a line
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


def _voices(text: str, start: float, end: float) -> Iterator[Cue]:
    """Divide a cue among the voices in it, by the length of their texts."""
    before, *rest = _VOICE.split(text)
    named = [(None, before), *zip(rest[::2], rest[1::2], strict=True)]
    parts = [(name, clean) for name, said in named if (clean := _clean(said))]
    whole, done = sum(len(said) for _, said in parts), 0
    for name, said in parts:
        first, done = done, done + len(said)
        times = (start + (end - start) * first / whole, start + (end - start) * done / whole)
        yield Cue(said, times[0], times[1], _clean(name or ""))


def _times(line: str, number: int, path: Path) -> tuple[float, float]:
    match = _TIMES.fullmatch(line)
    if not match:
        cause = f"{path} line {number}: {line.strip()[:60]!r} is not a line of cue times"
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
    """Check cues and return those with words; errors name ``place`` and the cue's number."""
    found: list[Cue] = []
    last = total = 0.0
    for number, cue in cues:
        where = f"{place} {number}"
        text = " ".join(cue.text.translate(_INVISIBLE).split())
        total += len(text)
        if total > MOST_TEXT:
            raise UserError(f"{where}: there is too much text for a recording", "give only the transcript")
        if cue.start is not None and cue.end is not None:
            if cue.end < cue.start:
                raise UserError(
                    f"{where}: it ends at {cue.end:g} s, before its start at {cue.start:g} s", "fix its times"
                )
            if cue.start < last - BACKWARDS:
                cause = f"{where}: it starts at {cue.start:g} s, before the previous one at {last:g} s"
                raise UserError(cause, "put the cues in the order of time")
            last = max(last, cue.start)
        if text:
            name = " ".join((cue.speaker or "").translate(_INVISIBLE).split())[:MOST_NAME].strip()
            found.append(cue._replace(text=text, speaker=name or None))
    if not found:
        raise UserError(
            f"{place.rpartition(' ')[0]} has no words", "give another transcript, or none to recognise the speech"
        )
    return tuple(found)
