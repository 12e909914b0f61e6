"""Whatever stands in the files of a run, a saved model or a study, reading them is one line or it is taken as meant."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from makers_damage import FILES, NONSENSE, changed, dumped, places, refusal, without
from sentiprism.evaluation.oracle import selected_on_test
from sentiprism.evaluation.predictions_file import read_predictions
from sentiprism.evaluation.robustness_curves import kept
from sentiprism.models import load_model
from sentiprism.reproduction.results import gather
from sentiprism.training.records import read_environment, read_history, read_oracle, read_summary
from sentiprism.training.run import Run
from sentiprism.yaml_files import load_yaml

MODEL = "seed-1111/model"
READERS = {
    "run.yaml": Run,
    "environment.json": lambda folder: read_environment(folder / "environment.json"),
    "summary.json": lambda folder: read_summary(folder / "summary.json"),
    "robustness-test.json": lambda folder: kept(Run(folder)),
    "seed-1111/metrics.jsonl": lambda folder: read_history(folder / "seed-1111/metrics.jsonl"),
    "seed-1111/oracle.jsonl": lambda folder: read_oracle(folder / "seed-1111/oracle.jsonl"),
    f"{MODEL}/config.json": lambda folder: load_model(folder / MODEL),
    f"{MODEL}/weights.safetensors": lambda folder: load_model(folder / MODEL),
    "seed-1111/predictions-test.parquet": lambda folder: read_predictions(
        folder / "seed-1111/predictions-test.parquet"
    ),
}


@pytest.mark.parametrize("damage", FILES)
@pytest.mark.parametrize("name", READERS)
def test_a_file_that_is_not_one_is_named(folder, name, damage):
    FILES[damage](folder / "run" / name)
    line = refusal(lambda: READERS[name](folder / "run"))
    assert line is not None or (damage, name) == ("NUL", f"{MODEL}/weights.safetensors")  # a weight that is 0
    assert line is None or name.rpartition("/")[2] in line or "is not a run folder" in line


DOCUMENTS = [name for name in READERS if name.endswith(("json", "jsonl", "yaml"))]


def opened(path: Path) -> tuple[Any, Callable[[Any], object]]:
    """A document, or the first one of a file of lines; and what puts another in its place."""
    if path.suffix == ".yaml":
        return load_yaml(path), lambda value: path.write_text(dumped(value))
    first, *rest = path.read_text(encoding="utf-8").splitlines() if path.suffix == ".jsonl" else [path.read_text()]
    return json.loads(first), lambda value: path.write_text("\n".join([dumped(value), *rest]))


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_value_of_a_document_may_be_nonsense(folder, name):
    """One line each, or it is taken; never another exception. All places and all kinds, one file at a time."""
    path = folder / "run" / name
    value, write = opened(path)
    refused = tried = 0
    for at in places(value):
        variants = [changed(value, at, new) for new in NONSENSE.values()]
        if at and isinstance(at[-1], str):
            variants.append(without(value, at))
        for variant in variants:
            write(variant)
            tried += 1
            refused += refusal(lambda: READERS[name](folder / "run")) is not None
    assert tried > 50
    assert refused > tried / 3


@pytest.mark.parametrize(
    ("name", "at", "new", "cause"),
    [
        (
            "environment.json",
            ("dataset", "protocol"),
            5,
            "environment.json: dataset.protocol should be a text (it is 5)",
        ),
        ("environment.json", ("precision",), "fp8", "environment.json: precision should be 'no', 'bf16' or 'fp16'"),
        ("environment.json", ("dataset", "fold"), "a/b", "environment.json: dataset.fold"),
        ("summary.json", (), [1], "summary.json: seeds should be a mapping of keys to values"),
        ("summary.json", ("1111", "valid"), 3, "summary.json: seeds.1111.valid should be a mapping"),
        ("summary.json", ("1111", "seconds"), "long", "summary.json: seeds.1111.seconds should be a number"),
        (
            "seed-1111/metrics.jsonl",
            ("seconds",),
            None,
            "metrics.jsonl line 1: seconds should be a number (it is None)",
        ),
        ("seed-1111/oracle.jsonl", ("test", "mae"), {}, "oracle.jsonl line 1: test.mae should be a number"),
        (
            "robustness-test.json",
            ("curves", 0, "kind"),
            "rust",
            "robustness-test.json: curves.0.kind should be 'missing'",
        ),
        ("robustness-test.json", ("curves", 0, "points"), [], "should have a point for each strength"),
        (f"{MODEL}/config.json", ("model",), "mdff", "no model is called 'mdff'; did you mean 'mdf'?"),
        (f"{MODEL}/config.json", ("format",), "2", "has format '2', not 2"),
        (f"{MODEL}/config.json", ("metadata",), 3, "config.json: metadata should be a mapping of keys to values"),
        (f"{MODEL}/config.json", ("metadata", "calibration", "kind"), "set", "the calibration of intensity should be"),
        (f"{MODEL}/config.json", ("metadata", "calibration", "quantile"), -1, "quantile should be at least 0"),
        (f"{MODEL}/config.json", ("config", "width"), 10**6, "not (1000000,"),
        (f"{MODEL}/config.json", ("config", "width"), 10**12, "larger than any memory; lower config.width"),
        (f"{MODEL}/config.json", ("features", "audio", "width"), 10**12, "not ("),
        (f"{MODEL}/config.json", ("features", "audio", "width"), "16", "width should be a number, not a text"),
        (f"{MODEL}/config.json", ("target", "low"), 9, "low must be below high"),
        ("run.yaml", ("optim", "lr"), "fast", "run.yaml: optim.lr should be a number (it is 'fast')"),
        ("run.yaml", ("optim", "epochs"), 10**20, "run.yaml: optim.epochs should be at most 100,000"),
    ],
)
def test_a_wrong_value_is_named_with_its_key(folder, name, at, new, cause):
    path = folder / "run" / name
    value, write = opened(path)
    write(changed(value, at, new))
    line = refusal(lambda: READERS[name](folder / "run"))
    assert (line is None) == (cause is None)
    assert cause is None or cause in line


# what is made of them


def test_scores_that_lack_a_metric_are_one_line(folder):
    path = folder / "run" / "seed-1111" / "oracle.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    path.write_text("\n".join(json.dumps({**row, "test": {"mae": 1.0}}) for row in rows))
    assert "lack a metric" in refusal(lambda: selected_on_test(Run(folder / "run")))
    summary = json.loads((folder / "run" / "summary.json").read_text())
    summary["1111"]["valid"] = {}
    (folder / "run" / "summary.json").write_text(json.dumps(summary))
    assert "summary.json lacks the valid score 'mae'" in refusal(lambda: gather([folder / "run"], device="cpu"))
