"""The command line. One file per group of commands; nothing heavy is imported before a command runs."""

import errno
import os
import sys

from sentiprism.cli.resume import how_to_resume
from sentiprism.errors import UserError
from sentiprism.interrupts import Interrupts
from sentiprism.terminal import say_last

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)
STOPPED = 130
"""Of a program that Ctrl-C ended."""


def main() -> int:
    """Run the command line; what the user can fix is one line on stderr and exit status 2.

    SIGINT, SIGTERM and SIGHUP end it within seconds, with one line that says how to resume, and the status 130, 143
    or 129.

    Returns:
        The exit status.
    """
    with Interrupts(farewell=_say_stopped) as interrupts:
        try:
            status = _run()
        except BaseException:
            if interrupts.number is None:
                raise
        if interrupts.number is not None:
            interrupts.end()
    if status == STOPPED:  # by a library that swallowed the signal
        _say_stopped(STOPPED - 128)
    return status


def _run() -> int:
    import typer

    from sentiprism.cli.app import UsageError, app
    from sentiprism.cli.tables import plain_streams

    plain_streams()
    try:
        status = int(app(prog_name="sentiprism", standalone_mode=False) or 0)
    except UserError as error:
        return _fail(str(error))
    except UsageError as error:
        return _explain(error)
    except OSError as error:
        if error.errno not in (*FULL, *REFUSED):
            raise
        remedy = "make room there" if error.errno in FULL else "choose another place"
        return _fail(f"{os.strerror(error.errno)}: {error.filename or 'while writing a file'}; {remedy}")
    except (KeyboardInterrupt, typer.Abort):
        return STOPPED
    return status


def _say_stopped(number: int) -> None:
    del number
    if os.environ.get("RANK", "0") == "0":
        say_last(f"stopped; {how_to_resume(sys.argv[1:])}")


def _explain(error: Exception) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":  # the help is printed already
        return 2
    context = getattr(error, "ctx", None)
    message: str = error.format_message()  # type: ignore[attr-defined] # every usage error has it
    end = " See" if message.endswith("?") else "; see"
    return _fail(f"{message.rstrip('.')}{end}: {context.command_path if context else 'sentiprism'} --help")


def _fail(message: str) -> int:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    return 2
