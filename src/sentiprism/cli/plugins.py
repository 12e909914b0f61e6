"""The option ``--plugin`` of commands that take a model, an extractor, a metric or an importer."""

import inspect
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from sentiprism.cli.options import extractors_of_plugins

EXTRACTED = ("audio", "vision")
"""Options that name an extractor."""


class ListsExtractors(TyperCommand):
    """A command whose help also lists the extractors of plugins."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Process ``--help`` last, so that plugins are loaded before."""
        if "--help" in args and "--" not in args:
            args = [*(word for word in args if word != "--help"), "--help"]
        return super().parse_args(ctx, args)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        """Print the help."""
        for option in self.params:
            if option.name in EXTRACTED:
                option.metavar = "|".join([str(option.metavar), *extractors_of_plugins(option.name)])
        super().format_help(ctx, formatter)


def _load(context: typer.Context, files: list[Path] | None) -> list[Path] | None:
    """Import plugins before other options, which may refer to them."""
    if files and not context.resilient_parsing:
        from sentiprism.plugins import load_plugins

        load_plugins(files)
    return files


Plugins = Annotated[
    list[Path] | None,
    typer.Option(
        "--plugin",
        metavar="FILE",
        is_eager=True,
        callback=_load,
        help="Python file with models, extractors, metrics or importers, which is executed. Repeatable.",
    ),
]


def may_use_plugins(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the option ``--plugin``."""

    @wraps(command)
    def run(*args: Any, plugin: list[Path] | None = None, **kwargs: Any) -> Any:
        del plugin  # imported already
        return command(*args, **kwargs)

    known = inspect.signature(command)
    option = inspect.Parameter("plugin", inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Plugins)
    run.__signature__ = known.replace(parameters=[*known.parameters.values(), option])  # type: ignore[attr-defined]
    run.__annotations__ = {**command.__annotations__, "plugin": Plugins}
    return run
