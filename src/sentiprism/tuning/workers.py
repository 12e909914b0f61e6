"""Worker processes of a study."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from types import MappingProxyType
from typing import Self

from sentiprism.data.integrity import unverified, verifies
from sentiprism.errors import UserError
from sentiprism.interrupts import CHILD_TIMEOUT, CHILDS_GRACE, Interrupts
from sentiprism.plugin_modules import import_files, loaded_files
from sentiprism.sandbox.launch import ChildProcess

CHECK_EVERY = 0.1
"""Seconds."""


class Workers:
    """Context of further processes that run trials of a study; leaving it ends them.

    Args:
        folder: of the study.
        trials: total number in the study.
        engine: device and precision of each process.
        count: number of processes.
        threads: of each process.
        note: called with a message for each process that fails.
        variables: further environment variables of each process, which may be secret.
    """

    def __init__(
        self,
        folder: Path,
        trials: int,
        engine: dict[str, str],
        count: int,
        threads: int,
        note: Callable[[str], object],
        variables: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        task = json.dumps(
            {
                "folder": str(folder),
                "trials": trials,
                "engine": engine,
                "verify": verifies(),
                "plugins": loaded_files(),
            }
        )
        environment = {**os.environ, **variables, "OMP_NUM_THREADS": str(threads)}
        self._note = note
        self._running: list[ChildProcess] = []
        for _ in range(count):
            self._running.append(ChildProcess(__name__, task, environment=environment, stdout=subprocess.DEVNULL))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            process.terminate()
        last = time.monotonic() + CHILD_TIMEOUT
        for process in self._running:
            while process.poll() is None and time.monotonic() < last:
                time.sleep(CHECK_EVERY / 10)
            process.__exit__()  # kills it if still running

    def report(self) -> None:
        """Report processes that have failed since the last call; the others continue."""
        for process in [one for one in self._running if one.poll() is not None]:
            self._running.remove(process)
            process.__exit__()
            status = process.returncode
            if status:
                how = signal.Signals(-status).name if status < 0 else f"status {status}"
                self._note(f"a process of the study failed ({how}); the others run its trials")

    def wait(self) -> bool:
        """Wait until a process ends; False if none is running."""
        if not self._running:
            return False
        while all(process.poll() is None for process in self._running):
            time.sleep(CHECK_EVERY)
        self.report()
        return True


def main() -> None:
    """Run trials of the study that the parent process names."""
    from sentiprism.tuning.tune import run_trials

    task = json.loads(sys.argv[1])
    with Interrupts(CHILDS_GRACE), nullcontext() if task["verify"] else unverified():
        try:
            import_files(task["plugins"])
            run_trials(Path(task["folder"]), trials=task["trials"], **task["engine"])
        except UserError as error:
            sys.exit(f"error: {error}")


if __name__ == "__main__":
    main()
