"""Choose an executor by name."""

from sentiprism.errors import UserError, suggest
from sentiprism.executors.base import THIS_PROCESS, Executor
from sentiprism.executors.processes import LocalProcesses
from sentiprism.executors.ray_cluster import RayCluster

EXECUTORS = ("local", "ray")


def choose_executor(name: str = "local", jobs: int | None = None, address: str | None = None) -> Executor:
    """Make an executor.

    Args:
        name: ``local`` = this process, or several processes of this machine; ``ray`` = a Ray cluster.
        jobs: number of processes; None = 1 for ``local``, one per processor for ``ray``.
        address: HOST:PORT of a running Ray cluster; None = a new one of this machine alone.

    Raises:
        UserError: the name is unknown, or an address is given for another executor.
    """
    if name == "ray":
        return RayCluster(jobs, address)
    if name != "local":
        raise UserError(f"no executor is called {name!r}", suggest(name, EXECUTORS))
    if address is not None:
        raise UserError("an `address` is given without a Ray cluster", "choose the `executor` ray, or leave it out")
    return THIS_PROCESS if jobs is None or jobs == 1 else LocalProcesses(jobs)
