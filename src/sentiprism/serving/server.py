"""Start the server: check the model and the keys, bind, serve, drain."""

import ipaddress
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sentiprism import __version__
from sentiprism.errors import UserError
from sentiprism.extras import install_extra
from sentiprism.files import temporary_folder
from sentiprism.interrupts import longer_grace
from sentiprism.machine import RECORDING, check_jobs
from sentiprism.media.whisper_models import check_whisper
from sentiprism.models.hub import pin_model
from sentiprism.serving.app import create_app
from sentiprism.serving.batcher import Batcher
from sentiprism.serving.jobs import Jobs
from sentiprism.serving.keys import Keys, add_key, read_keys
from sentiprism.serving.service import Service, make_card
from sentiprism.serving.stream_messages import MOST_BYTES
from sentiprism.serving.streams import Streams
from sentiprism.serving.workers import LIMITS, Settings, Worker
from sentiprism.web.server import listen, make_server, start_server

PORT = 8730
"""Where it listens by default."""
CONNECTIONS = 1000
"""Connections at a time."""
FOLDER = "sentiprism-serve"
"""Name of the temporary folder; those of killed servers are removed at the next start."""
UNKEYED = "no keys: only programs on this machine can use it"


@dataclass(frozen=True)
class ServeOptions:
    """Settings of a server.

    Args:
        model: folder of a saved model, or ``starter``.
        host: address to listen at.
        port: to listen at; 0 = any free one.
        keys: file of keys; without one, only this machine can use the server.
        asr: Whisper model by name or folder; ``none`` = no recognition.
        jobs: recordings that are analysed at a time, each in a process with the model.
        drain: seconds that requests in progress may take when the server ends.
        streams: most streams at a time; each has a process with the model.
    """

    model: str = "starter"
    host: str = "127.0.0.1"
    port: int = PORT
    keys: Path | None = None
    asr: str = "base"
    jobs: int = 1
    drain: float = 20.0
    streams: int = 2


def serve(options: ServeOptions, say: Callable[[str], object] = print) -> None:
    """Serve a model until this process is interrupted; requests in progress are then finished.

    Args:
        options: settings.
        say: told where it listens.

    Raises:
        UserError: the model or the keys cannot be used, the address is taken, or it is not loopback without keys.
    """
    if sys.platform == "win32":
        raise UserError("the server's workers need Linux or macOS", "use WSL")
    loopback = is_loopback(options.host)
    if options.keys is None and not loopback:
        cause = f"without keys, the server does not listen at {options.host}"
        raise UserError(cause, "add keys: sentiprism serve --keys keys.yaml --add-key LABEL")
    keys = None if options.keys is None else Keys(read_keys(options.keys).keys)
    model = pin_model(options.model)
    card, features = make_card(model, __version__)
    check_jobs(options.jobs + 1, RECORDING)
    if card.recordings and options.asr != "none":
        check_whisper(options.asr)
    with temporary_folder(FOLDER) as folder, closing(listen(options.host, (options.port,))) as socket:
        port = socket.getsockname()[1]
        predictor = Worker(Settings("predict", model, folder / "predict", LIMITS))
        analysts, listeners = (
            [
                Worker(Settings(kind, model, folder / f"{kind}-{number}", LIMITS))
                for number in range(count if card.recordings else 0)
            ]
            for kind, count in (("analyze", options.jobs), ("stream", options.streams))
        )
        service = Service(
            card=card,
            features=features,
            batcher=Batcher(predictor),
            jobs=Jobs(analysts, folder / "jobs"),
            streams=Streams(listeners, options.asr),
            asr=options.asr,
        )
        shown = f"[{options.host}]" if ":" in options.host else options.host
        app = create_app(service, hosts=local_hosts(port, shown) if keys is None else None, keys=keys)
        message = MOST_BYTES if find_spec("websockets") else 0
        server = make_server(app, options.drain, CONNECTIONS, message=message)
        ended = start_server(server, socket)
        say(f"{card.name} is served at http://{shown}:{port}" + ("" if keys else f" ({UNKEYED})"))
        if not message:
            say(f"/v1/stream is not available: websockets is not installed ({install_extra('serve')})")
        with longer_grace(options.drain + 5):
            try:
                while not ended.wait(0.5):
                    pass
            finally:
                service.closing = True
                service.streams.finish_from_thread(options.drain / 2)
                server.should_exit = True
                ended.wait(options.drain + 4)


def add_key_to(path: Path | None, label: str) -> str:
    """Add a new key to a file; returns it with what to do with it.

    Raises:
        UserError: no file is given, or it cannot be used.
    """
    if path is None:
        raise UserError("a key is added to a file", "give `keys`")
    return f"{add_key(path, label)}\n(key of {label}; it is shown once, {path} has its hash and its limits)"


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def local_hosts(port: int, host: str = "127.0.0.1") -> frozenset[str]:
    """Values of the header ``Host`` that name this machine; ``host`` is where it listens."""
    return frozenset(f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]", host))
