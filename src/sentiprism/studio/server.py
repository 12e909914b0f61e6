"""Start the studio: bind, migrate, run the queue, serve, open the browser."""

import gc
import json
import os
import platform
import sys
import threading
import webbrowser
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from time import sleep

from sentiprism.errors import UserError
from sentiprism.files import home, write_text
from sentiprism.interrupts import longer_grace
from sentiprism.reading import read_json
from sentiprism.serving.stream_messages import MOST_BYTES
from sentiprism.studio.app import create_app
from sentiprism.studio.folders import Folders
from sentiprism.studio.health import Health
from sentiprism.studio.jobs.process import Identity, identify, is_alive
from sentiprism.studio.jobs.runner import Runner
from sentiprism.studio.recordings import Recordings
from sentiprism.studio.store.database import Database
from sentiprism.studio.training_form import list_model_choices
from sentiprism.studio.web.state import Studio
from sentiprism.studio.web.tokens import Tokens
from sentiprism.web.server import listen, make_server, start_server

HOST = "127.0.0.1"
PORT = 8720
"""Where it listens if nobody says otherwise and nobody else does; else at any free port."""
SERVER = "server.json"
"""Who serves this data folder, and where."""
CLOSING = 3.0
"""Seconds that open connections may take when it ends."""
SETTLED = 1.0
"""Seconds after which modules are imported that the first page does not need."""


def serve(
    *, port: int | None = None, database: str | None = None, browser: bool = True, say: Callable[[str], object] = print
) -> None:
    """Serve the studio until this process is interrupted; where one serves this data folder already, open that.

    Args:
        port: to listen at.
        database: URL; by default a file in the data folder.
        browser: open it.
        say: is told the link.

    Raises:
        UserError: the port is taken, or the database cannot be used.
    """
    if sys.platform == "win32":
        raise UserError("the studio's jobs need Linux or macOS", "use WSL")
    folder = home("studio")
    store = Database(folder, database)
    running = _running(folder)
    if running is not None and port in {None, running}:
        _open(Tokens(store, _scope(running)), running, browser=browser, say=say)
        return
    listening = listen(HOST, (PORT, 0) if port is None else (port,))
    port = listening.getsockname()[1]
    tokens = Tokens(store, _scope(port))
    studio = Studio(
        database=store,
        runner=Runner(store, folder / "jobs"),
        recordings=Recordings(store, folder),
        folders=Folders(Path.cwd()),
        health=Health(),
        tokens=tokens,
        cookie=f"sentiprism_studio_{port}",
    )
    message = MOST_BYTES if find_spec("websockets") else 0
    server = make_server(create_app(studio, port), CLOSING, message=message)
    own = identify(os.getpid())
    if own is not None:
        write_text(folder / SERVER, json.dumps({"process": own.model_dump(), "port": port}))
    studio.runner.start()
    ended = start_server(server, listening)
    _open(tokens, port, browser=browser, say=say)
    studio.health.ask()
    threading.Thread(target=_warm_up, name="warm-up", daemon=True).start()
    with longer_grace(CLOSING + 5):
        try:
            while not ended.wait(0.5):
                pass
        finally:
            studio.closing = True
            server.should_exit = True
            studio.runner.close()
            ended.wait(CLOSING + 4)
            (folder / SERVER).unlink(missing_ok=True)


def _scope(port: int) -> str:
    return f"{platform.node()} {port}"


def _running(folder: Path) -> int | None:
    """Port of the studio that serves this data folder; None where none does."""
    try:
        found = read_json(folder / SERVER)
        process, port = Identity.parse(found["process"]), int(found["port"])
    except (UserError, KeyError, TypeError, ValueError):
        return None
    return port if is_alive(process) else None


def _open(tokens: Tokens, port: int, *, browser: bool, say: Callable[[str], object]) -> None:
    link = f"http://{HOST}:{port}/open?token={tokens.make_link()}"
    say(link)
    if browser:
        threading.Thread(target=webbrowser.open, args=(link,), daemon=True).start()


def _warm_up() -> None:
    """Import what the first form of a training and the first list of utterances need."""
    sleep(SETTLED)
    list_model_choices()
    import_module("pyarrow.compute")
    gc.collect()
    gc.freeze()  # what is imported by now stays: without it, each full collection stops the pages for 0.2 s
