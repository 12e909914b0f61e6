"""Run the command line; errors and interruptions are printed in one line."""

import os
import sys

from sentiprism.cli.resume import how_to_resume
from sentiprism.environment import offline
from sentiprism.errors import printable
from sentiprism.interrupts import Interrupts
from sentiprism.terminal import say_last

STOPPED = 130
"""Exit status after Ctrl-C."""


def main() -> int:
    """Run the command line; any error is one line on stderr, see `faults.fail`.

    SIGINT, SIGTERM and SIGHUP end it within seconds, with one line that says how to resume, and the status 130, 143
    or 129.

    Returns:
        The exit status.
    """
    with Interrupts(farewell=_say_stopped) as interrupts:
        status = _run(interrupts)
    if status == STOPPED:  # a library has swallowed the signal
        _say_stopped(STOPPED - 128)
    return status


def _run(interrupts: Interrupts) -> int:
    import typer

    from sentiprism.cli.app import app
    from sentiprism.cli.faults import fail
    from sentiprism.screen import clean_streams

    clean_streams()
    try:
        offline()  # refuses an invalid value for any command
        status = int(app(prog_name="sentiprism", standalone_mode=False) or 0)
        if sys.stdout is not None:  # None if closed
            sys.stdout.flush()  # raise errors of writing now, not at exit
    except (KeyboardInterrupt, typer.Abort):
        return STOPPED
    except Exception as error:
        if interrupts.number is not None:  # it failed because of the signal
            raise
        return fail(error)
    return status


def _say_stopped(number: int) -> None:
    del number
    if os.environ.get("RANK", "0") == "0":
        say_last(printable(f"stopped; {how_to_resume(sys.argv[1:])}"))
