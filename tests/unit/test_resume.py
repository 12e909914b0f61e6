"""What a stopped command says of itself."""

from pathlib import Path

import pytest
from typer.main import get_command

from sentiprism.cli import resume
from sentiprism.cli.app import app
from sentiprism.cli.resume import SAME_COMMAND, how_to_resume, remember_run


@pytest.fixture(autouse=True)
def _nothing_runs(monkeypatch):
    monkeypatch.setattr(resume, "_run", None)


def test_every_command_that_is_said_to_resume_exists():
    assert set(SAME_COMMAND) <= set(get_command(app).commands)


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("analyze talk.mp4", "the same command analyses the rest; finished reports are kept"),
        ("tune mdf --dataset mosi", "the same command resumes; finished trials are kept"),
        ("dataset add mosi", "run the same command again"),
        ("train mdf --dataset mosi", "run the same command again"),  # there is no run yet
        ("", "run the same command again"),
    ],
)
def test_a_command_says_how_it_resumes(words, line):
    assert how_to_resume(words.split()) == line


@pytest.mark.parametrize("command", ["train", "demo"])
def test_a_training_names_its_run_so_that_a_shell_can_take_it(command):
    remember_run(Path("runs/it's mine"))
    assert how_to_resume([command]) == """resume it with: sentiprism train --resume 'runs/it'"'"'s mine'"""
    assert "--resume" not in how_to_resume(["evaluate"])
