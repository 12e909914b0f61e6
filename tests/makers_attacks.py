"""Hostile and broken inputs against the command line, each in a process of its own that is watched."""

import json
import os
import resource
import signal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from makers_forked import fork, output, run_main

CPU = 30
"""Processor seconds a refusal may take; a loop without end is killed there."""
WALL = 60
"""Seconds after which something waits for what never comes; a bound against hanging, not a measurement."""
PEAK = 800
"""MB that a refusal may need beside what the imported libraries take."""
WIDTH, LINES = 80, 6
"""A terminal, and its lines that a refusal with two long paths in it may fill."""
DEEP = "[" * 100_000 + "]" * 100_000


@dataclass(frozen=True)
class Case:
    """One input that nobody should trust.

    Args:
        door: what it is given as: "labels", "folds", ...; a row of the table in SECURITY.md.
        name: what is wrong with it.
        words: of the command line, run in a folder that holds the finished run ``run`` of the stored dataset ``tiny``.
        says: a pattern in the line that refuses it, or in the output where it is right.
        make: makes or breaks files in that folder.
        status: 2 = refused.
    """

    door: str
    name: str
    words: tuple[str, ...]
    says: str
    make: Callable[[Path], object] | None = None
    status: int = 2

    def __str__(self) -> str:
        return f"{self.door}: {self.name}"


@dataclass(frozen=True)
class Ended:
    """What became of a command."""

    status: int
    out: str
    err: str
    peak: float


def run(words: Iterable[str], place: Path, home: Path, log: Path) -> Ended:
    """Run the command line in ``place`` under limits; ``log`` is a folder for what it says."""
    log.mkdir()
    child = fork(_child, [*words], str(place), str(home), str(log))
    child.join(WALL)
    alive = child.is_alive()
    if alive:
        os.killpg(child.pid, signal.SIGKILL)
        child.join()
    assert not alive, f"{words}: no end after {WALL} s"
    peak = float((log / "peak").read_text()) if (log / "peak").exists() else float("inf")
    assert not _group(child.pid), f"{words}: it left processes behind: {_group(child.pid)}"
    return Ended(child.exitcode, *output(log), peak)


def _child(words: list[str], place: str, home: str, log: str) -> None:
    os.setsid()
    temporary = Path(log, "tmp")
    temporary.mkdir()
    os.environ |= {"SENTIPRISM_HOME": home, "COLUMNS": str(WIDTH), "TMPDIR": str(temporary), "OMP_NUM_THREADS": "1"}
    os.environ["SENTIPRISM_OFFLINE"] = "1"
    os.chdir(place)
    resource.setrlimit(resource.RLIMIT_CPU, (CPU, CPU))
    from sentiprism.machine import peak_memory

    before = peak_memory()
    status = run_main(words, Path(log))
    Path(log, "peak").write_text(str(peak_memory() - before))
    os._exit(status)


def _group(leader: int) -> list[str]:
    """Processes of the session of ``leader``, from the system's own table."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[3] == str(leader) and fields[0] != "Z":
                found.append(entry.name)
    return found


def everything(*folders: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and time of change, hidden ones and empty folders too."""
    found = {}
    for folder in folders:
        for path in [folder, *folder.rglob("*")]:
            about = path.lstat()
            found[str(path)] = (0, 0) if path.is_dir() and not path.is_symlink() else (about.st_size, about.st_mtime_ns)
    return found


def content(name: str, data: str | bytes) -> Callable[[Path], object]:
    """Writes a file."""
    return lambda here: (here / name).write_bytes(data if isinstance(data, bytes) else data.encode())


def special(name: str) -> dict[str, Callable[[Path], object]]:
    """What has the name of a file and is none."""
    return {
        "a FIFO": lambda here: os.mkfifo(here / name),
        "a link to /dev/zero": lambda here: (here / name).symlink_to("/dev/zero"),
        "a link to /proc": lambda here: (here / name).symlink_to("/proc/self/environ"),
        "a link to itself": lambda here: (here / name).symlink_to(name),
        "a folder": lambda here: (here / name).mkdir(),
        "an empty file": lambda here: (here / name).touch(),
        "no file": lambda here: None,
    }


NOT_A_FILE = r"not a regular file|is a folder|is empty|no file|cannot be opened|no folder|is not a folder|there is no "


def specials(
    door: str,
    name: str,
    words: tuple[str, ...],
    prepare: Callable[[Path], object] | None = None,
    skip: tuple[str, ...] = (),
) -> list[Case]:
    """A case for each of `special`."""

    def both(make: Callable[[Path], object]) -> Callable[[Path], object]:
        def made(here: Path) -> None:
            if prepare is not None:
                prepare(here)
            make(here)

        return made

    return [Case(door, kind, words, NOT_A_FILE, both(make)) for kind, make in special(name).items() if kind not in skip]


def edit_json(path: Path, **changes: object) -> None:
    """Change keys of a JSON file; a dotted name goes inside; `Ellipsis` takes a key away."""
    content = json.loads(path.read_text())
    for name, value in changes.items():
        *parents, last = name.split("__")
        inner = content
        for parent in parents:
            inner = inner[parent]
        if value is ...:
            del inner[last]
        else:
            inner[last] = value
    path.write_text(json.dumps(content))
