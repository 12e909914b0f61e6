"""The command line. One file per group of verbs; nothing heavy is imported before a verb runs."""

import errno
import os
import sys
from typing import Annotated

import typer

from sentiprism import __version__
from sentiprism.cli import dataset, evidence, experiment, figure, run
from sentiprism.cli.analyze import analyze
from sentiprism.cli.bench import bench
from sentiprism.cli.demo import demo
from sentiprism.cli.doctor import doctor
from sentiprism.cli.explain import explain
from sentiprism.cli.extract import extract
from sentiprism.cli.tables import plain_streams
from sentiprism.cli.tune import tune
from sentiprism.errors import UserError

app = typer.Typer(
    name="sentiprism",
    help="Multimodal sentiment analysis: from a dataset file to an honest number.",
    epilog="First steps: sentiprism demo · sentiprism dataset add --help · sentiprism train --help",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
)
app.add_typer(dataset.app, name="dataset")
app.add_typer(figure.app, name="figure")
for verb in (
    analyze,
    extract,
    run.models,
    run.train,
    run.evaluate,
    evidence.compare,
    evidence.robustness,
    evidence.calibrate,
    experiment.reproduce,
    experiment.ablate,
    experiment.results,
    explain,
    tune,
    bench,
    doctor,
    demo,
):
    app.command()(verb)

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
REFUSED = (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG)
STOPPED = 130
AGAIN = "the same command resumes"
RESUMED = {
    "train": "resume it with: sentiprism train --resume RUN",
    "analyze": "the same command analyses the rest; finished reports are kept",
    "extract": "the same command resumes; what was extracted is kept",
    "reproduce": AGAIN,
    "ablate": AGAIN,
    "tune": AGAIN,
}
"""By command, what to do after it was stopped; of the others nothing is kept."""

UsageError: type[Exception] = typer.BadParameter.__bases__[0]  # click's, of which recent typers carry a copy


def _version(show: bool) -> None:
    if show:
        typer.echo(f"sentiprism {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


def main() -> int:
    """Run the command line; what the user can mend is one line on stderr and exit status 2.

    Returns:
        The exit status.
    """
    plain_streams()
    try:
        status = app(prog_name="sentiprism", standalone_mode=False) or 0
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
        status = STOPPED
    if status == STOPPED:
        command = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
        typer.echo(f"stopped; {RESUMED.get(command, 'run the same command again')}", err=True)
    return int(status)


def _explain(error: Exception) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":  # the help is printed already
        return 2
    context = getattr(error, "ctx", None)
    message: str = error.format_message()  # type: ignore[attr-defined] # every usage error has it
    end = " See" if message.endswith("?") else "; see"
    return _fail(f"{message.rstrip('.')}{end}: {context.command_path if context else 'sentiprism'} --help")


def _fail(message: str) -> int:
    typer.echo("error: " + " ".join(message.split()), err=True)
    return 2
