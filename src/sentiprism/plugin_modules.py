"""Import plugins: installed packages with entry points, and single files that the user names.

Nothing else is ever imported: what a run, a saved model or a dataset records about a plugin is only read as text.
"""

import sys
import traceback
from collections.abc import Iterable
from functools import cache
from hashlib import sha256
from importlib.metadata import EntryPoint, entry_points
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from sentiprism.errors import UserError
from sentiprism.reading import MB, read_bytes

MOST_BYTES = 4 * MB
"""Largest plugin file; the largest source file of this project has 0.02 MB."""
PREFIX = "sentiprism_plugin_"
"""Prefix of the module name of a file."""

_files: dict[str, Path] = {}


def loaded_files() -> list[str]:
    """Loaded files, in the order of loading."""
    return [str(path) for path in _files.values()]


def loaded_modules() -> list[str]:
    """Modules of the loaded files."""
    return list(_files)


def module_of_file(file: Path | str) -> str | None:
    """Module of a loaded file; None if it is not loaded."""
    path = Path(file).expanduser().resolve()
    return next((module for module, known in _files.items() if known == path), None)


def import_files(files: Iterable[Path | str]) -> None:
    """Import files that a user named, unless already imported; their content is not checked."""
    for file in files:
        import_file(file)


def import_file(file: Path | str) -> ModuleType:
    """Import one file as a module.

    Raises:
        UserError: it is not a Python file, or its import fails.
    """
    path = Path(file).expanduser().resolve()
    if (known := module_of_file(path)) is not None:
        return sys.modules[known]
    if path.suffix != ".py":
        raise UserError(f"{file} is not a Python file", "give the file of a plugin, such as my_model.py")
    digest = sha256(str(path).encode() + read_bytes(path, MOST_BYTES, "plugin")).hexdigest()
    name = f"{PREFIX}{path.stem}_{digest[:8]}"  # distinguishes files with the same name
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{file} is not a Python file", "give the file of a plugin, such as my_model.py")
    module = module_from_spec(spec)
    sys.modules[name] = module  # classes look up their module by name when created
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        del sys.modules[name]
        raise UserError(f"{file} cannot be imported: {describe_fault(error, path)}", "fix the plugin") from error
    _files[name] = path
    return module


def forget_file(file: Path | str) -> None:
    """Undo the import of an unusable file."""
    name = module_of_file(file)
    if name is not None:
        del _files[name], sys.modules[name]


def describe_fault(error: BaseException, path: Path | None = None) -> str:
    """Describe an exception of an import, with the last line of ``path`` in its traceback."""
    line = getattr(error, "lineno", None)
    for frame in traceback.extract_tb(error.__traceback__):
        if path is not None and frame.filename == str(path):
            line = frame.lineno
    reason = f"{type(error).__name__}: {getattr(error, 'msg', None) or error}".rstrip(": ")
    return reason + (f" (line {line})" if line else "")


@cache
def installed(group: str) -> dict[str, EntryPoint]:
    """Entry points of installed packages by name, such as those of ``sentiprism.models``; nothing is imported.

    Raises:
        UserError: two packages have entry points of the same name.
    """
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            cause = f"{package_of(other)} and {package_of(point)} both have {point.name!r} among {group}"
            raise UserError(cause, "uninstall one of them")
    return found


def package_of(point: EntryPoint) -> str:
    """Name and version of the package of an entry point."""
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value


def import_installed(point: EntryPoint) -> Any:
    """Import the object that an entry point names.

    Raises:
        UserError: its import fails, or it does not exist.
    """
    try:
        return point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        cause = f"package {package_of(point)} cannot be imported: {describe_fault(error)}"
        raise UserError(cause, "fix it, or uninstall it") from error
