"""What the benchmarks share: measurements in processes of their own."""

import json
import os
import platform
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

MB = 1e6


def peak_memory(*, children: bool = False) -> float:
    """Peak resident memory in MB of this process, or of the largest of its children that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN if children else resource.RUSAGE_SELF)
    return usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / MB


def measure(script: str, *arguments: object, environment: dict[str, str] | None = None) -> dict[str, Any]:
    """Run a script as a process of its own, so that its peak memory is its own.

    Args:
        script: the file.
        arguments: of its command line.
        environment: variables that differ.

    Returns:
        The JSON object in the last line of its output; {} where it prints nothing.
    """
    command = [sys.executable, script, *map(str, arguments)]
    result = subprocess.run(
        command, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, text=True, check=True
    )
    lines = result.stdout.splitlines()
    answer: dict[str, Any] = json.loads(lines[-1]) if lines else {}
    return answer


def machine() -> str:
    """Processor, cores and present load: a time means nothing without them."""
    cpuinfo = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line]
    load = " ".join(f"{x:.1f}" for x in os.getloadavg())
    return f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores, load {load}"
