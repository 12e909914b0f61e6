"""A published table of MDF on the dataset "small", and fixtures that write and measure it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from makers_models import small
from sentiprism.reproduction.ablation import ablate

ROWS = [
    {"name": "Another's", "values": [0.9, None]},
    {"name": "without a", "settings": {"config": {"loss_weights": {"a": 0}}}, "values": [0.72, 0.781]},
    {"name": "text alone", "settings": {"config": {"modalities": ["text"]}}, "values": [0.8, 0.7]},
    {"name": "whole", "settings": {}, "values": [0.692, 0.81]},
]


@pytest.fixture
def paper(tmp_path: Path) -> Callable[..., str]:
    """Writes an experiment on the dataset "small" with one table of ``rows``; returns its path."""

    def write(rows=ROWS, dataset="small", **run) -> str:
        run = {
            "model": "mdf",
            "dataset": dataset,
            "config": small("mdf"),
            "optim": {"epochs": 1, "batch_size": 16},
            **run,
        }
        table = {"caption": "What helps", "alias": "components", "columns": ["mae", "pearson"], "rows": rows}
        file = {"title": "MDF", "source": "a paper", "selection": "not stated", "notes": ["a note"], "run": run}
        path = tmp_path / "paper.yaml"
        path.write_text(yaml.safe_dump({**file, "published": {"table_2": table}}), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def measure(data: Any, tmp_path: Path, paper: Callable[..., str]) -> Callable[..., Any]:
    """Ablates on the small dataset into ``runs``."""

    def run(rows=ROWS, **options):
        experiment = options.pop("experiment", None) or paper(rows)
        return ablate("mdf", "2", experiment=experiment, out=tmp_path / "runs", device="cpu", quiet=True, **options)

    return run
