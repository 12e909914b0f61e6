"""Texts that would move a terminal's cursor, hide or reverse what it shows, and texts that only look like them."""

import sys
import warnings

HOSTILE = {
    "colour": "\x1b[31mred",
    "title": "\x1b]0;owned\x07",
    "erase": "\x1b[2K\x1b[1A",
    "return": "good\rbad",
    "back": "a\x08b",
    "delete": "a\x7fb",
    "C1": "\x9b31mred\x85",
    "reversed": "\u202egpj.exe\u2066",
    "lines": "a\u2028b\u2029c",
    "surrogate": "\ud800",
    "hidden": "\U000e0041\ufeff\u200b",
}
LEGITIMATE = ("naïve", "الفتاة الصغيرة", "می‌خواهم", "👩‍👩‍👧", "❤️", "漢字かな", "a\u00a0b", "é")
"""Arabic, Persian with its joiner, a family of emoji, CJK, a no-break space, a combining accent."""


def controls(text: str) -> list[str]:
    """What of a text a terminal obeys or hides, line breaks and tabs aside."""
    return [c for c in text if not (c in "\n\t\u200c\u200d\u00a0\u3000" or c.isprintable())]


def say(text: str) -> str:
    """Warn of a text, and print it, as a library does in a worker."""
    sys.stderr.write(warnings.formatwarning(text, UserWarning, text, 1))
    print(text, flush=True)
    return text
