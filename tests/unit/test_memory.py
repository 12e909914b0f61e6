"""A configuration that no memory holds, or that never ends, is refused before anything is built or written."""

import shutil
import subprocess
import sys
from contextlib import suppress

import pytest
import torch
import yaml

from makers_models import specs
from sentiprism import machine
from sentiprism.data.prepare import PreparedSplit, prepare
from sentiprism.errors import UserError
from sentiprism.meta_device import weigh
from sentiprism.models import MODELS, create_model
from sentiprism.models.outline import outline
from sentiprism.training.config import OptimConfig, RunConfig
from sentiprism.training.memory import check_memory
from sentiprism.training.train import resume, train
from sentiprism.tuning.tune import tune
from sentiprism.types import FeatureSpec, ModalitySpec, TargetSpec

WHOLE = [
    (name, field)
    for name, model in MODELS.items()
    for field, about in model.Config.model_fields.items()
    if about.annotation in {int, int | None}
]


@pytest.mark.parametrize(
    ("value", "cost"),
    [(10**6, r"mdf needs \d+ TB of memory for weights, gradients and moments"), (10**12, "larger than any memory")],
)
def test_a_width_that_no_memory_holds_says_what_it_would_cost(data, tmp_path, value, cost):
    settings = {"config": {"width": value}}
    with pytest.raises(UserError, match=rf"{cost}.*lower config.width \(it is {value:,}\)"):
        train("mdf", data, settings=settings, out=tmp_path / "run", device="cpu", quiet=True)
    with pytest.raises(UserError, match=r"lower config\.width"):
        tune("mdf", data, settings=settings, out=tmp_path / "study", device="cpu", quiet=True)
    with pytest.raises(UserError, match=r"lower config\.width"):
        tune("mdf", data, search=[f"config.width=[8, {value}]"], out=tmp_path / "study", device="cpu", quiet=True)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_was_changed_to_one_is_not_resumed(data, fit, tmp_path):
    run = fit()
    changed = yaml.safe_load((run.folder / "run.yaml").read_text())
    changed["config"]["width"] = 10**7
    (run.folder / "run.yaml").write_text(yaml.safe_dump(changed))
    shutil.rmtree(run.folder / "seed-1111")
    (run.folder / "summary.json").unlink()
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(UserError, match=r"lower config\.width"):
        resume(run.folder, seeds=3, device="cpu", quiet=True)
    assert sorted(tmp_path.rglob("*")) == before
    assert "seeds:\n- 1111\n" in (run.folder / "run.yaml").read_text()


@pytest.mark.parametrize("value", [10**12, 2**53])
@pytest.mark.parametrize(("name", "field"), WHOLE)
def test_no_number_makes_building_endless(name, field, value, monkeypatch):
    monkeypatch.setattr("sentiprism.meta_device.PARTS", 1500)  # in a tenth of the time
    with suppress(UserError):  # what is built costs nothing
        assert weigh(outline(name, specs(), TargetSpec(), {field: value})) > 0


def test_an_outline_has_the_shapes_of_the_model_and_no_numbers():
    built, real = outline("mdf", specs(), TargetSpec()), create_model("mdf", specs(), TargetSpec())
    assert {k: v.shape for k, v in built.state_dict().items()} == {k: v.shape for k, v in real.state_dict().items()}
    assert all(parameter.is_meta for parameter in built.parameters())
    assert weigh(built) == 4 * sum(p.numel() for p in real.parameters())
    assert weigh(built, copies=3) == 4 * weigh(built)


def test_building_is_counted_in_the_thread_that_builds_alone(monkeypatch):
    monkeypatch.setattr("sentiprism.meta_device.PARTS", 60)
    with pytest.raises(UserError, match="more than 60 layers"):
        outline("fine", specs(), TargetSpec())
    torch.nn.Sequential(*(torch.nn.ReLU() for _ in range(100)))  # afterwards nothing is counted


def test_layers_of_no_width_are_refused():
    with pytest.raises(UserError, match="layers of width 0"):
        outline("kuda", specs(), TargetSpec(), {"width": 1})


def test_what_cannot_be_built_is_one_line():
    with pytest.raises(UserError, match="almt with this configuration cannot be built: 8 heads do not divide a width"):
        outline("almt", specs(), TargetSpec(), {"width": 7})


