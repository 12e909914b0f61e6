"""Every command that the documentation prints can be given as it stands."""

import re
import shlex
from pathlib import Path

import pytest
from typer import Exit

from makers_cli import parse
from sentiprism.cli.faults import UsageError
from sentiprism.errors import UserError
from sentiprism.training.train import resolve

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")])
SOURCES = sorted(ROOT.glob("src/sentiprism/cli/*.py"))
"""What they say as help."""
FEWEST = {"README.md": 60}
"""Commands that a page has at least: that none is found is no success."""


def commands(text: str) -> list[str]:
    """Commands of this program in blocks of code and between backticks, without comments."""
    joined = re.sub(r"\\\n\s*", " ", text)
    found = re.findall(r"`(sentiprism [^`\n]+)`", joined)
    lines = re.findall(r"^(?:\$ |    +)(.*\bsentiprism .*)$", joined, re.MULTILINE)
    return found + [line[re.search(r"\bsentiprism ", line).start() :] for line in lines if "pip " not in line]


def words_of(command: str) -> list[str]:
    """The command's words; what is optional in it is given, and what a shell does next is not."""
    words = shlex.split(re.sub(r"\[(--[^\]]+)\]", r"\1", command).replace("…", "x"), comments=True)
    ends = [n for n, word in enumerate(words) if word.endswith(";") or word in {"|", "&&", "done"}]
    return [word.rstrip(";") for word in words[1 : ends[0] + 1 if ends else None]]


def check(words: list[str]) -> None:
    """Refuse a command line that the program would refuse whatever is on the disk."""
    if (
        all(re.fullmatch("[a-z]+", word) for word in words[:2])
        and len(words) <= 2
        and words[0] not in {"train", "demo"}
    ):
        words = [*words, "--help"]  # a command that is spoken of by its name
    try:
        given = parse(words)
    except Exit:  # of --help
        return
    if words[0] in {"train", "tune"} and str(given.get("model")).islower() and not given["experiment"]:
        resolve({"model": given["model"], "dataset": str(given["dataset"])}, given["settings"] or ())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_documented_command_is_read_by_the_command_line(page):
    found = commands(page.read_text(encoding="utf-8"))
    assert len(found) >= FEWEST.get(page.name, 0)
    assert faults(found) == {}


def test_so_is_every_example_of_the_help():
    found = [line for path in SOURCES for line in re.findall(r"^ {8}(sentiprism .+)$", path.read_text(), re.MULTILINE)]
    assert len(found) > 50
    assert faults(found) == {}


def faults(found: list[str]) -> dict[str, str]:
    """What the program says of those that it refuses."""
    wrong = {}
    for command in found:
        try:
            check(words_of(command))
        except (UsageError, UserError, ValueError) as error:
            wrong[command] = str(error)
    return wrong


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_package_is_named_by_its_path_since_no_index_has_it(page):
    assert not re.search(r"pip install [^`\n]*['\" ]sentiprism\b", page.read_text(encoding="utf-8"))
