"""Predict a split in its own order."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.sampler import LengthGroupedSampler
from sentiprism.training.engine import Engine
from sentiprism.types import MODALITIES, ModelOutput

if TYPE_CHECKING:  # reading predictions does not need torch
    from torch import nn

Array = npt.NDArray[Any]


class Predictions(NamedTuple):
    """A model's predictions for N utterances."""

    ids: Array
    label: Array
    """(N,) float32, or int64 classes."""
    prediction: Array
    """(N,) float32, or (N, C) logits."""
    weights: dict[str, Array]
    """(N, K) by name; (N,) of arrays, each as long as its sample, for weights over time."""
    losses: dict[str, float] = {}
    """Mean over the samples, by name."""
    bounds: dict[str, Array] = {}
    """Of a calibrated model: "low" and "high" (N,), or "set" (N, C) bool, see `metrics.conformal`."""
    present: Array | None = None
    """(N,) modalities that each utterance has for the model, as "text+audio"; None if not recorded."""
    videos: Array | None = None
    """(N,) video of each utterance; None in files of earlier versions."""


def forward_all(
    model: "nn.Module",
    data: PreparedSplit,
    engine: Engine,
    batch_size: int = 64,
    *,
    rows: npt.NDArray[np.int64] | None = None,
    labels: bool = True,
) -> Iterator[tuple[Array, ModelOutput]]:
    """Yield row numbers and outputs per batch for this process's part of a split, in evaluation mode.

    Args:
        model: on the engine's device.
        data: the split.
        engine: device and processes.
        batch_size: utterances per batch.
        rows: which utterances; None = all.
        labels: whether batches have labels, from which the model computes its losses.
    """
    import torch

    rows = np.arange(len(data)) if rows is None else rows
    lengths = data.lengths[rows]
    sampler = LengthGroupedSampler(lengths, batch_size, 0, shuffle=False, rank=engine.rank, world=engine.world)
    was_training = model.training
    model.eval()
    try:
        with torch.inference_mode(), engine.autocast():
            for chosen in sampler.epoch(0):
                batch = engine.move(data.batch(rows[chosen]))
                yield rows[chosen], model(batch if labels else batch._replace(labels={}))
    finally:
        model.train(was_training)


def predict(model: "nn.Module", data: PreparedSplit, engine: Engine, batch_size: int = 64) -> Predictions:
    """Predict a whole split; every process gets all predictions."""
    parts: list[tuple[Array, dict[str, Array], dict[str, float]]] = []
    for rows, output in forward_all(model, data, engine, batch_size):
        columns = {"prediction": output.prediction} | {f"weights.{k}": v for k, v in output.weights.items()}
        arrays = {name: tensor.float().cpu().numpy() for name, tensor in columns.items()}
        for modality in MODALITIES:
            if (name := f"weights.time.{modality}") in arrays:
                lengths = data.steps(modality)[rows]
                arrays[name] = _ragged([row[:n] for row, n in zip(arrays[name], lengths, strict=True)])
        parts.append((rows, arrays, {name: float(loss) for name, loss in output.losses.items()}))
    parts = [part for share in engine.gather(parts) for part in share]
    rows = np.concatenate([part[0] for part in parts])
    order = np.argsort(rows, kind="stable")
    joined = {name: np.concatenate([part[1][name] for part in parts])[order] for name in parts[0][1]}
    losses = {
        name: float(np.average([part[2][name] for part in parts], weights=[len(part[0]) for part in parts]))
        for name in parts[0][2]
    }
    return Predictions(
        data.split.ids,
        data.split.labels["M"],
        joined.pop("prediction"),
        {name.removeprefix("weights."): array for name, array in joined.items()},
        losses,
        videos=data.split.video_ids,
    )


def _ragged(rows: list[Array]) -> Array:
    """(N,) object array of arrays, also if all have the same length."""
    column = np.empty(len(rows), object)
    column[:] = rows
    return column
