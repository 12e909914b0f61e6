"""A Ray cluster of two nodes in a process of its own; one node is killed while texts are analysed.

``python makers_ray.py FOLDER MODEL``: analyses FOLDER/texts into FOLDER/ray, and prints what became of it as JSON.
"""

import json
import os
import sys
import time
from contextlib import closing
from pathlib import Path

from sentiprism.analysis.batch import Outcome, analyze_all
from sentiprism.analysis.inputs import find_inputs
from sentiprism.analysis.options import Options
from sentiprism.executors.processes import LocalProcesses
from sentiprism.executors.ray_cluster import DEAD_END, LOCAL, RayCluster

STOP = 5
"""Texts after which the first command is stopped."""


def take(outcome: Outcome) -> tuple[str, bool, str | None, int]:
    """A small row of an outcome: its name, whether it existed, why it failed, and the process that made it.

    The first one waits for a second process, so that both nodes have work.
    """
    place = outcome.task.path.parents[1] / "processes"
    place.mkdir(exist_ok=True)
    (place / str(os.getpid())).touch()
    while len(list(place.iterdir())) < 2:
        time.sleep(0.05)
    return outcome.task.name, outcome.kept, outcome.reason, os.getpid()


def main(folder: Path, model: str) -> None:
    """Analyse on two nodes, kill one, stop, and resume by local processes."""
    os.environ.update(LOCAL | DEAD_END, RAY_AUTH_TOKEN="0" * 64)
    from ray.cluster_utils import Cluster

    node = {"num_cpus": 1, "include_dashboard": False, "object_store_memory": 80_000_000}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    other = cluster.add_node(**node)
    todo, options = find_inputs([folder / "texts"], folder / "ray"), Options(model=model)
    rows = []
    with closing(analyze_all(todo, options, executor=RayCluster(address=cluster.address), take=take)) as outcomes:
        for row in outcomes:
            rows.append(row)
            if len(rows) == 2:
                cluster.remove_node(other, allow_graceful=False)
            if len(rows) == STOP:
                break
    cluster.shutdown()
    resumed = list(analyze_all(todo, options, executor=LocalProcesses(2), take=take))
    print(json.dumps({"ray": rows, "resumed": resumed}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
