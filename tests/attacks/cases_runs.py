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


CASES = [
    *json_cases("run folders", "run/environment.json", EVALUATE),
    *json_cases("run folders", "run/summary.json", EVALUATE, skip=("no file",)),
    *(Case("run folders", f"run.yaml, {kind}", EVALUATE, "run", make) for kind, make in kinds("run/run.yaml").items()),
    Case("run folders", "no seed is finished", EVALUATE, "run", lambda here: (here / "run/summary.json").unlink()),
    Case(
        "run folders",
        "a summary of a word for a seed",
        EVALUATE,
        "summary.json",
        content("run/summary.json", '{"many": {}}'),
    ),
    Case(
        "run folders",
        "a summary of a number for an epoch's line",
        EVALUATE,
        "summary.json",
        content("run/summary.json", '{"1111": 3}'),
    ),
    Case(
        "run folders",
        "a summary of texts for numbers",
        EVALUATE,
        "summary.json",
        edited("run/summary.json", **{"1111": {"epoch": "x", "valid": "y"}}),
    ),
    Case(
        "run folders",
        "an environment without its dataset",
        EVALUATE,
        "environment.json|dataset",
        edited("run/environment.json", dataset=...),
    ),
    Case(
        "run folders",
        "an environment with a text for its dataset",
        EVALUATE,
        "environment.json|dataset",
        edited("run/environment.json", dataset="tiny"),
    ),
    Case(
        "run folders",
        "an environment with ESC",
        EVALUATE,
        "environment.json|dataset|changed",
        edited("run/environment.json", dataset__content="\x1b[31m"),
    ),
    Case(
        "run folders",
        "a run of an unknown model",
        EVALUATE,
        "'mdff'|mdff",
        lambda here: (here / "run/run.yaml").write_text(
            (here / "run/run.yaml").read_text().replace("model: mdf", "model: mdff")
        ),
    ),
    Case(
        "run folders",
        "a run of an unknown dataset",
        EVALUATE,
        "'tinny'|tinny",
        lambda here: (here / "run/run.yaml").write_text(
            (here / "run/run.yaml").read_text().replace("dataset: tiny", "dataset: tinny")
        ),
    ),
    Case(
        "run folders",
        "metrics of NUL bytes",
        ("compare", "run", "--device", "cpu"),
        "metrics.jsonl",
        content("run/seed-1111/metrics.jsonl", b"\0" * 100),
    ),
    Case(
        "run folders",
        "metrics that are lists",
        ("compare", "run", "--device", "cpu"),
        "metrics.jsonl",
        content("run/seed-1111/metrics.jsonl", "[]\n[]\n"),
    ),
    Case(
        "run folders",
        "metrics nested 100,000 deep",
        ("compare", "run", "--device", "cpu"),
        "metrics.jsonl",
        content("run/seed-1111/metrics.jsonl", DEEP + "\n"),
    ),
    Case(
        "run folders",
        "metrics that are a FIFO",
        ("compare", "run", "--device", "cpu"),
        "metrics.jsonl",
        lambda here: ((here / "run/seed-1111/metrics.jsonl").unlink(), os.mkfifo(here / "run/seed-1111/metrics.jsonl")),
    ),
    *json_cases("saved models", CONFIG, EVALUATE),
    Case("saved models", "an unknown model", EVALUATE, "'mdff'", edited(CONFIG, model="mdff")),
    Case("saved models", "a model that is a list", EVALUATE, "config.json|model", edited(CONFIG, model=["mdf"])),
    Case("saved models", "metadata that is a text", EVALUATE, "metadata", edited(CONFIG, metadata="x")),
    Case(
        "saved models",
        "metadata that is a list",
        ANALYZE,
        "metadata|config.json",
        lambda here: (TEXT(here), edit_json(here / CONFIG, metadata=[1])),
    ),
    Case("saved models", "no configuration", EVALUATE, "config", edited(CONFIG, config=...)),
    Case("saved models", "a configuration that is a text", EVALUATE, "config", edited(CONFIG, config="x")),
    Case(
        "saved models",
        "a width of 10^6",
        EVALUATE,
        "width|memory|weights.safetensors",
        edited(CONFIG, config__width=10**6),
    ),
    Case(
        "saved models",
        "a width of 10^12",
        EVALUATE,
        "width|memory|weights.safetensors",
        edited(CONFIG, config__width=10**12),
    ),
    Case("saved models", "another width", EVALUATE, "damaged|model", edited(CONFIG, config__width=24)),
    Case(
        "saved models",
        "features of width 10^12",
        EVALUATE,
        "width|memory|weights.safetensors",
        edited(CONFIG, features__audio__width=10**12),
    ),
    Case("saved models", "features of width 0", EVALUATE, "width", edited(CONFIG, features__audio__width=0)),
    Case("saved models", "features that are a text", EVALUATE, "features", edited(CONFIG, features="x")),
    Case("saved models", "a mean of texts", EVALUATE, "mean", edited(CONFIG, features__audio__mean=["x"])),
    Case("saved models", "a range that is reversed", EVALUATE, "low", edited(CONFIG, target__low=3, target__high=-3)),
    Case(
        "saved models",
        "an infinite range",
        EVALUATE,
        "config.json",
        lambda here: (here / CONFIG).write_text((here / CONFIG).read_text().replace("-3.0", "-Infinity")),
    ),
    Case(
        "saved models", "a format from the future", EVALUATE, "format|version|config.json", edited(CONFIG, format=10**6)
    ),
    Case("saved models", "an unknown key", EVALUATE, "'extra'|extra", edited(CONFIG, config__extra=1)),
    Case("saved models", "no weights", EVALUATE, "model|weights", lambda here: (here / WEIGHTS).unlink()),
    Case(
        "saved models",
        "weights that are a FIFO",
        EVALUATE,
        "model|weights",
        lambda here: ((here / WEIGHTS).unlink(), os.mkfifo(here / WEIGHTS)),
    ),
    Case(
        "saved models",
        "weights that are /dev/zero",
        EVALUATE,
        "model|weights",
        lambda here: ((here / WEIGHTS).unlink(), (here / WEIGHTS).symlink_to("/dev/zero")),
    ),
    Case(
        "saved models",
        "weights that are a pickle",
        EVALUATE,
        "model|weights",
        lambda here: torch.save({"a": torch.ones(2)}, here / WEIGHTS),
    ),
    Case(
        "saved models", "weights cut short", EVALUATE, "model|weights", lambda here: os.truncate(here / WEIGHTS, 5000)
    ),
    Case("saved models", "weights with a header of exabytes", EVALUATE, "model|weights", header(2**62)),
    Case("saved models", "weights with a header that is no JSON", EVALUATE, "model|weights", header(4, b"{,},")),
    Case("saved models", "weights of nothing", EVALUATE, "model|weights", header(2)),
    Case("saved models", "a tensor that is missing", EVALUATE, "model|weights", weights(lambda t: t.pop(first(t)))),
    Case(
        "saved models", "a tensor too many", EVALUATE, "model|weights", weights(lambda t: t.update(extra=torch.ones(2)))
    ),
    Case(
        "saved models",
        "a tensor of another shape",
        EVALUATE,
        "model|weights",
        weights(lambda t: t.update({first(t): torch.ones(3, 3, 3)})),
    ),
    Case(
        "saved models",
        "a tensor that is nan",
        EVALUATE,
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
