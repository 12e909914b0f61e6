"""Print any failure as one line, and choose the exit status."""

import os
import re
import shutil
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import typer

from sentiprism import __version__
from sentiprism.cli.flags import with_flags
from sentiprism.errors import UserError, os_fault, shorten, suggest
from sentiprism.files import home
from sentiprism.screen import clean

EXPECTED, UNEXPECTED = 2, 1
"""Exit statuses: of errors that the user can fix, and of bugs in this program."""
LINES, COLUMNS = 3, 80
"""Largest size of a message; on a wider terminal, the same number of lines."""
KEPT = 20
"""Number of tracebacks to keep, the newest ones."""

UsageError: type[Exception] = typer.BadParameter.__bases__[0]  # click's class, of which recent typers have a copy


def fail(error: Exception) -> int:
    """Print the error of a command, and return the exit status."""
    if type(error).__name__ == "NoArgsIsHelpError":  # the help has been printed
        return EXPECTED
    known = _expected(error)
    if known is None:
        return _unexpected(error)
    room = LINES * max(COLUMNS, shutil.get_terminal_size().columns) - len("error: ; ") - 1
    remedy = shorten(with_flags(known.remedy), room // 2)
    _print(f"{shorten(with_flags(known.cause), room - len(remedy))}; {remedy}")
    return EXPECTED


def _expected(error: Exception) -> UserError | None:
    if isinstance(error, UserError):
        return error
    if isinstance(error, UsageError):
        return _usage(error)
    if isinstance(error, OSError) and error.errno is not None:
        return os_fault(error)
    return _memory(error)


def _memory(error: Exception) -> UserError | None:
    """Error for a failed allocation; torch's own exception is recognised without importing it."""
    asked = re.search(r"tried to allocate ([\d.]+ ?\w*)", str(error), re.IGNORECASE)
    if not isinstance(error, MemoryError) and type(error).__name__ != "OutOfMemoryError" and not asked:
        return None
    amount = f" (it asked for {asked[1]})" if asked else ""
    return UserError(f"there is not enough memory{amount}", "lower optim.batch_size or widths, or end other programs")


def _usage(error: Any) -> UserError:
    """Convert a usage error to the form of all other messages."""
    context = error.ctx
    page = f"{context.command_path if context else 'sentiprism'} --help"
    message: str = error.format_message().rstrip(".")
    if type(error).__name__ == "NoSuchOption":
        known = [name for parameter in context.command.params for name in parameter.opts if name.startswith("--")]
        path = next((word for word in sys.argv[1:] if word.startswith("-") and Path(word).exists()), None)
        if path is not None:
            return UserError(f"{path!r} is read as an option", f"write the path as ./{path}")
        return UserError(f"there is no option {error.option_name}", _nearest(error.option_name, known, page))
    if (unknown := re.match(r"No such command '(.*?)'", message, re.DOTALL)) is not None:
        names = context.command.list_commands(context)
        return UserError(f"there is no command '{unknown[1]}'", _nearest(unknown[1], names, page))
    if hasattr(error.__cause__, "errors"):  # a pydantic type refused it
        from sentiprism.config import describe_error

        name = next((one for one in error.param.opts if one.startswith("--")), error.param.name)
        return UserError(f"{name}{describe_error(error.__cause__.errors()[0])}", f"see: {page}")
    return UserError(message[:1].lower() + message[1:], f"see: {page}")


def _nearest(name: str, known: list[str], page: str) -> str:
    near = suggest(name, known)
    return f"{near} See: {page}" if near.endswith("?") else f"see: {page}"


def _unexpected(error: Exception) -> int:
    """Print one line; the traceback goes to a file."""
    story = clean("".join(traceback.format_exception(error)))
    reason = shorten(f"{type(error).__name__}: {error}".rstrip(": "), COLUMNS)
    try:
        path = _keep(story)
    except OSError:  # nowhere to write: print it instead
        print(story, file=sys.stderr)
        path = None
    where = "the traceback above" if path is None else f"{path}"
    _print(f"unexpected error ({' '.join(reason.split())}); report it with {where}")
    return UNEXPECTED


def _keep(story: str) -> Path:
    folder = home("faults")
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.glob("*.txt"))[: 1 - KEPT]:
        old.unlink(missing_ok=True)
    path = folder / f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{os.getpid()}.txt"
    path.write_text(f"sentiprism {__version__}, Python {sys.version}\n{clean(' '.join(sys.argv))}\n\n{story}", "utf-8")
    return path


def _print(message: str) -> None:
    print("error: " + " ".join(clean(message).split()), file=sys.stderr)
