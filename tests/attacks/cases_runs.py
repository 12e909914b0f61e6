"""Run folders, saved models, studies and what is measured of a run, each damaged in one place."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from safetensors.torch import load_file, save_file

from makers_attacks import DEEP, Case, content, edit_json, special

EVALUATE = ("evaluate", "run", "--device", "cpu")
MODEL = "run/seed-1111/model"
CONFIG, WEIGHTS = f"{MODEL}/config.json", f"{MODEL}/weights.safetensors"
ANALYZE = ("analyze", "t.txt", "--model", MODEL)
TEXT = content("t.txt", "A good film.\n")


def kinds(name: str) -> dict[str, Callable[[Path], object]]:
    """Ways in which a JSON file is none."""

    def instead(make: Callable[[Path], object]) -> Callable[[Path], object]:
        return lambda here: ((here / name).unlink(), make(here))

    return {
        **{kind: instead(make) for kind, make in special(name).items()},
        "NUL bytes": lambda here: (here / name).write_bytes(b"\0" * 100),
        "cut short": lambda here: os.truncate(here / name, 20),
        "not UTF-8": content(name, b'{"a": "\xff"}'),
        "nested 100,000 deep": content(name, DEEP),
        "nested in mappings": content(name, '{"a":' * 50_000 + "1" + "}" * 50_000),
        "a list": content(name, "[]"),
        "a number": content(name, "1"),
        "a number of 10,000 digits": content(name, "1" * 10_000),
        "null": content(name, "null"),
    }


def json_cases(door: str, name: str, words: tuple[str, ...], skip: tuple[str, ...] = ()) -> list[Case]:
    short = Path(name).name
    return [
        Case(door, f"{short}, {kind}", words, f"{short}|{Path(name).parent.name}", make)
        for kind, make in kinds(name).items()
        if kind not in skip
    ]


def edited(name: str, **changes: Any) -> Callable[[Path], object]:
    return lambda here: edit_json(here / name, **changes)


def replaced(name: str, old: str, new: str) -> Callable[[Path], object]:
    return lambda here: (here / name).write_text((here / name).read_text().replace(old, new))


def weights(change: Callable[[dict[str, torch.Tensor]], object]) -> Callable[[Path], object]:
    def made(here: Path) -> None:
        tensors = load_file(here / WEIGHTS)
        change(tensors)
        save_file(tensors, here / WEIGHTS)

    return made


def first(tensors: dict[str, torch.Tensor]) -> str:
    return min(tensors)


def header(size: int, text: bytes = b"{}") -> Callable[[Path], object]:
    return content(WEIGHTS, size.to_bytes(8, "little") + text)


def of_run(name: str, says: str, make: Callable[[Path], object], words: tuple[str, ...] = EVALUATE) -> Case:
    return Case("run folders", name, words, says, make)


def of_model(name: str, says: str, make: Callable[[Path], object], words: tuple[str, ...] = EVALUATE) -> Case:
    return Case("saved models", name, words, says, make)


CASES = [
    *json_cases("run folders", "run/environment.json", EVALUATE),
    *json_cases("run folders", "run/summary.json", EVALUATE, skip=("no file",)),
    *(Case("run folders", f"run.yaml, {kind}", EVALUATE, "run", make) for kind, make in kinds("run/run.yaml").items()),
    of_run("no seed is finished", "run", lambda here: (here / "run/summary.json").unlink()),
    of_run("a summary of a word for a seed", "summary.json", content("run/summary.json", '{"many": {}}')),
    of_run("a summary of a number for an epoch's line", "summary.json", content("run/summary.json", '{"1111": 3}')),
    of_run(
        "a summary of texts for numbers",
        "summary.json",
        edited("run/summary.json", **{"1111": {"epoch": "x", "valid": "y"}}),
    ),
    of_run(
        "an environment without its dataset", "environment.json|dataset", edited("run/environment.json", dataset=...)
    ),
    of_run(
        "an environment with a text for its dataset",
        "environment.json|dataset",
        edited("run/environment.json", dataset="tiny"),
    ),
    of_run(
        "an environment with ESC",
        "environment.json|dataset|changed",
        edited("run/environment.json", dataset__content="\x1b[31m"),
    ),
    of_run("a run of an unknown model", "'mdff'|mdff", replaced("run/run.yaml", "model: mdf", "model: mdff")),
    of_run("a run of an unknown dataset", "'tinny'|tinny", replaced("run/run.yaml", "dataset: tiny", "dataset: tinny")),
    of_run(
        "metrics of NUL bytes",
        "metrics.jsonl",
        content("run/seed-1111/metrics.jsonl", b"\0" * 100),
        ("compare", "run", "--device", "cpu"),
    ),
    of_run(
        "metrics that are lists",
        "metrics.jsonl",
        content("run/seed-1111/metrics.jsonl", "[]\n[]\n"),
        ("compare", "run", "--device", "cpu"),
    ),
    of_run(
        "metrics nested 100,000 deep",
        "metrics.jsonl",
        content("run/seed-1111/metrics.jsonl", DEEP + "\n"),
        ("compare", "run", "--device", "cpu"),
    ),
    of_run(
        "metrics that are a FIFO",
        "metrics.jsonl",
        lambda here: ((here / "run/seed-1111/metrics.jsonl").unlink(), os.mkfifo(here / "run/seed-1111/metrics.jsonl")),
        ("compare", "run", "--device", "cpu"),
    ),
    *json_cases("saved models", CONFIG, EVALUATE),
    of_model("an unknown model", "'mdff'", edited(CONFIG, model="mdff")),
    of_model("a model that is a list", "config.json|model", edited(CONFIG, model=["mdf"])),
    of_model("metadata that is a text", "metadata", edited(CONFIG, metadata="x")),
    of_model(
        "metadata that is a list",
        "metadata|config.json",
        lambda here: (TEXT(here), edit_json(here / CONFIG, metadata=[1])),
        ANALYZE,
    ),
    of_model("no configuration", "config", edited(CONFIG, config=...)),
    of_model("a configuration that is a text", "config", edited(CONFIG, config="x")),
    of_model("a width of 10^6", "width|memory|weights.safetensors", edited(CONFIG, config__width=10**6)),
    of_model("a width of 10^12", "width|memory|weights.safetensors", edited(CONFIG, config__width=10**12)),
    of_model("another width", "damaged|model", edited(CONFIG, config__width=24)),
    of_model(
        "features of width 10^12", "width|memory|weights.safetensors", edited(CONFIG, features__audio__width=10**12)
    ),
    of_model("features of width 0", "width", edited(CONFIG, features__audio__width=0)),
    of_model("features that are a text", "features", edited(CONFIG, features="x")),
    of_model("a mean of texts", "mean", edited(CONFIG, features__audio__mean=["x"])),
    of_model("a range that is reversed", "low", edited(CONFIG, target__low=3, target__high=-3)),
    of_model("an infinite range", "config.json", replaced(CONFIG, "-3.0", "-Infinity")),
    of_model("a format from the future", "format|version|config.json", edited(CONFIG, format=10**6)),
    of_model("an unknown key", "'extra'|extra", edited(CONFIG, config__extra=1)),
    of_model("no weights", "model|weights", lambda here: (here / WEIGHTS).unlink()),
    of_model(
        "weights that are a FIFO", "model|weights", lambda here: ((here / WEIGHTS).unlink(), os.mkfifo(here / WEIGHTS))
    ),
    of_model(
        "weights that are /dev/zero",
        "model|weights",
        lambda here: ((here / WEIGHTS).unlink(), (here / WEIGHTS).symlink_to("/dev/zero")),
    ),
    of_model(
        "weights that are a pickle", "model|weights", lambda here: torch.save({"a": torch.ones(2)}, here / WEIGHTS)
    ),
    of_model("weights cut short", "model|weights", lambda here: os.truncate(here / WEIGHTS, 5000)),
    of_model("weights with a header of exabytes", "model|weights", header(2**62)),
    of_model("weights with a header that is no JSON", "model|weights", header(4, b"{,},")),
    of_model("weights of nothing", "model|weights", header(2)),
    of_model("a tensor that is missing", "model|weights", weights(lambda t: t.pop(first(t)))),
    of_model("a tensor too many", "model|weights", weights(lambda t: t.update(extra=torch.ones(2)))),
    of_model(
        "a tensor of another shape", "model|weights", weights(lambda t: t.update({first(t): torch.ones(3, 3, 3)}))
    ),
    of_model(
        "a tensor that is nan",
        "nan|finite",
        weights(lambda t: t.update({first(t): torch.full_like(t[first(t)], torch.nan)})),
    ),
]

PREDICTIONS = "run/seed-1111/predictions-test.parquet"
COMPARE = ("compare", "run", "--device", "cpu")


def predictions(change: Callable[[pa.Table], pa.Table]) -> Callable[[Path], object]:
    """Predictions on test as `evaluate` writes them, changed."""

    def made(here: Path) -> None:
        n = 16
        table = pa.table({"id": [f"x{i}" for i in range(n)], "label": np.zeros(n), "prediction": np.zeros(n)})
        pq.write_table(change(table), here / PREDICTIONS)

    return made


RECOVERED = "tiny"
CASES += [  # predictions are a cache: what does not fit is made again, and nothing worse
    Case("predictions", "another file", COMPARE, RECOVERED, content(PREDICTIONS, "x" * 500), 0),
    Case("predictions", "utterances of another dataset", COMPARE, RECOVERED, predictions(lambda t: t), 0),
    Case("predictions", "no labels", COMPARE, RECOVERED, predictions(lambda t: t.drop_columns(["label"])), 0),
    Case(
        "predictions",
        "texts",
        COMPARE,
        RECOVERED,
        predictions(lambda t: t.set_column(2, "prediction", [["x"] * 16])),
        0,
    ),
    Case("predictions", "nothing", COMPARE, RECOVERED, predictions(lambda t: t.slice(0, 0)), 0),
]
