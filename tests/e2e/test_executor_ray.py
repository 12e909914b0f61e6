"""A Ray cluster as executor: nodes that fail, processes that end, and connections."""

import json
import os
import signal
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from makers_analysis import features, saved_model
from makers_guard import CALL, NETWORK, Guard, leaves
from makers_processes import Started, needs_proc
from sentiprism.analysis.batch import analyze_all
from sentiprism.analysis.inputs import find_inputs
from sentiprism.analysis.options import Options
from sentiprism.errors import UserError
from sentiprism.executors.choose import choose_executor
from sentiprism.executors.ray_cluster import RayCluster

TESTS = Path(__file__).parents[1]
TEXTS = (
    "It is great.",
    "It was awful.",
    "The plot was thin. But I liked it.",
    "So so.",
    "No.",
    "Yes! I love it.",
    "Meh.",
)
needs_ray = pytest.mark.skipif(find_spec("ray") is None, reason="needs Ray: the extra cluster")


def files_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@needs_ray
@needs_proc
def test_a_node_is_killed_and_the_folder_is_finished_by_another_executor_with_the_same_bytes(tmp_path, home):
    (tmp_path / "texts").mkdir()
    for number, text in enumerate(TEXTS):
        (tmp_path / "texts" / f"{number}.txt").write_text(text)
    model = str(saved_model(tmp_path / "model", features(tmp_path / "text"), "text_only"))
    done = subprocess.run(
        [sys.executable, TESTS / "makers_ray.py", tmp_path, model],
        cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)  # nothing else is printed, whatever Ray says of a lost node
    assert [reason for _, _, reason, _ in found["ray"]] == [None] * 5
    assert len({process for *_, process in found["ray"]}) == 2, "one on each node"
    names = {name for name, *_ in found["resumed"]}
    kept = {name for name, there, *_ in found["resumed"] if there}
    assert names == {f"{number}.txt" for number in range(len(TEXTS))}
    assert kept >= {name for name, *_ in found["ray"]}
    assert [reason for _, _, reason, _ in found["resumed"]] == [None] * len(TEXTS)
    list(analyze_all(find_inputs([tmp_path / "texts"], tmp_path / "here"), Options(model=model)))
    assert files_in(tmp_path / "ray") == files_in(tmp_path / "here")


CODE = f"""
import sys
sys.path.append({str(TESTS)!r})
from pathlib import Path
from makers_work import hold, process
from sentiprism.executors.ray_cluster import RayCluster
"""


@needs_ray
@needs_proc
def test_a_cluster_of_this_machine_ends_with_its_parent(tmp_path):
    started = Started(CODE + "list(RayCluster(1).run(hold, [Path.cwd(), Path.cwd()]))", folder=tmp_path)
    started.reach(lambda: list(tmp_path.glob("begun-*")))
    assert any("raylet" in line for line in started.members().values())
    os.kill(started.pid, signal.SIGKILL)
    started.all_end(but="Agent")  # Ray's two agents first ask the head, which has ended, for a minute
    for process in started.members():
        os.kill(process, signal.SIGKILL)


@needs_ray
@needs_proc
def test_a_cluster_of_this_machine_neither_connects_nor_listens_elsewhere(tmp_path):
    guard = Guard(tmp_path / "guarded")
    output, calls = guard.watch(sys.executable, "-c", CODE + "print(len(dict(RayCluster(1).run(process, [1, 2]))))")
    assert output == "2\n"
    found = [call for line in calls if (call := CALL.match(line.replace("::ffff:", ""))) and call["name"] in NETWORK]
    assert len(found) > 100, "Ray's processes are watched"
    assert [call[0] for call in found if leaves(call["name"], call["words"])] == []


def test_without_ray_one_line_names_the_extra(monkeypatch):
    monkeypatch.setattr("sentiprism.executors.ray_cluster.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r"^Ray is not installed; pip install .*\[cluster\]"):
        choose_executor("ray").check()


@needs_ray
def test_an_address_is_that_of_a_cluster():
    assert choose_executor("ray", 3, "head.lab:6379") == RayCluster(3, "head.lab:6379")
    with pytest.raises(UserError, match="'auto' is not the address of a Ray cluster; give `address` as HOST:PORT"):
        RayCluster(address="auto").check()
    with pytest.raises(UserError, match="an `address` is given without a Ray cluster"):
        choose_executor(address="head.lab:6379")
    with pytest.raises(UserError, match="no executor is called 'rai'; did you mean 'ray'"):
        choose_executor("rai")
