"""Measure memory, and describe the machine."""

import json
import math
import os
import platform
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from sentiprism.errors import UserError
from sentiprism.sandbox.confine import resource
from sentiprism.sandbox.launch import run
from sentiprism.tables import size

MB = 1e6
JOB = 300_000_000
"""Bytes of a process that has imported torch."""
RECORDING = 1_000_000_000
"""Bytes of a process that looks at the pictures of a recording or recognises its speech, with the models for it."""
CGROUPS = Path("sys/fs/cgroup")
"""Where Linux has control groups: of version 2 there, or the memory's of version 1 in a folder of that name."""


def peak_memory(*, children: bool = False) -> float:
    """Peak resident memory in MB of this process, or of the largest of its children that have ended.

    On Linux the kernel's count of this process's own memory is read: getrusage's begins, after a fork, with the
    parent's. NaN where the system tells neither.
    """
    status = Path("/proc/self/status")
    if not children and status.is_file():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024 / MB
    if resource is None:
        return math.nan
    usage = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF)
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / MB


def memory() -> int:
    """Bytes of memory that this process may use: the machine's, or what its control group or own limit leaves."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")] if hasattr(os, "sysconf") else []
    found += cgroup_limits()
    if resource is not None:
        found += [limit for limit in resource.getrlimit(resource.RLIMIT_AS) if limit != resource.RLIM_INFINITY]
    return min(found, default=sys.maxsize)


def cgroup_limits(root: Path = Path("/")) -> list[int]:
    """Memory limits in bytes of this process' control group and of those above it; each of them holds.

    Args:
        root: where ``/proc`` and ``/sys`` are.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:  # not on Linux
        return []
    found = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            base, name = root / CGROUPS, "memory.max"
        elif "memory" in controllers.split(","):
            base, name = root / CGROUPS / "memory", "memory.limit_in_bytes"
        else:
            continue
        parts = [part for part in path.split("/") if part]
        if ".." in parts:  # it is outside of what this container sees
            parts = []
        for depth in range(len(parts) + 1):  # a container may see its own group as the root: then only that is there
            with suppress(OSError, ValueError):  # "max" where there is no limit
                found.append(int(base.joinpath(*parts[:depth], name).read_text()))
    return found


def check_room(what: str, needed: int, purpose: str, remedy: str, room: int | None = None) -> None:
    """Refuse what needs more memory than there is.

    Args:
        what: needs it, for the message.
        needed: bytes.
        purpose: what it is needed for, for the message.
        remedy: how to need less.
        room: bytes that there are; by default as `memory` says.

    Raises:
        UserError: there is not so much.
    """
    room = memory() if room is None else room
    if needed > room:
        cause = f"{what} needs {size(needed)} of memory for {purpose}, and there are {size(room)}"
        raise UserError(cause, remedy)


def check_jobs(jobs: int, each: int = JOB) -> None:
    """Refuse more processes than the memory holds.

    Args:
        jobs: number of processes.
        each: bytes that one needs at least.

    Raises:
        UserError: says how many there is room for.
    """
    most = max(1, memory() // each)
    if not 1 <= jobs <= most:
        cause = f"{jobs:,} processes at once" + f" need {size(jobs * each)} of memory" * (jobs > 0)
        raise UserError(cause, f"take 1 to {most:,}, here about one a core is fastest: {os.cpu_count()}")


def measure(module: str | Path, *arguments: object, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Run a module as a process of its own, so that its peak memory is its own.

    Args:
        module: to run, by name; or a script by its path.
        arguments: on its command line.
        environment: variables that differ.

    Returns:
        The JSON object in the last line of its output; {} where it prints nothing.

    Raises:
        UserError: it fails; the cause is the last line it wrote on stderr, or the signal that ended it.
    """
    status, out, err = run(module, *arguments, environment={**os.environ, **(environment or {})})
    if status < 0:
        raise UserError(f"it was ended by {signal.Signals(-status).name}", "see that there is enough memory")
    if status:
        lines = err.strip().splitlines() or [f"exit status {status}"]
        raise UserError(" ".join(lines[-1].split()), "see above")
    lines = out.splitlines()
    answer: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return answer


def machine() -> str:
    """Processor, cores and present load: a time means nothing without them."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    load = ", load " + " ".join(f"{x:.1f}" for x in os.getloadavg()) if hasattr(os, "getloadavg") else ""
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores{load}"
