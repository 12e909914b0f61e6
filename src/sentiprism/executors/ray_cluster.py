"""Executor that works on a Ray cluster: one of this machine, or one that the user has started.

Ray's actors are used, not Ray Data: a recording's state is its folder of results, written atomically, which every
executor resumes from. Ray Data would add a second record of what is finished, in a format of its own.
"""

import os
import re
import secrets
import signal
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from time import monotonic
from typing import Any, ClassVar, TypeVar

from sentiprism import __version__
from sentiprism.errors import UserError, shorten
from sentiprism.executors.base import run_one, unexpected
from sentiprism.executors.dispatch import Ended, Ready, dispatch
from sentiprism.executors.ray_worker import RayWorker, Setting
from sentiprism.extras import install_extra
from sentiprism.files import temporary_folder
from sentiprism.machine import JOB, check_jobs
from sentiprism.machine import memory as available
from sentiprism.plugin_modules import loaded_files
from sentiprism.sandbox.launch import terminal_signals_blocked

T = TypeVar("T")
R = TypeVar("R")
LOOPBACK = "127.0.0.1"
LOCAL = {"RAY_AUTH_MODE": "token", "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0", "RAY_worker_niceness": "0"}
"""Variables of a cluster of this machine. With the second, Ray does not replace the loopback address by the machine's,
and nothing listens on other interfaces. With the third, workers have the priority of other processes; by default 15."""
DEAD_END = {"http_proxy": "http://127.0.0.1:9", "no_proxy": "127.0.0.1,localhost"}
"""Variables while a cluster starts: its head would ask a cloud's metadata service in which cloud it is."""
SHORT = Path("/tmp")  # noqa: S108 - Ray's sockets are below it, and their paths have at most 107 bytes
PASSED = ("SENTIPRISM_ASSET", "SENTIPRISM_HOME", "SENTIPRISM_OFFLINE")
"""Beginnings of the names of variables that workers get; others of this program may hold passwords."""
STORE = 80_000_000
"""Bytes of a local cluster's object store; Ray accepts no less. Results are small."""
PATIENCE = 300.0
"""Seconds to wait for the first worker, if none works."""
CHECK = 5.0
"""Seconds between looks at the size of the cluster."""
FAILURES = 3
"""Number of workers that end in succession before one is ready, after which no other one is started."""


@dataclass(frozen=True)
class RayCluster:
    """Executor that works in actors of a Ray cluster, one processor each.

    A machine that fails costs each of its items one of two attempts. The machines need the same version of this
    program, and shared folders with the same paths.

    Args:
        jobs: most items at a time; None = one per processor of the cluster.
        address: HOST:PORT of a running cluster that this machine belongs to; None = a new one, of this machine alone,
            on the loopback interface, which ends with this process.
    """

    jobs: int | None = None
    address: str | None = None
    in_process: ClassVar[bool] = False

    def check(self, memory: int = JOB) -> None:
        """See `Executor.check`."""
        if find_spec("ray") is None:
            raise UserError("Ray is not installed", install_extra("cluster"))
        if self.address is None:
            check_jobs(self.jobs or 1, memory)
        elif not re.fullmatch(r"[\w.-]+:\d{1,5}", self.address):
            raise UserError(f"{self.address!r} is not the address of a Ray cluster", "give `address` as HOST:PORT")

    def run(
        self, work: Callable[[T], R], items: Sequence[T], memory: int = JOB
    ) -> Generator[tuple[T, R | UserError], None, None]:
        """See `Executor.run`.

        Raises:
            UserError: no connection to the cluster, or no worker starts.
        """
        if not items:
            return
        with _connected(self.address, self.jobs, memory):
            yield from dispatch(_Actors(partial(run_one, work), self.jobs, memory), items)


