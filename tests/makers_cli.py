"""What tests of the command line share."""

import subprocess
from pathlib import Path
from typing import NamedTuple

from makers_store import store_at

SIZES = (40, 16, 16)
SMALL = {
    "config": {"width": 16, "text_hidden": 8, "audio_hidden": 8, "vision_hidden": 8},
    "optim": {"epochs": 2, "batch_size": 20},
}
"""Settings of a run that takes a second."""


def train_tiny(home: Path, out: Path, *, seeds: int) -> None:
    """Train MDF for a second on a dataset ``tiny`` in the store ``home``."""
    from sentiprism.data.synthetic import synthetic_dataset
    from sentiprism.training.train import train

    with store_at(home):
        data = synthetic_dataset("tiny", sizes=SIZES)
        train("mdf", data, seeds=seeds, settings=SMALL, out=out, device="cpu", quiet=True)


class Answer(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The one line a user's mistake is answered with."""
        lines = self.err.splitlines()
        assert self.status == 2, self
        assert len(lines) == 1, self
        assert lines[0].startswith("error: "), self
        return lines[0]


def assignments(settings: dict = SMALL) -> list[str]:
    """The settings as words of the command line."""
    pairs = [(f"{part}.{key}", value) for part, values in settings.items() for key, value in values.items()]
    return [word for key, value in pairs for word in ("--set", f"{key}={value}")]


def files(folder: Path) -> set[str]:
    """Every file, and every hidden folder: what a half-written thing would be."""
    found = (path for path in folder.rglob("*") if path.is_file() or path.name.startswith("."))
    return {str(path.relative_to(folder)) for path in found}


def last_error(answer: Answer) -> str:
    """The line a mistake is answered with, behind what may have been said of progress."""
    assert answer.status == 2, answer
    line = answer.err.splitlines()[-1]
    assert line.startswith("error: "), answer
    return line


def ended(started: subprocess.Popen) -> Answer:
    out, err = started.communicate(timeout=120)
    return Answer(started.returncode, out, err)


def parse(words: list[str]) -> dict[str, object]:
    """Read a command line as the program would, and run nothing; a wrong one raises a usage error.

    Args:
        words: behind the program's name.

    Returns:
        what the command would be called with; {} where it is a group of commands that is named alone.
    """
    from typer.main import get_command

    from sentiprism.cli.app import app

    command, context, name = get_command(app), None, "sentiprism"
    while True:
        context = command.make_context(name, list(words), parent=context)
        if not hasattr(command, "resolve_command"):
            return context.params
        name, command, words = command.resolve_command(context, [*context._protected_args, *context.args])


def write_experiment(folder: Path) -> Path:
    """A paper's table on the dataset tiny."""
    import yaml

    rows = [
        {"name": "Another's", "values": [0.9]},
        {"name": "text alone", "settings": {"config": {"modalities": ["text"]}}, "values": [0.8], "doubtful": ["mae"]},
        {"name": "MDF", "settings": {}, "values": [0.7]},
    ]
    table = {"caption": "What helps", "alias": "modalities", "columns": ["mae"], "rows": rows}
    run = {"model": "mdf", "dataset": "tiny", **SMALL}
    file = {"title": "MDF on tiny", "source": "a paper", "selection": "not stated", "run": run}
    (folder / "paper.yaml").write_text(yaml.safe_dump({**file, "published": {"table_3": table}}), encoding="utf-8")
    return folder / "paper.yaml"
