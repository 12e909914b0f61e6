"""Deviations of a model from its paper, read from the docstrings of its modules.

The section is the last one of a docstring: sentences, then a list whose entries have up to four cells. The first entry
may name the cells::

    Deviations:
        The authors' code is not published.

        - place | the paper | here | why
        - Eq. 2 | ReLU | GELU | as in the authors' code
"""

import ast
import inspect
import re
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import NamedTuple

from sentiprism.registry import MODEL, read_source

Row = tuple[str, str, str, str]
CELLS: Row = ("place", "paper", "here", "why")
"""Keys of the cells of a row."""
HEADINGS: Row = ("place", "the paper", "here", "why")
"""Of a section that names none."""
START = re.compile(r"^Deviations:[ \t]*$", re.MULTILINE)


class Deviations(NamedTuple):
    """Where a model differs from its paper."""

    notes: str
    """Paragraphs in front of the list, may be empty."""
    headings: Row
    rows: list[Row]
    """Place, the paper's way, the way here, and the reason; all but the first may be empty."""

    def as_dicts(self) -> list[dict[str, str]]:
        """The rows as JSON takes them."""
        return [dict(zip(CELLS, row, strict=True)) for row in self.rows]


def deviations_of(module: str) -> Deviations | None:
    """Read what the docstrings of a model's own modules declare; nothing is imported.

    Args:
        module: the model's, see `Registry.module_of`.

    Returns:
        None where none of them has such a section.
    """
    found = [part for name in modules_of(module) if (part := parse(_docstring(name))) is not None]
    if not found:
        return None
    notes = "\n\n".join(part.notes for part in found if part.notes)
    return Deviations(notes, found[0].headings, [row for part in found for row in part.rows])


def modules_of(module: str) -> list[str]:
    """Modules that a model alone uses: its own, or those of its folder, whose front comes first."""
    folder, _, last = module.rpartition(".")
    spec = find_spec(folder) if last == MODEL and folder else None
    if spec is None:
        return [module]
    blocks = sorted(f"{folder}.{info.name}" for info in iter_modules(spec.submodule_search_locations))
    return [folder, module, *(name for name in blocks if name != module)]


def parse(docstring: str) -> Deviations | None:
    """Read the section of one docstring; None where it has none."""
    _, *section = START.split(inspect.cleandoc(docstring), maxsplit=1)
    if not section:
        return None
    notes, *entries = re.split(r"^- ", inspect.cleandoc(section[0]), flags=re.MULTILINE)
    rows = [_row(entry) for entry in entries]
    named = bool(rows) and rows[0][0] == CELLS[0]
    return Deviations(notes.strip(), rows[0] if named else HEADINGS, rows[1:] if named else rows)


def without_section(docstring: str) -> str:
    """A docstring without its section of deviations."""
    return START.split(inspect.cleandoc(docstring), maxsplit=1)[0].strip()


def _row(entry: str) -> Row:
    cells = [cell.strip() for cell in " ".join(entry.split()).split(" | ", maxsplit=3)]
    place, paper, here, why = cells + [""] * (len(CELLS) - len(cells))
    return place, paper, here, why


def _docstring(module: str) -> str:
    return ast.get_docstring(read_source(module)) or ""
