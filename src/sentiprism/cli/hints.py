"""Print the next step after a command."""

import os
import shlex
from collections.abc import Callable, Iterable
from functools import wraps
from inspect import signature
from string import Formatter
from typing import Any, ParamSpec

import typer

from sentiprism.errors import printable
from sentiprism.plugin_modules import loaded_files

P = ParamSpec("P")

RESULT = "result"
OF_A_RUN = " (or: compare, robustness, calibrate, figure)"
"""Further commands for a run."""

_running: list[str] = []


def followed_by(template: str, otherwise: str | None = None) -> Callable[[Callable[P, Any]], Callable[P, None]]:
    """Print the usual next step after a command's output, except with ``--json``.

    If commands call each other, only the outermost one prints it.

    Args:
        template: the line, with the command's parameters by name, and ``{result}`` for its return value.
        otherwise: the line if one of these values is None; by default nothing is printed then.
    """

    def decorate(command: Callable[P, Any]) -> Callable[P, None]:
        @wraps(command)
        def run(*args: P.args, **kwargs: P.kwargs) -> None:
            _running.append(template)
            try:
                result = command(*args, **kwargs)
            finally:
                _running.pop()
            given = signature(command).bind(*args, **kwargs)
            given.apply_defaults()
            if not _running and not given.arguments.get("as_json") and os.environ.get("RANK", "0") == "0":
                _say(template, otherwise, {**given.arguments, RESULT: result})

        return run

    return decorate


def _say(template: str, otherwise: str | None, values: dict[str, Any]) -> None:
    names = {name for _, name, _, _ in Formatter().parse(template) if name}
    known = all(values[name] is not None for name in names)
    line = template.format_map({name: _quoted(values[name]) for name in names}) if known else otherwise
    if line is not None:
        plugins = " ".join(f"--plugin {_quoted(file)}" for file in loaded_files())
        typer.echo(f"next: {line}{f', with {plugins}' if plugins else ''}", err=True)


def _quoted(value: object) -> str:
    parts = value if isinstance(value, Iterable) and not isinstance(value, str) else [value]
    return " ".join(shlex.quote(printable(part)) for part in parts)
