"""Command: studio."""

from typing import Annotated

import typer

from sentiprism.errors import UserError
from sentiprism.extras import install_extra


def studio(
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, metavar="N", help="Listen there; by default 8720, or any free one.")
    ] = None,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Only print the link.")] = False,
    database: Annotated[
        str | None, typer.Option(metavar="URL", help="PostgreSQL for a team; by default a file in the data folder.")
    ] = None,
) -> None:
    """Open the studio: add recordings, analyze, train and compare in a browser on this machine.

    It listens at 127.0.0.1 alone, and its link opens it once. Runs and reports are those of the folder that you are in,
    as on the command line. Jobs continue when you close the page or stop the studio.

    Examples:
        sentiprism studio

        sentiprism studio --port 9000 --no-browser

        sentiprism studio --database postgresql://me@localhost/studio
    """
    try:
        from sentiprism.studio.server import serve
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("sentiprism"):
            raise
        raise UserError(f"{error.name} is not installed", install_extra("studio")) from None
    serve(port=port, database=database, browser=not no_browser, say=_say)


def _say(link: str) -> None:
    typer.echo(f"The studio is open: {link}\n(the link works once; stop with Ctrl-C, jobs continue)")
