"""Print text safely on a terminal."""

import codecs
import io
import re
import sys
from collections.abc import Iterable
from typing import Any, TextIO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from sentiprism.errors import printable

PLAIN = {"±": "+-", "↑": "^", "↓": "v", "–": "-", "·": "-", "…": ".", "█": "#", "▌": "#", "×": "x"}
"""What stands for a character that the terminal's encoding lacks."""
_UNUSUAL = re.compile(r"[^\n\t -~]+")


def clean(text: str) -> str:
    """``text`` as `printable` has it, its line breaks and tabs kept."""
    return _UNUSUAL.sub(lambda found: printable(found[0]), text)


def clean_json(text: str) -> str:
    """A JSON text of equal value in which what `clean` would change is escaped as JSON does it."""
    return _UNUSUAL.sub(lambda found: "".join(map(_json_escape, found[0])), text)


def _json_escape(character: str) -> str:
    if printable(character) == character:
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


class CleanStream(io.TextIOBase):
    """A text stream that lets nothing through but what `clean` leaves.

    ``rich`` alone writes past it, for its colours and its moving of the cursor; what it writes is cleaned by `console`
    before these come in.

    Args:
        stream: what lies beneath.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def rich_proxied_file(self) -> TextIO:
        """What a ``rich`` console writes to in place of this stream."""
        return self._stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Of the stream beneath."""
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """Of the stream beneath."""
        return self._stream.errors

    def write(self, text: str) -> int:
        """Write what `clean` makes of a text."""
        self._stream.write(clean(text))
        return len(text)

    def writable(self) -> bool:
        """It is."""
        return True

    def flush(self) -> None:
        """Flush the stream beneath."""
        self._stream.flush()

    def fileno(self) -> int:
        """Of the stream beneath."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Whether the stream beneath is a terminal."""
        return self._stream.isatty()


def clean_streams() -> None:
    """Put a `CleanStream` before stdout and stderr, and let a terminal of any encoding print everything.

    What its encoding cannot show becomes its `PLAIN` form, or ``?``.
    """

    def plain(error: UnicodeError) -> tuple[str, int]:
        if not isinstance(error, UnicodeEncodeError):
            raise error
        return "".join(PLAIN.get(sign, "?") for sign in error.object[error.start : error.end]), error.end

    codecs.register_error("sentiprism", plain)
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="sentiprism")
        if stream is not None and not isinstance(stream, CleanStream):  # None where it was closed before we began
            setattr(sys, name, CleanStream(stream))


class _CleanConsole(Console):
    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(clean(text), style)


def console(**options: Any) -> Console:
    """A ``rich`` console that cleans what it prints and takes texts as they are: no markup, emoji or highlighting."""
    return _CleanConsole(markup=False, emoji=False, highlight=False, **options)
