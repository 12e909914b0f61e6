"""The command line. One file per group of verbs; nothing heavy is imported before a verb runs."""

import errno
import sys
from typing import Annotated

import typer

from sentiprism import __version__
from sentiprism.cli import dataset, run
from sentiprism.cli.doctor import doctor
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
for verb in (run.models, run.train, run.evaluate, run.compare, doctor, run.demo):
    app.command()(verb)


def _version(show: bool) -> None:
    if show:
        typer.echo(f"sentiprism {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    pass


def main() -> None:
    """Run the command line; what the user can mend is one line and exit status 2."""
    try:
        app()
    except UserError as error:
        _fail(str(error))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EROFS):
            raise
        _fail(f"{error.strerror}: {error.filename or 'while writing'}; make room or choose another folder")
    except KeyboardInterrupt:
        typer.echo("stopped; a run goes on with: sentiprism train --resume RUN", err=True)
        sys.exit(130)


def _fail(message: str) -> None:
    typer.echo("error: " + " ".join(message.split()), err=True)
    sys.exit(2)