@contextmanager
def _connected(address: str | None, jobs: int | None, memory: int) -> Iterator[None]:
    """Context with a connection to a cluster; a new one is ended at its exit."""
    os.environ.setdefault("RAY_AUTH_MODE", "token")  # before the import: Ray reads it once
    if address is None:
        os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))  # its processes inherit it
        os.environ.update(LOCAL)
    import ray

    if ray.is_initialized():
        raise UserError("this process is connected to a Ray cluster already", "call ray.shutdown() first")
    more: dict[str, Any] = {"address": address}
    with ExitStack() as stack:
        if address is None:
            fitting = jobs or max(1, min(os.cpu_count() or 1, available() // memory))
            more = {
                "address": "local",  # whatever RAY_ADDRESS says
                "num_cpus": fitting,
                "include_dashboard": False,
                "object_store_memory": STORE,
                "_memory": fitting * memory,
                "_node_ip_address": LOOPBACK,
                "_temp_dir": str(stack.enter_context(temporary_folder("ray", SHORT if SHORT.is_dir() else None))),
            }
        handler = signal.getsignal(signal.SIGTERM)
        try:
            with terminal_signals_blocked(), _variables({} if address else DEAD_END):
                ray.init(log_to_driver=False, logging_level="error", **more)
        except Exception as error:
            cause = shorten(" ".join(str(error).split()), 200)
            remedy = "check that it runs and has the same token" if address else "check the free memory"
            raise UserError(
                f"no connection to the Ray cluster {address or 'of this machine'}: {cause}", remedy
            ) from None
        finally:
            with suppress(ValueError):  # not in the main thread
                signal.signal(signal.SIGTERM, handler)  # Ray replaces it
        if address is None and ray.util.get_node_ip_address() != LOOPBACK:
            ray.shutdown()
            cause = "Ray was imported before with other settings, and would listen on all interfaces"
            raise UserError(cause, "use a new process, without importing ray")
        messages = ray._private.worker
        printing, messages.print_to_stdstream = messages.print_to_stdstream, lambda *_, **__: None
        try:
            yield
        finally:
            ray.shutdown()
            messages.print_to_stdstream = printing


@contextmanager
def _variables(values: Mapping[str, str]) -> Iterator[None]:
    """Context with other environment variables."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


class _Actors:
    """Pool of actors."""

    def __init__(self, attempt: Callable[[Any], Any], jobs: int | None, memory: int) -> None:
        import ray

        self._ray = ray
        self._kind = ray.remote(num_cpus=1, memory=memory, max_restarts=0, max_task_retries=0)(RayWorker)
        own = {name: value for name, value in os.environ.items() if name.startswith(PASSED)}
        own |= {name: os.environ.get(name, "") for name in DEAD_END}
        modules = [place for place in sys.path if os.path.isabs(place)]
        self._setting = Setting(__version__, os.getcwd(), own, modules, loaded_files(), ray.cloudpickle.dumps(attempt))
        self._jobs = jobs
        self._waiting: dict[Any, Any] = {}
        """Actor by the reference of the result that it will have."""
        self._starting: set[Any] = set()
        self._failures = 0
        self._size, self._looked = 1, -CHECK
        self._since = monotonic()

    @property
    def size(self) -> int:
        if monotonic() - self._looked > CHECK:
            cpus = int(self._ray.cluster_resources().get("CPU", 1))
            self._size, self._looked = max(1, min(cpus, self._jobs or cpus)), monotonic()
        return self._size

    def start(self) -> None:
        actor = self._kind.remote(self._setting)
        reference = actor.fault.remote()
        self._waiting[reference] = actor
        self._starting.add(reference)
        self._since = monotonic()

    def send(self, worker: Any, item: Any) -> None:
        self._waiting[worker.run.remote(item)] = worker

    def wait(self) -> list[tuple[Any, Any]]:
        done, _ = self._ray.wait(list(self._waiting), num_returns=1, timeout=CHECK)
        if not done and self._starting == self._waiting.keys() and monotonic() - self._since > PATIENCE:
            cause = f"no worker of the Ray cluster started within {PATIENCE:g} s"
            raise UserError(cause, "look for free processors and memory: ray status")
        return [(self._waiting.pop(reference), self._message(reference)) for reference in done]

    def _message(self, reference: Any) -> Any:
        new = reference in self._starting
        self._starting.discard(reference)
        try:
            result = self._ray.get(reference)
        except self._ray.exceptions.RayError as error:
            if isinstance(error, self._ray.exceptions.RayTaskError) and not new:
                return unexpected(error.cause or error)  # a result that cannot be pickled
            self._failures += new
            if self._failures == FAILURES:
                how = str(error).strip().splitlines()[-1]
                cause = f"no worker starts on the Ray cluster: {shorten(how, 200)}"
                raise UserError(cause, "install the same version on each of its machines") from None
            return Ended(type(error).__name__)
        if not new:
            return result
        if result is not None:
            raise result
        self._failures = 0
        return Ready.READY

    def close(self) -> None:
        for actor in self._waiting.values():
            with suppress(self._ray.exceptions.RayError):
                self._ray.kill(actor)