def test_a_batch_that_no_memory_holds_is_refused(data):
    features = prepare(data, RunConfig(model="mdf", dataset="small").data.model_copy())
    split, model = PreparedSplit(data.train, features), outline("mdf", features, TargetSpec())
    held = weigh(model, copies=3)
    check_memory(model, OptimConfig(batch_size=1), held + 10_000_000, split)
    widths = sum(int(split.steps(name).max()) * width for name, width in model.input_widths.items())
    check_memory(model, OptimConfig(batch_size=1_000_000), held + 4 * len(split) * widths, split)  # of what there is
    with pytest.raises(UserError, match=r"lower optim\.batch_size \(it is 1,000,000\)"):
        check_memory(
            outline("ridge", features, TargetSpec()), OptimConfig(batch_size=1_000_000), 2 * len(split) * widths, split
        )


def test_the_average_of_the_weights_and_what_is_kept_of_each_utterance_count(data):
    features = prepare(data, RunConfig(model="self_mm", dataset="small").data)
    split, model = PreparedSplit(data.train, features), outline("self_mm", features, TargetSpec())
    held = weigh(model, copies=3)
    check_memory(model, OptimConfig(), held)
    for optim, train_split in ((OptimConfig(average=0.9), None), (OptimConfig(batch_size=1), split)):
        with pytest.raises(UserError, match="self_mm needs"):
            check_memory(model, optim, held, train_split)


def test_memory_is_the_machines_or_what_a_limit_leaves():
    assert 10**8 < machine.memory() < 10**15
    code = (
        "import resource; resource.setrlimit(resource.RLIMIT_AS, (3 * 2**30, resource.RLIM_INFINITY)); "
        "from sentiprism.machine import memory; print(memory())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(done.stdout) == min(3 * 2**30, machine.memory())


@pytest.mark.parametrize(
    ("own", "limits", "expected"),
    [
        ("0::/user/job\n", {"user/job/memory.max": 3, "user/memory.max": 5}, {3, 5}),
        ("0::/user/job\n", {"user/job/memory.max": "max", "user/memory.max": 5, "memory.max": 7}, {5, 7}),
        ("0::/\n", {"memory.max": 7}, {7}),
        ("0::/../../elsewhere\n", {"memory.max": 7, "elsewhere/memory.max": 1}, {7}),
        (
            "4:cpu,cpuacct:/a\n3:memory:/a:b/c\n0::/a\n",
            {
                "memory/a:b/c/memory.limit_in_bytes": 3,
                "memory/a:b/memory.limit_in_bytes": 4,
                "memory/memory.limit_in_bytes": 9223372036854771712,
                "cpu/a/memory.limit_in_bytes": 1,
            },
            {3, 4, 9223372036854771712},
        ),
        ("3:memory:/docker/0123\n", {"memory/memory.limit_in_bytes": 6}, {6}),  # it sees its own group as the root
        (None, {"memory.max": 7}, set()),
    ],
)
def test_limits_of_the_own_control_group_and_of_those_above_it_count(tmp_path, own, limits, expected):
    (tmp_path / "proc/self").mkdir(parents=True)
    if own is not None:
        (tmp_path / "proc/self/cgroup").write_text(own)
    for name, value in limits.items():
        path = tmp_path / "sys/fs/cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{value}\n")
    assert set(machine.cgroup_limits(tmp_path)) == expected


def test_the_smallest_limit_of_the_control_groups_is_the_memory(monkeypatch):
    before = machine.memory()
    monkeypatch.setattr(machine, "cgroup_limits", lambda: [before // 3, before // 2, 2 * before])
    assert machine.memory() == before // 3


@pytest.mark.parametrize("jobs", [0, -1, 10**6])
def test_more_processes_than_the_memory_holds_are_refused(data, tmp_path, jobs):
    with pytest.raises(UserError, match="processes at once"):
        tune("mdf", data, jobs=jobs, out=tmp_path / "study", device="cpu", quiet=True)
    assert list(tmp_path.iterdir()) == []


def test_wide_features_are_counted_too():
    wide = FeatureSpec(text=ModalitySpec(kind="features", width=2**40))
    with pytest.raises(UserError, match="text_only needs"):
        check_memory(outline("text_only", wide, TargetSpec()), OptimConfig(), machine.memory())
