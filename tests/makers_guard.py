"""Run the command line under strace: what it connects to, and which files it writes.

An audit hook of Python would not see native threads, as those of onnxruntime, MediaPipe and torch.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from makers_ci import skip_or_fail
from sentiprism.environment import NO_TELEMETRY

NETWORK = ("socket", "connect", "bind", "sendto", "sendmsg", "sendmmsg")
OPENING = ("open", "openat", "openat2", "creat")
NAMING = ("mkdir", "mkdirat", "rename", "renameat", "renameat2", "unlink", "unlinkat", "rmdir", "link", "linkat")
NAMING += ("symlink", "symlinkat", "mknod", "mknodat", "truncate")
RUNNING = ("execve", "execveat")
CALL = re.compile(r"(?P<name>\w+)\((?P<words>.*)\)\s+= (?P<result>-?\d+)(?:<(?P<path>.*?)(?: \(deleted\))?>)?")
FAMILIES = ("AF_UNIX", "AF_NETLINK", "AF_INET", "AF_INET6", "AF_UNSPEC")
ADDRESS = re.compile(r'(?:inet_addr\(|inet_pton\(AF_INET6, )"(?P<address>[^"]+)"')
PORT = re.compile(r"sin6?_port=htons\((\d+)\)")
QUOTED = re.compile(r'(?:<(?P<folder>[^<>]*)>, )?"(?P<text>(?:[^"\\]|\\.)*)"')
DNS = 53
DEVICES = ("/dev/null", "/dev/tty", "/dev/full")
NOT_FILES = ("pipe:", "socket:", "anon_inode:", "/memfd:", "/proc/self/")
SHARED_MEMORY = "/dev/shm/"  # noqa: S108 - where the system keeps named semaphores

DRIVER = """
import json, sys
from sentiprism.cli.main import main
for words in json.loads(sys.argv[1]):
    print("$", *words, flush=True)
    sys.argv = ["sentiprism", *words]
    if status := main():
        sys.exit(f"{' '.join(words)} ended with {status}")
"""


@dataclass
class Guard:
    """A place to run commands in, with folders of their own for all that they may write."""

    root: Path
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("work", "data", "tmp", "home"):
            (self.root / name).mkdir(parents=True)

    @property
    def work(self) -> Path:
        """Where commands run and write what they are asked for."""
        return self.root / "work"

    @property
    def environment(self) -> dict[str, str]:
        """Nothing of ours but what is needed: ``CI`` alone keeps onnxruntime quiet."""
        return {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(Path(__file__).parents[1] / "src"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OMP_NUM_THREADS": "1",
            "HOME": str(self.root / "home"),
            "TMPDIR": str(self.root / "tmp"),
            "SENTIPRISM_HOME": str(self.root / "data"),
            **{name: value for name, value in os.environ.items() if name.startswith("SENTIPRISM_ASSET_")},
            **self.variables,
        }

    def run(self, *commands: Sequence[object]) -> str:
        """Run commands in one process and return what they print; a connection, or a file elsewhere, is a failure."""
        words = json.dumps([[str(word) for word in command] for command in commands])
        output, calls = self.watch(sys.executable, "-c", DRIVER, words)
        allowed = [self.root / name for name in ("work", "data", "tmp", "home")]
        found = faults(calls, self.work, allowed)
        assert not found, "\n".join([f"{len(found)} faults:", *(fault[:500] for fault in found[:20])])
        return output

    def prepare(self, program: str) -> None:
        """Run Python with the guard's folders, unwatched."""
        subprocess.run([sys.executable, "-c", program], cwd=self.work, env=self.environment, check=True)

    def watch(self, *program: str) -> tuple[str, list[str]]:
        """Output of a program that succeeds, and the system calls of all its processes and threads."""
        strace = find_strace()
        traces = self.root / "traces"
        shutil.rmtree(traces, ignore_errors=True)
        traces.mkdir()
        names = ",".join(f"?{name}" for name in (*NETWORK, *OPENING, *NAMING, *RUNNING))
        options = ["-ff", "--seccomp-bpf", "-y", "-v", "-s", "4096", "-e", f"trace={names}", "-e", "signal=none"]
        done = subprocess.run(
            [strace, *options, "-o", str(traces / "of"), *program],
            cwd=self.work,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
        return done.stdout, [line for file in sorted(traces.iterdir()) for line in file.read_text("utf-8").splitlines()]

    def left(self, folder: str) -> set[str]:
        """Files and empty folders below one of the folders."""
        root = self.root / folder
        found = (path for path in root.rglob("*") if not path.is_dir() or not any(path.iterdir()))
        return {str(path.relative_to(root)) for path in found}


def find_strace() -> str:
    """strace's path; without it the test is skipped, but never where all tests must run."""
    program = shutil.which("strace")
    if program is None:
        skip_or_fail("strace, which sees every connection, is not installed")
    return program


def faults(calls: Iterable[str], cwd: Path, allowed: Sequence[Path]) -> list[str]:
    """Calls that leave the machine, write outside of the allowed folders, or start Python without `NO_TELEMETRY`.

    Args:
        calls: lines of strace.
        cwd: what relative paths are relative to.
        allowed: folders.
    """
    found, loud, shared, unshared = [], [], set(), set()
    for line in calls:
        call = CALL.match(line)
        if call is None:
            continue
        name, words, failed = call["name"], call["words"], call["result"] == "-1"
        if name in NETWORK:
            found += [line] if leaves(name, words) else []
        elif name in RUNNING and not failed and re.match(r'.*?"[^"]*/python[0-9.]*"', words):
            quiet = all(f'"{variable}={value}"' in words for variable, value in NO_TELEMETRY.items())
            loud += [] if quiet else [f"runs Python without NO_TELEMETRY: {line[:300]}"]
        elif not failed and name not in RUNNING:
            paths = written(name, words, call["path"], cwd)
            (unshared if name.startswith("unlink") else shared).update(p for p in paths if p.startswith(SHARED_MEMORY))
            found += [line for path in paths if outside(path, allowed)]
    return [
        *found,
        *loud[1:],
        *(f"leaves {path}" for path in sorted(shared - unshared)),
    ]  # the first one is the one we start


def leaves(name: str, words: str) -> bool:
    """Whether a call of the network's reaches beyond this machine, or asks for a name's address."""
    if name == "socket":
        return not words.startswith(FAMILIES)
    if "io.systemd.Resolve" in words:
        return True
    ports = [int(port) for port in PORT.findall(words)]
    return DNS in ports or any(not ip_address(one).is_loopback for one in ADDRESS.findall(words))


def written(name: str, words: str, result: str | None, cwd: Path) -> list[str]:
    """Absolute paths that a successful call writes or changes."""
    if name in OPENING:
        writes = name == "creat" or re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC|TMPFILE)", words)
        return [result or words] if writes else []
    pairs = [(found["folder"] or str(cwd), found["text"]) for found in QUOTED.finditer(words)]
    if name.startswith("symlink"):  # what it points to is not touched
        pairs = pairs[1:]
    return [os.path.normpath(Path(folder, text)) for folder, text in pairs]


def outside(path: str, allowed: Sequence[Path]) -> bool:
    """Whether a path is a file outside of the folders."""
    if path in DEVICES or path.startswith((*NOT_FILES, SHARED_MEMORY)):
        return False
    return not any(Path(path).is_relative_to(folder) for folder in allowed)
