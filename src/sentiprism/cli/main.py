"""Run the command line, and say what ends it in one line."""

import os
import sys

from sentiprism.cli.resume import how_to_resume
from sentiprism.environment import offline
from sentiprism.errors import printable
from sentiprism.interrupts import Interrupts
from sentiprism.terminal import say_last

STOPPED = 130
"""Of a program that Ctrl-C ended."""


def main() -> int:
    """Run the command line; whatever fails is one line on stderr, see `faults.fail`.

    SIGINT, SIGTERM and SIGHUP end it within seconds, with one line that says how to resume, and the status 130, 143
    or 129.

    Returns:
        The exit status.
    """
    with Interrupts(farewell=_say_stopped) as interrupts:
        status = _run(interrupts)
    if status == STOPPED:  # by a library that swallowed the signal
        _say_stopped(STOPPED - 128)
    return status


def _run(interrupts: Interrupts) -> int:
    import typer

    from sentiprism.cli.app import app
    from sentiprism.cli.faults import fail
    from sentiprism.screen import clean_streams

    clean_streams()
    try:
        offline()  # refuses a value that is neither yes nor no, whatever the command
        status = int(app(prog_name="sentiprism", standalone_mode=False) or 0)
        if sys.stdout is not None:  # as it is where it was closed
            sys.stdout.flush()  # what cannot be written is known now, not at exit
    except (KeyboardInterrupt, typer.Abort):
        return STOPPED
    except Exception as error:
        if interrupts.number is not None:  # it failed because it was ended
            raise
        return fail(error)
    return status


def _say_stopped(number: int) -> None:
    del number
    if os.environ.get("RANK", "0") == "0":
        say_last(printable(f"stopped; {how_to_resume(sys.argv[1:])}"))
