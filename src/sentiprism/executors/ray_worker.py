"""Worker of a Ray cluster: a process that works on one item at a time."""

import os
import pickle
import socket
import sys
from typing import Any, NamedTuple

from sentiprism import __version__
from sentiprism.errors import UserError
from sentiprism.plugin_modules import import_files
from sentiprism.screen import clean_streams


class Setting(NamedTuple):
    """Where a worker works."""

    version: str
    """Of the program that starts it."""
    folder: str
    """Current folder, to which paths of items are relative."""
    environment: dict[str, str]
    """Variables of this program."""
    modules: list[str]
    """Search path of modules."""
    plugins: list[str]
    """Files of plugins."""
    work: bytes
    """The pickled function, whose classes may be those of plugins."""


class RayWorker:
    """Actor class; a model that the function keeps in memory is loaded once.

    Args:
        setting: where it works.
    """

    def __init__(self, setting: Setting) -> None:
        clean_streams()
        self._fault: UserError | None = None
        try:
            self._prepare(setting)
        except UserError as error:
            self._fault = error

    def _prepare(self, setting: Setting) -> None:
        if setting.version != __version__:
            cause = f"{socket.gethostname()} has version {__version__} of this program, not {setting.version}"
            raise UserError(cause, "install the same version on each machine of the cluster")
        try:
            os.chdir(setting.folder)
        except OSError:
            cause = f"{socket.gethostname()} does not have the folder {setting.folder}"
            raise UserError(cause, "begin in a folder that all machines of the cluster share") from None
        os.environ.update(setting.environment)
        sys.path += [place for place in setting.modules if place not in sys.path]
        import_files(setting.plugins)
        self._work = pickle.loads(setting.work)  # noqa: S301 - written by the process that started this one

    def fault(self) -> UserError | None:
        """Why it cannot work; None if it is ready."""
        return self._fault

    def run(self, item: Any) -> Any:
        """Process an item."""
        return self._work(item)
