"""Describe how to resume a stopped command."""

import shlex
from collections.abc import Sequence
from pathlib import Path

from sentiprism.plugin_modules import loaded_files

SAME_COMMAND = {
    "analyze": "the same command analyses the rest; finished reports are kept",
    "adapt": "the same command starts again; extracted features are kept",
    "extract": "the same command resumes; extracted features are kept",
    "tune": "the same command resumes; finished trials are kept",
    "ablate": "the same command resumes; finished rows are kept",
    "modalities": "the same command resumes; finished runs are kept",
    "study": "the same command analyses the rest; finished analyses are kept",
    "reproduce": "the same command resumes; finished rows are kept",
    "studio": "jobs continue; the same command shows them again",
}
"""How commands resume if given again."""
_run: Path | None = None


def remember_run(folder: Path) -> None:
    """Remember the run that is being trained."""
    global _run  # noqa: PLW0603 - a process has one command line
    _run = folder


def how_to_resume(words: Sequence[str]) -> str:
    """How to resume the command ``sentiprism WORDS...``, in one line."""
    command = next((word for word in words if not word.startswith("-")), "")
    if command in {"train", "demo"} and _run is not None:
        plugins = "".join(f" --plugin {shlex.quote(file)}" for file in loaded_files())
        return f"resume it with: sentiprism train --resume {shlex.quote(str(_run))}{plugins}"
    return SAME_COMMAND.get(command, "run the same command again")
