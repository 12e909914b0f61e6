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
    """Lower the resource limits of this process permanently; lower existing limits are kept.

    On a system without such limits, nothing happens; the parent warns, see `warn_unconfined`.

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
    """Log one warning if children that read untrusted files cannot be limited."""
    if resource is None:
        logging.getLogger("sentiprism").warning(
            "warning: this system cannot limit a process's memory and time: open only files that you trust"
        )
