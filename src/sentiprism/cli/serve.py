"""Command: serve."""

from pathlib import Path
from typing import Annotated

import typer

from sentiprism.cli.options import Recogniser, SavedModel, option
from sentiprism.errors import UserError
from sentiprism.extras import install_extra


def serve(
    model: SavedModel = "starter",
    host: Annotated[str, option("ADDRESS", "Address to listen at; others than this machine's need --keys.")] = (
        "127.0.0.1"
    ),
    port: Annotated[int, typer.Option(min=1, max=65535, metavar="N", help="Port to listen at.")] = 8730,
    keys: Annotated[Path | None, option("FILE", "Keys of clients, with their limits (YAML).")] = None,
    add_key: Annotated[str | None, option("LABEL", "Only add a new key to the file, and print it.")] = None,
    asr: Recogniser = "base",
    jobs: Annotated[int, typer.Option(min=1, metavar="N", help="Recordings to analyse in parallel.")] = 1,
    streams: Annotated[
        int, typer.Option(min=1, max=64, metavar="N", help="Live streams at a time; each has a process.")
    ] = 2,
    drain: Annotated[
        float, typer.Option(min=0, max=600, metavar="S", help="Seconds for requests in progress when it ends.")
    ] = 20.0,
) -> None:
    """Serve a model over HTTP: analyses of recordings, and predictions of features and texts, for other programs.

    The interface is described at /openapi.json. Without --keys, only programs on this machine can use it.

    Examples:
        sentiprism serve --model starter

        sentiprism serve --model runs/mine/seed-1111/model --port 9000

        sentiprism serve --keys keys.yaml --add-key alice

        sentiprism serve --keys keys.yaml --host 0.0.0.0
    """
    try:
        from sentiprism.serving.server import ServeOptions, add_key_to, serve
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("sentiprism"):
            raise
        raise UserError(f"{error.name} is not installed", install_extra("serve")) from None
    if add_key is not None:
        typer.echo(add_key_to(keys, add_key))
        return
    chosen = ServeOptions(
        model=model, host=host, port=port, keys=keys, asr=asr, jobs=jobs, streams=streams, drain=drain
    )
    serve(chosen, typer.echo)
