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
"""Replacements of characters that the terminal's encoding lacks."""
_UNUSUAL = re.compile(r"[^\n\t -~]+")


def clean(text: str) -> str:
    """Clean a text as `printable` does, but keep line breaks and tabs."""
    return _UNUSUAL.sub(lambda found: printable(found[0]), text)


def clean_json(text: str) -> str:
    """Escape the characters of a JSON text that `clean` would change, without changing its value."""
    return _UNUSUAL.sub(lambda found: "".join(map(_json_escape, found[0])), text)


def _json_escape(character: str) -> str:
    if printable(character) == character:
        return character
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[i : i + 4]}" for i in range(0, len(units), 4))


class CleanStream(io.TextIOBase):
    """A text stream that cleans what is written to it.

    Only ``rich`` bypasses it, for colours and cursor movements; `console` cleans its texts before.

    Args:
        stream: the underlying stream.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    @property
    def rich_proxied_file(self) -> TextIO:
        """Stream to which a ``rich`` console writes instead of this one."""
        return self._stream

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Encoding of the underlying stream."""
        return self._stream.encoding

    @property
    def errors(self) -> str | None:  # type: ignore[override]
        """Error handler of the underlying stream."""
        return self._stream.errors

    def write(self, text: str) -> int:
        """Write the cleaned text."""
        self._stream.write(clean(text))
        return len(text)

    def writable(self) -> bool:
        """Return True."""
        return True

    def flush(self) -> None:
        """Flush the underlying stream."""
        self._stream.flush()

    def fileno(self) -> int:
        """File descriptor of the underlying stream."""
        return self._stream.fileno()

    def isatty(self) -> bool:
        """Whether the underlying stream is a terminal."""
        return self._stream.isatty()


def clean_streams() -> None:
    """Wrap stdout and stderr in a `CleanStream`, and make any text printable in any encoding.

    Characters that the encoding lacks become their `PLAIN` form, or ``?``.
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
        if stream is not None and not isinstance(stream, CleanStream):  # None if it was closed before the start
            setattr(sys, name, CleanStream(stream))


class _CleanConsole(Console):
    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            text, style, control = segment
            yield segment if control else Segment(clean(text), style)


def console(**options: Any) -> Console:
    """Make a ``rich`` console that cleans its output, without markup, emoji or highlighting."""
    return _CleanConsole(markup=False, emoji=False, highlight=False, **options)
