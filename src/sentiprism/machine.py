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
"""Memory in bytes of a process that has imported torch."""
RECORDING = 1_000_000_000
"""Memory in bytes of a process that detects faces or recognises speech, with its models."""
CGROUPS = Path("sys/fs/cgroup")
"""Control groups of Linux: version 2 here, version 1 in the subfolder ``memory``."""


def peak_memory(*, children: bool = False) -> float:
    """Peak resident memory in MB of this process, or of the largest of its ended children.

    On Linux this is the kernel's VmHWM, because after a fork getrusage starts at the parent's peak. NaN if the system
    has neither.
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
    """Bytes of memory that this process may use: the machine's, or the limit of its control group or its own."""
    found = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")] if hasattr(os, "sysconf") else []
    found += cgroup_limits()
    if resource is not None:
        found += [limit for limit in resource.getrlimit(resource.RLIMIT_AS) if limit != resource.RLIM_INFINITY]
    return min(found, default=sys.maxsize)


def cgroup_limits(root: Path = Path("/")) -> list[int]:
    """Memory limits in bytes of this process's control group and its parents; all of them apply.

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
        if ".." in parts:  # outside of what this container sees
            parts = []
        for depth in range(len(parts) + 1):  # a container may see only its own group, as the root
            with suppress(OSError, ValueError):  # "max" means no limit
                found.append(int(base.joinpath(*parts[:depth], name).read_text()))
    return found


def check_room(what: str, needed: int, purpose: str, remedy: str, room: int | None = None) -> None:
    """Refuse something that needs more memory than available.

    Args:
        what: what needs the memory, for the message.
        needed: bytes needed.
        purpose: what it is needed for, for the message.
        remedy: how to need less.
        room: bytes available; by default the result of `memory`.

    Raises:
        UserError: there is too little memory.
    """
    room = memory() if room is None else room
    if needed > room:
        cause = f"{what} needs {size(needed)} of memory for {purpose}, but only {size(room)} are available"
        raise UserError(cause, remedy)


def check_jobs(jobs: int, each: int = JOB) -> None:
    """Refuse more processes than fit in memory.

    Args:
        jobs: number of processes.
        each: least memory of one, in bytes.

    Raises:
        UserError: there are too many; the message says how many fit.
    """
    most = max(1, memory() // each)
    if not 1 <= jobs <= most:
        cause = f"{jobs:,} processes at once" + f" need {size(jobs * each)} of memory" * (jobs > 0)
        raise UserError(cause, f"use 1 to {most:,}; about one per core is fastest: {os.cpu_count()} here")


def measure(module: str | Path, *arguments: object, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Run a module in a separate process, to measure its peak memory separately.

    Args:
        module: to run, by name; or a script by its path.
        arguments: command-line arguments.
        environment: changed environment variables.

    Returns:
        The JSON object in the last line of its output; {} if it prints nothing.

    Raises:
        UserError: it fails; the cause is its last line on stderr, or the signal that ended it.
    """
    status, out, err = run(module, *arguments, environment={**os.environ, **(environment or {})})
    if status < 0:
        raise UserError(f"it was ended by {signal.Signals(-status).name}", "check that there is enough memory")
    if status:
        lines = err.strip().splitlines() or [f"exit status {status}"]
        raise UserError(" ".join(lines[-1].split()), "see above")
    lines = out.splitlines()
    report: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return report


def machine() -> str:
    """Processor, cores and current load, to report with a time measurement."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    load = ", load " + " ".join(f"{x:.1f}" for x in os.getloadavg()) if hasattr(os, "getloadavg") else ""
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores{load}"
