"""The queue: starts jobs, finds them again, notices how they end."""

import json
import platform
import subprocess
import threading
from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from sentiprism.errors import UserError
from sentiprism.files import exclusive, make_folder, write_text
from sentiprism.studio.jobs.process import (
    JOB,
    PROCESS,
    PROGRESS,
    RESULT,
    Identity,
    Result,
    ask_to_end,
    is_alive,
    kill,
    read_process,
    read_result,
    start,
)
from sentiprism.studio.store.database import Database
from sentiprism.studio.store.tables import ACTIVE, ID, RESUMABLE, JobRow, SettingRow, new_id, now

AT_ONCE = "jobs_at_once"
"""Name of the setting."""
MOST_AT_ONCE = 16
TICK = 0.3
"""Seconds between two looks at the jobs."""
PATIENCE = timedelta(seconds=30)
"""That a job's process may take to say who it is; then it is queued again."""
GRACE = timedelta(seconds=12)
"""From SIGTERM to SIGKILL."""
LONGEST = 255
"""Characters of what a machine's queue is called."""
KILLED = "its process ended without a word: it was killed, or the machine was restarted"


class Runner:
    """Runs the jobs of this machine; nothing but rows and files is needed to continue after a crash.

    Args:
        database: where the rows are.
        folder: of the jobs' own folders.
    """

    def __init__(self, database: Database, folder: Path) -> None:
        make_folder(folder)
        self.database, self.folder = database, folder
        self.on_done: dict[str, Callable[[dict[str, Any]], None]] = {}
        """What the server does with the result of a kind of job, before it is told done; jobs write no rows."""
        self.host = f"{platform.node()} {folder}"[-LONGEST:]
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._asked: set[str] = set()
        self._wake, self._ending = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="jobs", daemon=True)

    def start(self) -> None:
        """Look at the jobs from now on, in a thread."""
        self._thread.start()

    def close(self) -> None:
        """Stop looking; jobs that run continue."""
        self._ending.set()
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join(timeout=5.0)

    def add(
        self, kind: str, title: str, parameters: dict[str, object], workspace: Path, *, once: str | None = None
    ) -> str:
        """Queue a job.

        Args:
            kind: see `sentiprism.studio.jobs.kinds.KINDS`.
            title: for people.
            parameters: of its kind.
            workspace: folder it works in.
            once: what is asked for twice with the same text, as by a double click, is one job.

        Returns:
            Its identifier.
        """
        row = JobRow(
            id=new_id() if once is None else sha256(once.encode()).hexdigest()[:ID],
            kind=kind,
            title=title[:255],
            parameters=parameters,
            host=self.host,
            workspace=str(workspace),
        )
        identifier = row.id
        try:
            with self.database.write() as session:
                session.add(row)
        except IntegrityError:
            if once is None:
                raise
        self._wake.set()
        return identifier

    def stop(self, job: str) -> None:
        """Stop a job: out of the queue, or its process by SIGTERM and later SIGKILL. An ended one stays as it is."""
        with self.database.write() as session:
            _change(session, job, ("queued",), state="stopped", ended=now())
            _change(session, job, ("running",), state="stopping", stop_asked=now())
        self._wake.set()

    def resume(self, job: str) -> bool:
        """Queue a job again that has failed, was stopped or has died; whether it was one."""
        with self.database.write() as session:
            again = {"state": "queued", "queued": now(), "ended": None, "stop_asked": None, "error": None}
            changed = _change(session, job, RESUMABLE, **again)
            if changed:  # what the last process said is not said of the next one
                for name in (PROCESS, RESULT, PROGRESS):
                    (self.job_folder(job) / name).unlink(missing_ok=True)
        self._wake.set()
        return changed

    def job_folder(self, job: str) -> Path:
        """Where a job's own files are."""
        return self.folder / job

    def set_at_once(self, count: int) -> None:
        """Change how many jobs run at once."""
        with self.database.write() as session:
            session.merge(SettingRow(name=AT_ONCE, value={"count": min(max(count, 1), MOST_AT_ONCE)}))
        self._wake.set()

    def at_once(self) -> int:
        """How many jobs run at once."""
        with self.database.read() as session:
            return _at_once(session)

    def look(self) -> None:
        """Notice ends, end what must end, start what may start: one step of the thread."""
        with self.database.read() as session:
            active = list(session.scalars(select(JobRow).where(JobRow.host == self.host, JobRow.state.in_(ACTIVE))))
        for row in active:
            self._follow(row)
        while (claimed := self._claim()) is not None:
            self._start(claimed)

    def _run(self) -> None:
        while not self._ending.is_set():
            try:
                self.look()
            except (SQLAlchemyError, OSError, UserError) as error:  # the disk is full, the database away: it may pass
                print(f"the queue of jobs waits: {error}")
            self._wake.wait(TICK)
            self._wake.clear()

    def _claim(self) -> JobRow | None:
        """Take the next job of the queue, if one more may run; two servers never take the same one, or one too many."""
        with exclusive(self.folder / "queue"), self.database.write() as session:
            running = session.scalar(
                select(func.count()).select_from(JobRow).where(JobRow.host == self.host, JobRow.state.in_(ACTIVE))
            )
            if (running or 0) >= _at_once(session):
                return None
            waiting = select(JobRow).where(JobRow.host == self.host, JobRow.state == "queued")
            row = session.scalar(waiting.order_by(JobRow.queued, JobRow.id).limit(1).with_for_update(skip_locked=True))
            if row is None:
                return None
            row.state, row.started, row.attempts = "running", now(), row.attempts + 1
            return row

    def _start(self, row: JobRow) -> None:
        folder = self.job_folder(row.id)
        try:
            make_folder(folder)
            write_text(folder / JOB, json.dumps({"kind": row.kind, "parameters": row.parameters}))
            self._children[row.id] = start(folder, Path(row.workspace))
        except (OSError, UserError) as error:
            self._end(row, Result(state="failed", error=f"it could not be started: {error}"))

    def _follow(self, row: JobRow) -> None:
        folder = self.job_folder(row.id)
        child = self._children.get(row.id)
        if child is not None:
            child.poll()  # asks for its status, so that it does not stay as a zombie
        process = read_process(folder)
        if process is None:
            waited = now() - (row.started or row.created)
            if child is not None and child.returncode is None and waited < PATIENCE:
                return
            if child is None and waited < PATIENCE:  # another server has just started it
                return
            if row.state == "stopping":
                self._end(row, Result(state="stopped"))
            elif child is not None and child.returncode is not None:
                self._end(row, Result(state="failed", error="its process ended at once; see the log"))
            else:
                with self.database.write() as session:
                    _change(session, row.id, ("running",), state="queued")
            return
        if is_alive(process):
            if row.state == "stopping":
                self._end_process(row, process)
            return
        result = read_result(folder)
        if result is None:
            result = Result(state="stopped") if row.state == "stopping" else Result(state="interrupted", error=KILLED)
        self._end(row, result)

    def _end_process(self, row: JobRow, process: Identity) -> None:
        if row.stop_asked is not None and now() - row.stop_asked > GRACE:
            kill(process)
        elif row.id not in self._asked:  # a second signal would end it by force
            self._asked.add(row.id)
            ask_to_end(process)

    def _end(self, row: JobRow, result: Result) -> None:
        self._asked.discard(row.id)
        child = self._children.pop(row.id, None)
        if child is not None:
            child.poll()
        if result.state == "done" and (take := self.on_done.get(row.kind)) is not None:
            try:
                take(result.value)
            except (OSError, UserError) as error:
                result = Result(state="failed", error=str(error))
        with self.database.write() as session:
            values = {"state": result.state, "ended": now(), "error": result.error and result.error[:2000]}
            _change(session, row.id, ACTIVE, **values, result=result.value or None)


def _at_once(session: Session) -> int:
    found = session.get(SettingRow, AT_ONCE)
    return int(found.value["count"]) if found is not None else 1


def _change(session: Session, job: str, states: tuple[str, ...], **values: object) -> bool:
    """Change a job if it is in one of these states, in one statement: two changes at once do not mix."""
    done = session.execute(update(JobRow).where(JobRow.id == job, JobRow.state.in_(states)).values(**values))
    return bool(getattr(done, "rowcount", 0))
