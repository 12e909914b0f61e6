"""Code of users, imported because they name it: packages that are installed with entry points, and single files.

Nothing else is ever imported from outside: what a run, a saved model or a dataset says of a plugin is read as a text.
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
"""Of a plugin's file; the largest of this project's own has 0.02 MB."""
PREFIX = "sentiprism_plugin_"
"""Of the module that a file becomes."""

_files: dict[str, Path] = {}


def loaded_files() -> list[str]:
    """Files that are loaded, in that order."""
    return [str(path) for path in _files.values()]


def loaded_modules() -> list[str]:
    """Modules that these files became."""
    return list(_files)


def module_of_file(file: Path | str) -> str | None:
    """Module that a file became; None where it is not loaded."""
    path = Path(file).expanduser().resolve()
    return next((module for module, known in _files.items() if known == path), None)


def import_files(files: Iterable[Path | str]) -> None:
    """Import files that a user named, where that was not done yet; what is in them is not checked."""
    for file in files:
        import_file(file)


def import_file(file: Path | str) -> ModuleType:
    """Import one file as a module of its own.

    Raises:
        UserError: it is not a Python file, or fails while it is imported.
    """
    path = Path(file).expanduser().resolve()
    if (known := module_of_file(path)) is not None:
        return sys.modules[known]
    if path.suffix != ".py":
        raise UserError(f"{file} is not a Python file", "give the file of a plugin, such as my_model.py")
    digest = sha256(str(path).encode() + read_bytes(path, MOST_BYTES, "plugin")).hexdigest()
    name = f"{PREFIX}{path.stem}_{digest[:8]}"  # two files of one name stay apart
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UserError(f"{file} is not a Python file", "give the file of a plugin, such as my_model.py")
    module = module_from_spec(spec)
    sys.modules[name] = module  # a class finds its module by name while it is made
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
    """Undo the import of a file that turned out to be of no use."""
    name = module_of_file(file)
    if name is not None:
        del _files[name], sys.modules[name]


def describe_fault(error: BaseException, path: Path | None = None) -> str:
    """What an import failed by, with the last line of ``path`` on the way."""
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
        UserError: two packages have one of the same name.
    """
    found: dict[str, EntryPoint] = {}
    for point in entry_points(group=group):
        other = found.setdefault(point.name, point)
        if other.value != point.value:
            cause = f"{package_of(other)} and {package_of(point)} both have {point.name!r} among {group}"
            raise UserError(cause, "uninstall one of them")
    return found


def package_of(point: EntryPoint) -> str:
    """Name and version of the package that an entry point is of."""
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else point.value


def import_installed(point: EntryPoint) -> Any:
    """What an entry point names.

    Raises:
        UserError: it fails while it is imported, or is not there.
    """
    try:
        return point.load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        cause = f"package {package_of(point)} cannot be imported: {describe_fault(error)}"
        raise UserError(cause, "fix it, or uninstall it") from error
