"""Times a peer's model on batches that `peer.py` wrote; run by it in any environment with Python 3.9 and numpy.

The file of the peer is executed: read it first.
"""

import importlib.util
import json
import sys
import time
from pathlib import Path
from statistics import mean, median
from typing import Any, Callable, Sequence  # noqa: UP035 - a peer may need an old interpreter

import numpy as np


def load(place: str) -> Callable[..., Any]:
    """Execute the file of FILE:FUNCTION, with its folder on the path of modules, and find its function."""
    path, _, name = place.rpartition(":")
    sys.path.insert(0, str(Path(path).resolve().parent))
    spec = importlib.util.spec_from_file_location("peer", path)
    assert spec is not None and spec.loader is not None  # noqa: PT018 - for the type checker
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    found: Callable[..., Any] = getattr(module, name)
    return found


def read(folder: Path, kind: str) -> list[dict[str, Any]]:
    """Read the batches of a kind, in order."""
    found = []
    for path in sorted(folder.glob(f"{kind}-*.npz")):
        with np.load(path) as file:
            found.append(dict(file))
    return found


def seconds(call: Callable[[Any], object], batches: Sequence[Any], rounds: int) -> float:
    """Mean over the batches of the median seconds of a call."""
    taken: list[list[float]] = [[] for _ in batches]
    for _ in range(rounds):
        for own, batch in zip(taken, batches):  # noqa: B905 - for an old interpreter
            start = time.perf_counter()
            call(batch)
            own.append(time.perf_counter() - start)
    return mean(map(median, taken))


def peak() -> float:
    """Peak resident memory of this process in MB."""
    status = Path("/proc/self/status")
    if status.is_file():
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024 / 1e6
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def main() -> None:
    """Time the peer on the batches of a folder and print the numbers as JSON."""
    place, folder, rounds = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    train, predict = load(place)(json.loads((folder / "task.json").read_text()))
    batches = {kind: read(folder, kind) for kind in ("warm", "train", "one", "many")}
    for batch in batches["warm"]:
        train(batch)
    step = seconds(train, batches["train"], rounds)
    for kind in ("many", "one"):
        predict(batches[kind][-1])
    counts = [len(batch["label"]) for batch in batches["many"]]
    one, many = seconds(predict, batches["one"], rounds), seconds(predict, batches["many"], rounds) / mean(counts)
    print(json.dumps({"step": step, "one": 1000 * one, "many": 1000 * many, "peak": peak()}))


if __name__ == "__main__":
    main()
