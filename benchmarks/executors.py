"""Ray against local processes: throughput per core, memory, and a node that is killed.

    python benchmarks/executors.py FOLDER --labels labels.csv [--model MODEL] [--block 15] [--until 150]

The recordings of FOLDER are analysed twice, with the texts of ``labels.csv`` (columns file and text) as transcripts and
no recognition: into one folder by two local processes, into another one by a Ray cluster of two nodes with a processor
each, on this machine. Both run in one process: blocks of results are taken from one and the other in turn, so that both
see the same load. After ``--until`` recordings one node is killed; after ``--more`` the Ray command is stopped, and
local processes resume its folder. At the end the bytes of both folders are compared.
"""

import argparse
import csv
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import median

from sentiprism.analysis.batch import Outcome, analyze_all
from sentiprism.analysis.inputs import AnalysisTask
from sentiprism.analysis.options import Options
from sentiprism.executors.processes import LocalProcesses
from sentiprism.executors.ray_cluster import DEAD_END, LOCAL, RayCluster
from sentiprism.files import home
from sentiprism.machine import MB, machine

TICKS = os.sysconf("SC_CLK_TCK")


def reason(outcome: Outcome) -> str | None:
    """What comes back of each recording."""
    return outcome.reason


def processes() -> Iterator[tuple[Path, bool]]:
    """Folders in /proc of all processes below this one, and whether each is one of Ray."""
    parents, lines = {}, {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            lines[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ")
        except OSError:  # it ended meanwhile
            continue
    for process in parents:
        chain = [process]
        while chain[-1] in parents and chain[-1] != os.getpid():
            chain.append(parents[chain[-1]])
        if len(chain) > 1 and chain[-1] == os.getpid():
            yield Path(f"/proc/{process}"), any(b"ray" in lines.get(one, b"") for one in chain[:-1])


def spent(*, ray: bool) -> float:
    """Processor seconds of the processes below this one, with those that they have waited for."""
    total = 0
    for folder, is_ray in processes():
        try:
            if is_ray == ray:
                total += sum(map(int, (folder / "stat").read_text().rpartition(")")[2].split()[11:15]))
        except OSError:
            continue
    return total / TICKS


def watch(peak: dict[bool, float], done: threading.Event) -> None:
    """Keep the largest memory of both groups of processes, as the kernel shares pages out among them (PSS)."""
    while not done.wait(2.0):
        now = {True: 0.0, False: 0.0}
        for folder, is_ray in processes():
            try:
                lines = (folder / "smaps_rollup").read_text().splitlines()
                now[is_ray] += next(int(line.split()[1]) for line in lines if line[:4] == "Pss:") * 1024 / MB
            except (OSError, StopIteration):
                continue
        for key, value in now.items():
            peak[key] = max(peak[key], value)


def take(results: Iterator[str | None], count: int) -> tuple[int, float]:
    """Take some results; returns their number and the seconds."""
    start, number = time.perf_counter(), 0
    for number, found in enumerate(results, 1):
        assert found is None, found
        if number == count:
            break
    return number, time.perf_counter() - start


def files_in(folder: Path) -> dict[str, bytes]:
    """Bytes of all files, by path."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def tasks(folder: Path, labels: Path, scratch: Path) -> list[tuple[Path, Path]]:
    """Recordings with their transcripts, one cue each."""
    found = []
    for row in csv.DictReader(labels.read_text(encoding="utf-8").splitlines()):
        transcript = scratch / f"{Path(row['file']).stem}.srt"  # of any length: words share the time of their cue
        transcript.write_text(f"1\n00:00:00,000 --> 00:00:03,000\n{row['text']}\n", encoding="utf-8")
        found.append((folder / row["file"], transcript))
    return found


def measure(given: argparse.Namespace, scratch: Path) -> str:
    """Analyse by both, kill a node, resume and compare; returns the figures as a text."""
    from ray.cluster_utils import Cluster

    pairs = tasks(given.folder, given.labels, scratch)[: given.most]
    out = {False: scratch / "local", True: scratch / "ray"}
    todo = {key: [AnalysisTask(a, place / a.stem, b) for a, b in pairs] for key, place in out.items()}
    options = Options(model=given.model, asr="none")
    node = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    other = cluster.add_node(**node)
    peak, done = {True: 0.0, False: 0.0}, threading.Event()
    watcher = threading.Thread(target=watch, args=(peak, done), daemon=True)
    watcher.start()
    executors = {False: LocalProcesses(2), True: RayCluster(address=cluster.address)}
    seconds: dict[bool, list[float]] = {False: [], True: []}
    results = {key: analyze_all(todo[key], options, executor=one, take=reason) for key, one in executors.items()}
    with closing(results[False]), closing(results[True]):
        for key, found in results.items():  # workers start, and models are loaded: not counted
            os.environ["SENTIPRISM_HOME"] = str(scratch / f"home-{key}")  # neither finds features of the other
            take(found, given.block)
        before = {key: spent(ray=key) for key in results}
        while given.block * (1 + len(seconds[True])) < given.until:
            order = sorted(results.items(), reverse=len(seconds[True]) % 2 == 1)
            for key, found in order:
                seconds[key].append(take(found, given.block)[1] / given.block)
        count = given.block * len(seconds[True])
        cpu = {key: (spent(ray=key) - before[key]) / count for key in results}
        cluster.remove_node(other, allow_graceful=False)
        take(results[True], given.more)
        results[True].close()
        take(results[False], len(pairs))
    resumed = [*analyze_all(todo[True], options, executor=executors[False], take=reason)]
    done.set()
    watcher.join()
    cluster.shutdown()
    assert resumed == [None] * len(pairs), set(resumed)
    same = files_in(out[False]) == files_in(out[True])
    ratios = [a / b for a, b in zip(seconds[False], seconds[True], strict=True)]
    return (
        f"{len(pairs)} recordings; {count} each in blocks of {given.block} by two local processes and two nodes: "
        f"{sum(seconds[False]) / len(ratios):.2f} and {sum(seconds[True]) / len(ratios):.2f} s a recording; throughput "
        f"of Ray {sum(seconds[False]) / sum(seconds[True]):.2f} of local (median of blocks {median(ratios):.2f}); "
        f"processor seconds a recording {cpu[False]:.2f} and {cpu[True]:.2f} ({cpu[False] / cpu[True]:.2f}); "
        f"peak memory {peak[False]:.0f} and {peak[True]:.0f} MB; same bytes after a node was killed: {same}"
    )


def main() -> None:
    """Parse arguments, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--labels", type=Path, required=True)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--block", type=int, default=15)
    parser.add_argument("--until", type=int, default=150)
    parser.add_argument("--more", type=int, default=50, help="Recordings for the cluster after its loss.")
    parser.add_argument("--most", type=int, help="Of the recordings.")
    given = parser.parse_args()
    own = {"RAY_AUTH_TOKEN": "0" * 64, "OMP_NUM_THREADS": "1", "SENTIPRISM_ASSETS": str(home("assets"))}
    os.environ.update(LOCAL | DEAD_END | own)
    print(machine())
    with tempfile.TemporaryDirectory() as scratch:
        print(measure(given, Path(scratch)))


if __name__ == "__main__":
    main()
