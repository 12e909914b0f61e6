"""Compare an exported model with the one it was made of, on real utterances."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch

from sentiprism.data.context import rows_before
from sentiprism.data.dataset import Split, TuningView
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.ragged import Ragged
from sentiprism.errors import UserError
from sentiprism.export.graph import FlatModel
from sentiprism.export.result import TORCH, Measured
from sentiprism.metrics import Metric, protocol, protocol_for
from sentiprism.text.encoders import load_tokenizer
from sentiprism.training.engine import Engine
from sentiprism.training.predict import forward_all
from sentiprism.types import FeatureSpec, Modality, ModalitySpec

if TYPE_CHECKING:
    from sentiprism.export.run import Runner
    from sentiprism.models import Model

TIMED = 24
"""Most utterances of which the time is measured, one at a time."""
BATCH = 32


class Reference(NamedTuple):
    """A model's predictions in torch, and the same utterances as a runner reads them."""

    model: FlatModel
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


def refer(flat: FlatModel, view: TuningView | None) -> Reference:
    """Predict valid with a model in torch, with the program's own loading of data.

    Args:
        flat: wraps the model.
        view: the dataset; features that the model does not know are left out. None = made-up utterances, which have no
            labels, so that the score is NaN.

    Raises:
        UserError: the dataset has other labels than the model predicts.
    """
    model = flat.model
    split = made_up(model) if view is None else _known(model, view)
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


def _known(model: "Model", view: TuningView) -> Split:
    """Valid with the sequences that the model can read."""
    if view.card.target != model.target:
        cause = f"dataset {view.name} has the labels {view.card.target.describe()}"
        raise UserError(cause, f"give one with those of the model, {model.target.describe()}")
    kept = dict(view.valid.sequences)
    for name in model.features.present():
        spec: ModalitySpec = getattr(model.features, name)
        if spec.source == "features" and (
            view.card.widths.get(name) != spec.width or spec.recipe not in {None, view.card.recipes.get(name)}
        ):
            kept.pop(name, None)
    return replace(view.valid, sequences=kept)


def made_up(model: "Model", count: int = 48) -> Split:
    """Utterances of random words and features, of many lengths, some without a modality."""
    rng, features = np.random.default_rng(0), model.features
    texts: list[str | None] = [None] * count
    sequences: dict[str, Ragged] = {}
    for name in features.present():
        spec: ModalitySpec = getattr(features, name)
        lengths = rng.integers(1, 60, count) * (rng.random(count) > 0.15)
        if spec.source != "features" and spec.encoder is not None:
            words = sorted(word for word in load_tokenizer(spec.encoder).get_vocab() if word.isalpha())
            texts = [" ".join(rng.choice(words, length)) or None for length in lengths.tolist()]
        else:
            mean, std = (np.array(part or default) for part, default in ((spec.mean, 0.0), (spec.std, 1.0)))
            rows = [rng.normal(mean, std, (length, spec.width)).astype(np.float32) for length in lengths.tolist()]
            sequences[name] = Ragged.from_rows(rows, spec.width)
    ids = np.array([f"made-up-{number}" for number in range(count)])
    return Split("made up", ids, np.array(["made-up"] * count), tuple(texts), {}, sequences)


def utterances_of(split: Split, features: FeatureSpec, modalities: tuple[Modality, ...]) -> list[dict[str, Any]]:
    """The utterances of a split as a runner reads them: words or token ids, and features."""
    found: list[dict[str, Any]] = [{} for _ in range(len(split))]
    for name in modalities:
        spec = getattr(features, name)
        if spec.source == "raw":
            texts = split.texts or [None] * len(split)
            before = rows_before(split, spec.context)
            for one, text, rows in zip(found, texts, before, strict=True):
                one |= {"text": text or "", "context": [texts[row] or "" for row in rows]}
            continue
        column = split.sequences.get("token_ids" if spec.source == "ids" else name)
        for row, one in enumerate(found):
            if column is not None and len(column[row]):
                one[name] = column[row]
    return found


def _times(
    runs: dict[str, Callable[[list[dict[str, Any]]], object]], kept: list[dict[str, Any]]
) -> dict[str, tuple[float, float]]:
    """Median seconds of each for an utterance alone and for one in a batch; they take turns, after one turn of each."""
    chosen = np.linspace(0, len(kept) - 1, min(len(kept), TIMED)).astype(int)
    alone, groups = [[kept[row]] for row in chosen], [kept[row : row + BATCH] for row in range(0, len(kept), BATCH)]
    found: dict[str, tuple[float, ...]] = {}
    for parts in (alone, groups[: TIMED // 4]):
        took: dict[str, list[float]] = {name: [] for name in runs}
        for part in (parts[0], *parts):
            for name, run in runs.items():
                took[name].append(_time(run, part) / len(part))
        for name, seconds in took.items():
            found[name] = (*found.get(name, ()), float(np.median(seconds[1:])))
    return found  # type: ignore[return-value] - two of each


def _time(run: Callable[[list[dict[str, Any]]], object], part: list[dict[str, Any]]) -> float:
    begin = time.perf_counter()
    run(part)
    return time.perf_counter() - begin
