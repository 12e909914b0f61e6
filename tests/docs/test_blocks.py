"""Blocks of README, tutorials and how-tos run, from the first to the last of a page, as a reader would type them.

A block behind ``<!-- not run: reason -->`` is only read: `test_documented_commands` parses its commands.
"""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from makers_docs import DOCS, PAGES, ROOT, Block, blocks, shell_commands
from makers_forked import FORKS, run_forked
from sentiprism.cli.main import main

RUN = [page for page in PAGES if page == ROOT / "README.md" or page.parent.parent == DOCS]
ASSETS = {
    "start/video.md": ("two_cities", "whisper_base", "minilm"),
    "howto/recordings.md": ("minilm",),
    "howto/study.md": ("minilm",),
    "howto/own_dataset.md": ("minilm",),
    "howto/serve.md": ("minilm", "whisper_base", "face_landmarker"),
}
"""Fixtures that lend a page what it would fetch."""
SHELL = set("$|&;<>")
"""What only a shell understands."""


def name(page: Path) -> str:
    return page.relative_to(DOCS if page.is_relative_to(DOCS) else ROOT).as_posix()


@pytest.fixture
def lent(page, request) -> None:
    """What a page would fetch, from the user's own cache: asked for before the test has a home of its own."""
    for fixture in ASSETS.get(name(page), ()):
        request.getfixturevalue(fixture)


@pytest.fixture
def place(lent, home, tmp_path, monkeypatch) -> Path:
    """An empty folder to work in, where the command line can be called by its name."""
    program = tmp_path / "bin" / "sentiprism"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m sentiprism "$@"\n', encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("COLUMNS", "120")
    work = tmp_path / "work"
    work.mkdir()
    (work / "examples").symlink_to(ROOT / "examples")  # of a checkout, where a page names them
    monkeypatch.chdir(work)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield work
    torch.set_num_threads(before)


def run(command: str, monkeypatch: pytest.MonkeyPatch) -> int:
    """The exit status of a command: in this process or a fork where it is this program's alone, else of a shell."""
    words = shlex.split(command, comments=True)
    alone, plugin = words[0] == "sentiprism" and not SHELL & set(command), "--plugin" in words
    if alone and plugin and FORKS:  # it would stay in this process
        return run_forked(words[1:], Path.cwd(), dict(os.environ)).returncode
    if alone and not plugin:
        monkeypatch.setattr(sys, "argv", words)
        return main()
    return subprocess.run(["bash", "-ec", command], check=False, timeout=120).returncode  # noqa: S607 - as a reader's


def run_block(block: Block, page: Path, names: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    if block.file is not None:
        Path(block.file).write_text(block.text, encoding="utf-8")
    if block.language == "python":
        code = "\n" * (block.line - 1) + block.text  # a fault is shown with the line of the page
        exec(compile(code, str(page), "exec"), names)  # noqa: S102 - the documentation's own code
        return
    for command in shell_commands(block.text):
        assert run(command, monkeypatch) == 0, f"{name(page)}: {command}"


@pytest.mark.skipif(sys.platform == "win32", reason="readers type the blocks into a POSIX shell")
@pytest.mark.parametrize("page", RUN, ids=name)
def test_blocks_run_in_their_order(page, place, monkeypatch):
    names: dict[str, object] = {"__name__": "documented"}
    for block in blocks(page.read_text(encoding="utf-8")):
        if block.reason is None:
            run_block(block, page, names, monkeypatch)
        elif block.language == "python":
            compile(block.text, str(page), "exec")


def test_most_pages_run_and_those_that_do_not_say_why():
    found = {name(page): blocks(page.read_text(encoding="utf-8")) for page in RUN}
    running = {page for page, those in found.items() if any(block.reason is None for block in those)}
    silent = {page for page, those in found.items() if those} - running
    assert {"README.md", "start/video.md", "start/train.md"} <= running
    assert sum(block.reason is None for those in found.values() for block in those) > 35
    pages = ("adapt", "learned_features", "machines", "mmsa", "gpu", "stream", "who_speaks")
    needs_files_of_the_reader = {f"howto/{page}.md" for page in pages}
    assert silent - {"concepts/metrics.md", "concepts/selection.md"} == needs_files_of_the_reader


def test_a_page_is_taken_apart_as_it_is_read():
    page = "\n".join(
        [
            *("```console", "$ cat > a.csv <<'END'", "label", "END", "$ sentiprism a \\", "    --b", "output", "```"),
            *("<!-- not run: no GPU -->", "```python", "import x", "```"),
            *("<!-- file: x.py -->", "```python", "x = 1", "```"),
        ]
    )
    first, second, third = blocks(page)
    assert shell_commands(first.text) == ["cat > a.csv <<'END'\nlabel\nEND", "sentiprism a \\\n    --b"]
    assert (first.reason, second.reason, second.line) == (None, "no GPU", 11)
    assert (third.reason, third.file, third.text) == (None, "x.py", "x = 1\n")
