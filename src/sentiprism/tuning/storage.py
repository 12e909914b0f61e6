"""Where the trials of a study are kept, and which of them a living process runs: in the study's folder."""

import os
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Protocol

from filelock import FileLock, Timeout

from sentiprism.errors import UserError
from sentiprism.reading import MB, parse_json, read_text

MAX_JOURNAL = 256 * MB
"""Largest journal in bytes; a trial takes some thousands."""
JOURNAL = "journal.log"


class TrialStorage(Protocol):
    """What `Journal` needs: Optuna's storage, a lock between processes, and signs of life of those that run trials."""

    folder: Path
    """Of the study, for temporary files of this machine's trials."""
    shown: str
    """Its name in messages."""
    remedy: str
    """What to do if its content is damaged."""
    several_machines: bool
    """Whether processes of other machines run trials too, for which this one waits at the end."""
    environment: Mapping[str, str]
    """Environment variables that lead child processes to it."""

    def exclusive(self) -> AbstractContextManager[Any]:
        """Context in which this is the only process that starts or ends trials of the study."""

    def errors(self) -> AbstractContextManager[Any]:
        """Context that turns errors of the storage into a `StorageError`."""

    def open(self) -> Any:
        """Open Optuna's storage; called once, within `exclusive`."""

    def remember(self) -> None:
        """Store in the folder where its trials are, so that it can be resumed by the folder alone."""

    def hold(self, trial: Any) -> None:
        """Give signs of life for a trial of this process until `release`; called within `exclusive`."""

    def release(self, number: int) -> None:
        """End the signs of life."""

    def ended(self, running: Iterable[Any]) -> list[Any]:
        """Those of the running trials whose process has ended; called within `exclusive`."""

    def close(self) -> None:
        """Close all connections."""


class StorageError(UserError):
    """The storage cannot be used at the moment, which is not a fault of the trial that runs."""


class FolderStorage:
    """A journal file in the study's folder, to which the processes of one machine append.

    A process holds a lock while its trial runs, and loses it when killed. So a running trial without a lock was
    interrupted.

    Args:
        folder: of the study.
    """

    remedy = "remove the folder and start the study again"
    several_machines = False
    environment: Mapping[str, str] = {}

    def __init__(self, folder: Path) -> None:
        self.folder, self._path = folder, folder / JOURNAL
        self.shown = str(self._path)
        self._lock = FileLock(folder / "study.lock")
        self._mine: FileLock | None = None
        (folder / "running").mkdir(parents=True, exist_ok=True)

    def exclusive(self) -> AbstractContextManager[Any]:
        """The study's lock file."""
        return self._lock

    def errors(self) -> AbstractContextManager[Any]:
        """Errors of files have lines of their own."""
        return nullcontext()

    def open(self) -> Any:
        """Open the journal, whose lines are checked before."""
        from optuna.storages import JournalStorage
        from optuna.storages.journal import JournalFileBackend

        lock: Any = _JournalLock(self.folder / "journal.lock")
        lock.acquire()
        try:
            self._check_journal()
        finally:
            lock.release()
        return JournalStorage(JournalFileBackend(str(self._path), lock))

    def remember(self) -> None:
        """The journal is in the folder."""

    def hold(self, trial: Any) -> None:
        """Lock the trial's file."""
        self._mine = FileLock(self._lock_of(trial.number))
        self._mine.acquire()

    def release(self, number: int) -> None:
        """Unlock and remove the trial's file."""
        if self._mine is not None:
            self._mine.release()
            self._mine = None
        self._lock_of(number).unlink(missing_ok=True)

    def ended(self, running: Iterable[Any]) -> list[Any]:
        """Trials whose file is not locked."""
        found = []
        for trial in running:
            try:
                with FileLock(self._lock_of(trial.number), timeout=0):
                    found.append(trial)
            except Timeout:
                continue
            self._lock_of(trial.number).unlink(missing_ok=True)
        return found

    def close(self) -> None:
        """Every entry opens and closes the journal."""

    def _lock_of(self, number: int) -> Path:
        return self.folder / "running" / f"{number}.lock"

    def _check_journal(self) -> None:
        """Refuse a journal that is not a file of JSON objects, before optuna reads it.

        An incomplete last line, left by a killed process, is removed: otherwise the next entry would be appended to it.
        """
        path = self._path
        if not os.path.lexists(path) or (path.is_file() and not path.stat().st_size):  # not written yet
            return
        *lines, rest = read_text(path, MAX_JOURNAL, "journal").split("\n")
        if not lines:
            raise UserError(f"{path} is not a journal", self.remedy)
        if rest:
            os.truncate(path, path.stat().st_size - len(rest.encode()))
        for number, line in enumerate(lines, start=1):
            entry = parse_json(line, f"{path} line {number}")
            known = isinstance(entry, dict) and isinstance(entry.get("op_code"), int)
            if not known or not isinstance(entry.get("worker_id"), str):
                raise UserError(f"{path} line {number} is not an entry of a journal", self.remedy)


class _JournalLock:
    """Lock of the journal that is released on a kill; optuna's own lock file would stay and block for 30 s."""

    def __init__(self, path: Path) -> None:
        self._lock = FileLock(path)

    def acquire(self) -> bool:
        self._lock.acquire()
        return True

    def release(self) -> None:
        self._lock.release()
