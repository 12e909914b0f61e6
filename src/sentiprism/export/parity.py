"""Compare an exported model with the one it was made of, on real utterances."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import TuningView
from sentiprism.data.prepare import PreparedSplit
from sentiprism.export.inputs import known_part, made_up, utterances_of
from sentiprism.export.result import TORCH, Measured
from sentiprism.metrics import Metric, protocol, protocol_for
from sentiprism.training.engine import Engine
from sentiprism.training.predict import forward_all

if TYPE_CHECKING:
    from sentiprism.export.graph import FlatModel
    from sentiprism.export.run import Runner

Run = Callable[[list[dict[str, Any]]], object]
"""Predicts utterances that a runner has read."""
TIMED = 24
"""Most utterances of which the time is measured, one at a time."""
BATCH = 32


class Reference(NamedTuple):
    """A model's predictions in torch, and the same utterances as a runner reads them."""

    model: "FlatModel"
    utterances: list[dict[str, Any]]
    prediction: npt.NDArray[np.float32]
    metric: Metric
    score: Callable[[npt.NDArray[np.float32]], float]

    def measure(self, runners: dict[str, "Runner"], sizes: dict[str, int]) -> list[Measured]:
        """Predict the utterances with each graph, and measure the time of each and of torch, in turns.

        Args:
            runners: by name.
            sizes: bytes of each graph.
        """
        import torch

        (first, *_) = runners.values()
        kept = [first.read(one) for one in self.utterances]

        def torch_run(rows: list[dict[str, Any]]) -> None:
            feeds = first.feeds(rows)
            with torch.inference_mode():
                self.model(*(torch.from_numpy(feeds[name]) for name in self.model.names))

        times = _times({TORCH: torch_run} | {name: one.run for name, one in runners.items()}, kept)
        size = sum(tensor.numel() * tensor.element_size() for tensor in self.model.parameters())
        rows = [Measured(TORCH, size, 0.0, self.score(self.prediction), *times[TORCH])]
        for name, runner in runners.items():
            parts = [runner.run(kept[start : start + BATCH]) for start in range(0, len(kept), BATCH)]
            found = np.concatenate(parts).astype(np.float32)
            difference = float(np.abs(found - self.prediction).max())
            rows.append(Measured(name, sizes[name], difference, self.score(found), *times[name]))
        return rows


def refer(flat: "FlatModel", view: TuningView | None) -> Reference:
    """Predict valid with a model in torch, with the program's own loading of data.

    Args:
        flat: wraps the model.
        view: the dataset; features that the model does not know are left out. None = made-up utterances, which have no
            labels, so that the score is NaN.

    Raises:
        UserError: the dataset has other labels than the model predicts.
    """
    model = flat.model
    split = made_up(model) if view is None else known_part(model, view)
    data = PreparedSplit(split, model.features)
    outputs = forward_all(model, data, Engine("cpu", "no"), BATCH, labels=False)
    parts = [(rows, output.prediction.float().numpy()) for rows, output in outputs]
    order = np.argsort(np.concatenate([rows for rows, _ in parts]))
    prediction = np.concatenate([part for _, part in parts])[order]
    scorer = protocol_for(model.target) if view is None else protocol(view.card.protocol)
    name = scorer.default_selection

    def score(found: npt.NDArray[np.float32]) -> float:
        return scorer.compute(found, split.labels["M"])[name] if split.labels else float("nan")

    utterances = utterances_of(split, model.features, model.modalities)
    return Reference(flat, utterances, prediction, scorer.metrics[name], score)


def _times(runs: dict[str, Run], kept: list[dict[str, Any]]) -> dict[str, tuple[float, float]]:
    """Median seconds of each for an utterance alone and for one in a batch."""
    chosen = np.linspace(0, len(kept) - 1, min(len(kept), TIMED)).astype(int)
    alone = _medians(runs, [[kept[row]] for row in chosen])
    groups = _medians(runs, [kept[row : row + BATCH] for row in range(0, len(kept), BATCH)][: TIMED // 4])
    return {name: (alone[name], groups[name]) for name in runs}


def _medians(runs: dict[str, Run], parts: list[list[dict[str, Any]]]) -> dict[str, float]:
    """Median seconds of each for an utterance; they take turns, and the first turn is not counted."""
    took: dict[str, list[float]] = {name: [] for name in runs}
    for part in (parts[0], *parts):
        for name, run in runs.items():
            took[name].append(_time(run, part) / len(part))
    return {name: float(np.median(seconds[1:])) for name, seconds in took.items()}


def _time(run: Run, part: list[dict[str, Any]]) -> float:
    begin = time.perf_counter()
    run(part)
    return time.perf_counter() - begin
