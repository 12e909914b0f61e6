"""Translate arguments in messages of the library to flags of the command line."""

import re
from functools import cache

CALLED = {"assignments": "settings", "columns": "column"}
"""Parameters of commands for arguments of the library with other names."""


def with_flags(message: str) -> str:
    """Write the arguments that a message of the library names (`` `low` ``) as their flags (``--low``)."""
    return re.sub(r"`(\w+)`", lambda found: flags().get(found[1], found[0]), message)


@cache
def flags() -> dict[str, str]:
    """Flag by argument, over all commands."""
    from typer.main import get_command

    from sentiprism.cli.app import app

    found: dict[str, str] = {}
    commands = [get_command(app)]
    for command in commands:
        commands += getattr(command, "commands", {}).values()
        found |= {one.name: flag for one in command.params for flag in one.opts if one.name and flag.startswith("--")}
    return found | {name: found[parameter] for name, parameter in CALLED.items()}
