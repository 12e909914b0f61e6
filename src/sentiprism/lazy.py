"""Names of a package that are imported on first use."""

import ast
from pathlib import Path


def imported_names(source: Path) -> dict[str, str]:
    """Read the names that a file imports, with their modules, without importing them.

    Args:
        source: file with imports ``from module import name as name``.
    """
    imports = [line for line in ast.parse(source.read_bytes()).body if isinstance(line, ast.ImportFrom)]
    return {name.name: line.module for line in imports for name in line.names if line.module}
