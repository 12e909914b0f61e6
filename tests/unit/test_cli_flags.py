"""The library names its arguments; the command line prints them as flags."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.main import get_command

from sentiprism.cli.app import app
from sentiprism.cli.flags import CALLED, flags, with_flags
from sentiprism.cli.tables import points

LIBRARY = Path(__file__).parents[2] / "src" / "sentiprism"
BUILDERS = {
    "assets/sources.py": "options of pip",
    "data/exporters/table.py": "writes the commands that read the table",
    "export/run.py": "has a command line of its own",
    "reproduction/command.py": "writes the command that repeats a run",
    "reproduction/folds.py": "writes the command that repeats the runs of all folds",
    "studio/health.py": "runs doctor",
}
"""Files that put commands together, by what these are."""


def texts(path: Path) -> Iterator[str]:
    """Texts of a file but its documentation; a value in one is {}."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    documentation = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    parts = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation | parts:
            yield node.value


MESSAGES = [
    (name, text)
    for path in sorted(LIBRARY.rglob("*.py"))
    if (name := path.relative_to(LIBRARY).as_posix()).partition("/")[0] != "cli"
    for text in texts(path)
]


def test_no_message_of_the_library_names_a_flag():
    """Where a whole command is the next step, it may."""
    found = [(name, text) for name, text in MESSAGES if re.search(r"(?<![\w-])--[a-z]", text)]
    assert [one for one in found if one[0] not in BUILDERS and not re.search(r"sentiprism [a-z{]", one[1])] == []
    assert {name for name, _ in found} >= BUILDERS.keys(), "these name none any more: take them out of BUILDERS"


def test_every_argument_that_a_message_names_has_a_flag():
    named = {argument for _, text in MESSAGES for argument in re.findall(r"`(\w+)`", text)}
    assert named >= {"low", "columns", "allow_missing", "assignments"}
    assert named - flags().keys() == set()


def test_an_argument_has_one_flag_whatever_the_command():
    commands = [get_command(app)]
    for command in commands:
        commands += getattr(command, "commands", {}).values()
        for option in command.params:
            assert flags().get(option.name) in option.opts or not option.opts[0].startswith("-")
    assert (
        flags().items() >= {"columns": "--column", "assignments": "--set", "allow_missing": "--allow-missing"}.items()
    )
    assert not {option.name for command in commands for option in command.params} & CALLED.keys()


@pytest.mark.parametrize(
    ("message", "printed"),
    [
        ("give `low` and `high`", "give --low and --high"),
        ("name it: `columns` text=NAME", "name it: --column text=NAME"),
        ("leave it out with `allow_missing`", "leave it out with --allow-missing"),
        ("call `load_weights` first", "call `load_weights` first"),
        ("`a file` is not a folder", "`a file` is not a folder"),
    ],
)
def test_arguments_become_flags_and_nothing_else_does(capsys, message, printed):
    assert with_flags(message) == printed
    points("Warnings", [message])
    assert printed in capsys.readouterr().out
