"""Pages of the documentation, and the blocks of code and the commands in them."""

import re
import shlex
from pathlib import Path
from typing import NamedTuple

from typer import Exit

from makers_cli import parse
from sentiprism.cli.faults import UsageError
from sentiprism.errors import UserError
from sentiprism.training.train import resolve

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
GENERATED = {DOCS / "models", DOCS / "reference" / "commands.md", DOCS / "_build"}
"""What a build makes; it may be there or not."""
PAGES = sorted(path for path in (*ROOT.glob("*.md"), *DOCS.rglob("*.md")) if not GENERATED & {path, *path.parents})
"""Every page that somebody has written."""
FENCE = re.compile(
    r"(?:<!-- (not run|file): ([^\n]+) -->\n)?^```(console|python)\n(.*?)^```$", re.DOTALL | re.MULTILINE
)


class Block(NamedTuple):
    """A block of code on a page."""

    language: str
    text: str
    line: int
    """Of the page, where it begins."""
    reason: str | None
    """Why it is not run; None where it is."""
    file: str | None
    """Name that a reader saves it as."""


def blocks(page: str) -> list[Block]:
    """Blocks of a page that are in a shell or in Python, in their order."""
    return [
        Block(
            found[3],
            found[4],
            page.count("\n", 0, found.start(4)) + 1,
            *(found[2] if found[1] == kind else None for kind in ("not run", "file")),
        )
        for found in FENCE.finditer(page)
    ]


def shell_commands(text: str) -> list[str]:
    """Commands of a console block: what begins with `$`, with the lines that a command itself asks for."""
    found: list[str] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append(line[2:])
        elif found and (found[-1].endswith("\\") or _inside_document(found[-1])):
            found[-1] += "\n" + line
    return found


def _inside_document(command: str) -> bool:
    """Whether a here-document of the command has no end yet."""
    begun = re.search(r"<<'?(\w+)'?", command)
    return begun is not None and begun[1] not in command.splitlines()[1:]


def commands(text: str) -> list[str]:
    """Commands of this program in blocks of code and between backticks, without comments."""
    joined = re.sub(r"\\\n\s*", " ", text)
    found = re.findall(r"`(sentiprism [^`\n]+)`", joined)
    lines = re.findall(r"^(?:\$ |    +)(.*\bsentiprism .*)$", joined, re.MULTILINE)
    return found + [line[re.search(r"\bsentiprism ", line).start() :] for line in lines if "pip " not in line]


def words_of(command: str) -> list[str]:
    """The command's words; what is optional in it is given, and what a shell does next is not."""
    words = shlex.split(re.sub(r"\[(--[^\]]+)\]", r"\1", command).replace("…", "x"), comments=True)
    kept: list[str] = []
    for word in words[1:]:
        if word in {"|", "&&", ">", "done"}:
            break
        kept.append(word.rstrip(";"))
        if word.endswith(";"):
            break
    return kept


def check(words: list[str]) -> None:
    """Refuse a command line that the program would refuse whatever is on the disk."""
    if (
        all(re.fullmatch("[a-z]+", word) for word in words[:2])
        and len(words) <= 2
        and words[0] not in {"train", "demo"}
    ):
        words = [*words, "--help"]  # a command that is spoken of by its name
    plugin = words.index("--plugin") if "--plugin" in words else None
    if plugin is not None:  # the file is the reader's, and would be imported now
        words = words[:plugin] + words[plugin + 2 :]
    try:
        given = parse(words)
    except Exit:  # of --help
        return
    except UserError as error:
        if plugin is not None and str(error).startswith("no "):  # a name that the plugin brings
            return
        raise
    if plugin is not None:
        if not any("plugin" in name for name in given):
            raise ValueError(f"{words[0]} has no option --plugin")
        return
    if words[0] in {"train", "tune"} and str(given.get("model")).islower() and not given["experiment"]:
        resolve({"model": given["model"], "dataset": str(given["dataset"])}, given["settings"] or ())


def faults(found: list[str]) -> dict[str, str]:
    """What the program says of those that it refuses."""
    wrong = {}
    for command in found:
        try:
            check(words_of(command))
        except (UsageError, UserError, ValueError) as error:
            wrong[command] = str(error)
    return wrong
