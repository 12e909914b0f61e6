"""The command line in forks of a process that has imported what commands import: each costs milliseconds."""

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory

WARM = (
    "sentiprism.cli.app",
    "sentiprism.training.train",
    "sentiprism.evaluation.evaluate",
    "sentiprism.analysis.batch",
    "accelerate",
    "h5py",
    "pandas",
    "pyarrow.parquet",
    "scipy.stats",
    "torch",
)
"""Imported once; importing them takes longer than most commands."""
FORKS = sys.platform == "linux"
"""Whether a process that has imported these can be forked: not where Windows or macOS' frameworks forbid it."""


def fork(target: Callable[..., object], *arguments: object) -> BaseProcess:
    """Start a function in a fork of the warm process."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(list(WARM))
    child = context.Process(target=target, args=arguments)
    child.start()
    return child


def run_main(words: list[str], log: Path) -> int:
    """Run the command line in a forked process, with its output in the files ``out`` and ``err``; the exit status."""
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(log / name, os.O_CREAT | os.O_WRONLY, 0o600), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    sys.stdout, sys.stderr = (open(n, "w", encoding="utf-8", errors="surrogateescape") for n in (1, 2))  # noqa: SIM115
    sys.argv = ["sentiprism", *words]
    from sentiprism.cli.main import main

    try:
        status = main()
    except SystemExit as error:
        status = error.code if isinstance(error.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status


def output(log: Path) -> tuple[str, str]:
    """What a command wrote to its standard output and to its standard error."""
    out, err = ((log / name).read_text(encoding="utf-8", errors="surrogateescape") for name in ("out", "err"))
    return out, err


def run_forked(
    words: list[str], folder: Path, environment: dict[str, str], path: Path | None = None, timeout: float = 240
) -> subprocess.CompletedProcess[str]:
    """Run a command in a fork.

    Args:
        words: of the command line.
        folder: it works in.
        environment: all variables.
        path: one more folder to import from.
        timeout: seconds.
    """
    with TemporaryDirectory() as log:
        child = fork(_run, words, str(folder), environment, None if path is None else str(path), log)
        child.join(timeout)
        if child.is_alive():
            child.kill()
            raise subprocess.TimeoutExpired(words, timeout, *output(Path(log)))
        return subprocess.CompletedProcess(words, child.exitcode, *output(Path(log)))


def _run(words: list[str], folder: str, environment: dict[str, str], path: str | None, log: str) -> None:
    os.environ.clear()  # the warm process has that of its own start
    os.environ |= environment
    os.chdir(folder)
    if path is not None:
        sys.path.insert(0, path)
    os._exit(run_main(words, Path(log)))
