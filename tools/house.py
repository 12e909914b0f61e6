"""Print the structure of the code: every package with its purpose and modules.

python tools/house.py
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from textwrap import wrap

PACKAGE = Path(__file__).parents[1] / "src" / "sentiprism"
WIDTH = 120
"""Most characters in a line."""


def first_line(path: Path) -> str:
    """Return the first line of a module's docstring."""
    return (ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "").partition("\n")[0]


def draw(folder: Path, depth: int = 0) -> Iterator[str]:
    """Yield the lines of a package: its name and purpose, its modules, then the packages in it."""
    indent = "    " * depth
    yield f"{indent}{folder.name}/  {first_line(folder / '__init__.py')}"
    modules = sorted(path.stem for path in folder.glob("*.py") if path.stem != "__init__")
    yield from wrap(" · ".join(modules), WIDTH, initial_indent=f"{indent}    ", subsequent_indent=f"{indent}    ")
    for inner in sorted(path.parent for path in folder.glob("*/__init__.py")):
        yield from draw(inner, depth + 1)


if __name__ == "__main__":
    print(*draw(PACKAGE), sep="\n")
