"""Measuring on this machine: processes of their own, their memory, and what the machine is."""

import json
import os
import platform
import resource
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sentiprism.errors import UserError

MB = 1e6


def peak_memory(*, children: bool = False) -> float:
    """Peak resident memory in MB of this process, or of the largest of its children that have ended.

    On Linux the kernel's count of this process's own memory is read: getrusage's begins, after a fork, with the
    parent's.
    """
    status = Path("/proc/self/status")
    if not children and status.is_file():
        peak = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024 / MB
    usage = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF)
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / MB


def measure(*command: object, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Run Python as a process of its own, so that its peak memory is its own.

    Args:
        command: what follows ``python``: a script, or ``-m`` and a module, and their arguments.
        environment: variables that differ.

    Returns:
        The JSON object in the last line of its output; {} where it prints nothing.

    Raises:
        UserError: it fails; the cause is the last line it wrote on stderr, or the signal that ended it.
    """
    words = [sys.executable, *map(str, command)]
    done = subprocess.run(  # noqa: S603 - this very Python, and no shell
        words, env={**os.environ, **(environment or {})}, capture_output=True, text=True, check=False
    )
    if done.returncode < 0:
        raise UserError(f"it was ended by {signal.Signals(-done.returncode).name}", "see that there is enough memory")
    if done.returncode:
        lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        raise UserError(" ".join(lines[-1].split()), "see above")
    lines = done.stdout.splitlines()
    answer: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return answer


def confine(limits: Mapping[int, int]) -> None:
    """Lower limits of this process for good; where the system or our parent has a lower one, that stays.

    Args:
        limits: by ``resource.RLIMIT_*``.
    """
    for limit, value in limits.items():
        hard = resource.getrlimit(limit)[1]
        least = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(limit, (least, least))


def machine() -> str:
    """Processor, cores and present load: a time means nothing without them."""
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.is_file() else []
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    load = " ".join(f"{x:.1f}" for x in os.getloadavg())
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, load {load}"
