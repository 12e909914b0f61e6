"""A job's process: ``python -m sentiprism.studio.jobs.worker FOLDER``.

It writes who it is, how far it is, and at last how it ended; whoever started it may be gone by then.
"""

import os
import sys
import traceback
from pathlib import Path

from filelock import FileLock, Timeout

from sentiprism.errors import UserError, shorten
from sentiprism.interrupts import Interrupts
from sentiprism.reading import read_json
from sentiprism.studio.jobs.kinds import parse_job
from sentiprism.studio.jobs.process import JOB, LOCK, PROCESS, RESULT, Result, identify, write_record
from sentiprism.studio.jobs.work import do

WAIT = 20.0
"""Seconds to wait for an earlier process of the same job, which may be ending."""
GRACE = 8.0
"""Seconds from SIGTERM to the end by force: a training writes its checkpoint meanwhile."""


def main() -> int:
    """Do the job of a folder."""
    folder = Path(sys.argv[1])
    try:
        with FileLock(folder / f".{LOCK}.lock", timeout=WAIT):
            return _work(folder)
    except Timeout:
        print("another process does this job already", file=sys.stderr)
        return 1


def _work(folder: Path) -> int:
    identity = identify(os.getpid())
    if identity is not None:
        write_record(folder / PROCESS, identity)

    def farewell(number: int) -> None:
        del number
        write_record(folder / RESULT, Result(state="stopped"))

    with Interrupts(GRACE, farewell=farewell):
        result = _result(folder)
    write_record(folder / RESULT, result)
    return 0 if result.state == "done" else 1


def _result(folder: Path) -> Result:
    try:
        given = read_json(folder / JOB)
        job = parse_job(str(given["kind"]), given["parameters"])
        return Result(state="done", value=do(job, folder))
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return Result(state="failed", error=str(error))
    except Exception as error:
        traceback.print_exc()
        reason = shorten(f"{type(error).__name__}: {error}".rstrip(": "))
        return Result(state="failed", error=f"unexpected error ({reason}); the log has the traceback")


if __name__ == "__main__":
    sys.exit(main())
