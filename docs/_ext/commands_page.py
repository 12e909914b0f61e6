"""The page of all commands and options, made from the command line itself."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

from markup import code, prose, table
from typer.main import get_command

from sentiprism.cli.app import app


def page() -> str:
    """The page."""
    intro = """# Commands

Every command explains itself with `--help`, and every one that lists something takes `--json`. This page is made from
the same text.
"""
    return "\n".join([intro, *(_section(name, command) for name, command in _commands(get_command(app), ""))])


def _commands(group: Any, before: str) -> Iterator[tuple[str, Any]]:
    """Commands and those of groups, by the words they are called with."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _commands(command, f"{before}{name} ")
        else:
            yield before + name, command


def _section(name: str, command: Any) -> str:
    text, _, examples = (command.help or "").partition("Examples:")
    lines = [line.strip() for line in examples.splitlines() if line.strip().startswith("sentiprism ")]
    arguments = [one for one in command.params if one.param_type_name == "argument"]
    options = [one for one in command.params if one.param_type_name == "option" and not one.hidden]
    words = " ".join(["sentiprism", name, "[OPTIONS]", *(_argument(one) for one in arguments)])
    parts = [f"## {name}", _unwrapped(text), f"```text\n{words}\n```"]
    if options:
        rows = [[_names(one), _kind(one), prose(one.help or "")] for one in options]
        parts.append(table(["option", "value", "meaning"], rows))
    if lines:
        parts.append("Examples:\n\n```console\n" + "\n".join(f"$ {line}" for line in lines) + "\n```")
    return "\n\n".join(parts) + "\n"


def _argument(argument: Any) -> str:
    word = argument.metavar or argument.name.upper()
    return word if argument.required else f"[{word}]"


def _names(option: Any) -> str:
    return ", ".join(code(name) for name in (*option.opts, *option.secondary_opts))


def _kind(option: Any) -> str:
    if option.is_flag:
        return ""
    choices = get_args(option.type_descriptor.annotation)
    word = option.metavar or "|".join(map(str, choices)) or "VALUE"
    default = option.default
    plain = isinstance(default, str | int | float | Path) and str(default)
    return code(word) + (f", by default {code(default)}" if plain else "")


def _unwrapped(text: str) -> str:
    """Paragraphs of a command's help; marks of the terminal are left out."""
    paragraphs = re.split(r"\n\s*\n", text.replace("\b", "").replace("\f", "").strip())
    return "\n\n".join(prose(re.sub(r"\\([\[\]])", r"\1", " ".join(one.split()))) for one in paragraphs if one.strip())
