"""A worker's process: ``python -m sentiprism.serving.worker SOCKET``; it loads the model once and works until it ends.

Each message is a task with one response; messages of progress may precede that. Its folder, ``SENTIPRISM_HOME``, is
its own, and what libraries cache there is removed after each task.
"""

import os
import shutil
import socket
import sys
import traceback
from collections.abc import Callable
from functools import partial
from threading import Lock
from typing import Any

from sentiprism.errors import UserError, os_fault
from sentiprism.files import home
from sentiprism.sandbox.confine import confine
from sentiprism.screen import clean_streams
from sentiprism.serving.messages import receive, send

Progress = Callable[[str, float], None]
Work = Callable[[dict[str, Any], Progress], Any]


def main() -> None:
    """Load the model, then work on tasks until the server closes the socket."""
    clean_streams()  # libraries print warnings with text from files
    connection = socket.socket(fileno=int(sys.argv[1]))
    try:
        settings = receive(connection)
        confine(settings["limits"])
        work = _attempt(connection, lambda: _prepare(settings))
        while work is not None:
            task = receive(connection)
            _attempt(connection, partial(_do, work, task, _teller(connection)))
    except (EOFError, OSError):
        pass
    os._exit(0)  # libraries' threads must not keep it alive


def _prepare(settings: dict[str, Any]) -> Work:
    """Load what a kind of worker needs."""
    kind, model = settings["kind"], settings["model"]
    if kind == "predict":
        from sentiprism.analysis.predictor import Predictor
        from sentiprism.serving.predictions import predict_items
        from sentiprism.serving.samples import Item

        predictor = Predictor(model, "auto", recordings=False)
        return lambda task, _: predict_items(predictor, [Item(*item) for item in task["items"]])
    from sentiprism.analysis.predictor import load_predictor

    if kind == "stream":
        from sentiprism.serving.stream_work import StreamWork

        return StreamWork(load_predictor(model), model)
    from sentiprism.serving.analyses import analyze_upload

    load_predictor(model)  # it stays loaded
    return lambda task, on: analyze_upload(task, model, on)


def _do(work: Work, task: dict[str, Any], tell: Progress) -> Any:
    """Do a task; nothing of it stays on the disk."""
    try:
        return work(task, tell)
    finally:
        shutil.rmtree(home("cache"), ignore_errors=True)


def _teller(connection: socket.socket) -> Progress:
    """Report progress in whole percents."""
    told: dict[str, int] = {}
    lock = Lock()  # faces and speech are processed in two threads

    def tell(part: str, share: float) -> None:
        percent = int(100 * share)
        with lock:
            if told.get(part) != percent:
                told[part] = percent
                send(connection, {"progress": {part: percent / 100}})

    return tell


def _attempt(connection: socket.socket, work: Callable[[], Any]) -> Any:
    """Do something and send its result, or its error; returns the result, None after an error."""
    try:
        result = work()
    except UserError as error:
        send(connection, {"error": [error.cause, error.remedy]})
    except OSError as error:
        send(connection, {"fault": str(os_fault(error))})
    except Exception as error:
        traceback.print_exc()
        send(connection, {"fault": f"an unexpected error occurred ({type(error).__name__})"})
    else:
        send(connection, {"result": None if callable(result) else result})
        return result
    return None


if __name__ == "__main__":
    main()
