"""Small pieces of Markdown that generated pages are made of."""

import re
from collections.abc import Iterable, Sequence


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; line breaks and bars within cells are kept as text."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines) + "\n"


def code(text: object) -> str:
    """Text as code within a line."""
    return f"`{text}`"


def prose(docstring: str) -> str:
    """A docstring as Markdown: double backticks become single, `$`, `*` and `<` mean themselves."""
    text = re.sub(r"``([^`]+)``", r"`\1`", docstring)
    parts = re.split(r"(`[^`]*`)", text)
    return "".join(part if part.startswith("`") else re.sub(r"([$*<_\[\]])", r"\\\1", part) for part in parts)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
