"""Limit the memory, files and time of this process."""

import logging
from collections.abc import Mapping
from functools import cache

__all__ = ["confine", "resource", "warn_unconfined"]

try:
    import resource
except ImportError:  # not on Windows
    resource = None  # type: ignore[assignment]


def confine(limits: Mapping[str, int]) -> None:
    """Lower limits of this process for good; where the system or our parent has a lower one, that is kept.

    Where the system knows no such limits nothing happens; the parent says so, see `warn_unconfined`.

    Args:
        limits: by name, as in ``resource.RLIMIT_*``: AS, CPU, FSIZE, NOFILE, ...
    """
    if resource is None:
        return
    for name, value in limits.items():
        limit = getattr(resource, f"RLIMIT_{name}")
        least = min([value, *(one for one in resource.getrlimit(limit) if one != resource.RLIM_INFINITY)])
        resource.setrlimit(limit, (least, least))


@cache
def warn_unconfined() -> None:
    """Log one warning where a child that reads untrusted files has no limits."""
    if resource is None:
        logging.getLogger("sentiprism").warning(
            "warning: this system does not limit a process's memory and time: open only files that you trust"
        )
