"""Mean attention maps of a saved model over utterances of any length."""

from math import isnan, nan
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.explanation.representations import ModelOnSplit, draw_rows
from sentiprism.models import MODELS, create_model
from sentiprism.training.predict import forward_all
from sentiprism.types import FeatureSpec, ModalitySpec, TargetSpec

if TYPE_CHECKING:
    from sentiprism.models import Model

Array = npt.NDArray[np.float32]

EXACT = 64
"""Longest axis of a map with one cell per step."""
GRID = 32
"""Number of cells of a longer axis, or of one whose length differs between utterances."""


class AttentionMap(NamedTuple):
    """Mean weights of one attention module over heads and utterances."""

    weights: Array
    """(Q, K): the weights of one query cell on the source, which sum to 1."""
    relative: tuple[bool, bool]
    """Whether the cells of query and source are fractions of the length, from 0 to 1, or steps."""
    entropy: float = nan
    """Mean normalised entropy of a row over heads, queries and utterances: 1 = uniform over the steps it may attend to,
    0 = on one step; nan if there was never more than one step."""


def mean_attention(at: ModelOnSplit, limit: int = 200) -> dict[str, AttentionMap]:
    """Mean attention maps by module name; a module that is called several times has ``name [1]``, ``name [2]``.

    Only utterances with all modalities that the model uses are included, one at a time, so that there is no padding.
    An axis of constant length (learned tokens) has one cell per step, others have `GRID` cells over their length:
    weights on source steps are summed in a cell, queries are averaged.

    Args:
        at: model and split.
        limit: most utterances.

    Raises:
        UserError: the model has no attention, or no utterance has all its modalities.
    """
    from sentiprism.nn.attention import attention_maps

    if not _attends(at.model):
        raise UserError(
            f"{at.model.name} has no attention layers", f"choose a run of: {', '.join(models_with_attention())}"
        )
    rows = draw_rows(np.flatnonzero(at.whole), limit)
    if not len(rows):
        split = at.data.split.name
        raise UserError(f"no utterance of {split} has all of {', '.join(at.model.modalities)}", "choose another split")
    sums: dict[str, _Sum] = {}
    with attention_maps(at.model) as maps:
        for _ in forward_all(at.model, at.data, at.engine, batch_size=1, rows=rows, labels=False):
            for name, calls in maps.items():
                for i, weights in enumerate(calls):
                    key = f"{name} [{i + 1}]" if len(calls) > 1 else name
                    if len(weights):  # an expert that is not used gets an empty batch
                        heads = weights[0].float().cpu().numpy()
                        sums.setdefault(key, _Sum()).add(heads.mean(axis=0), entropy(heads))
                calls.clear()
    return {name: found.mean() for name, found in sums.items()}


def models_with_attention() -> list[str]:
    """Names of the models that have attention layers."""
    import torch

    features = FeatureSpec(**dict.fromkeys(("text", "audio", "vision"), ModalitySpec(kind="features", width=8)))
    with torch.device("meta"):
        return [name for name in MODELS if _attends(create_model(name, features, TargetSpec()))]


class _Sum:
    """Sum of maps of any size; each axis has one cell per step until its length changes."""

    def __init__(self) -> None:
        self.total: Array | None = None
        self.count, self.lengths = 0, (0, 0)
        self.entropies: list[float] = []
        self.relative = (False, False)

    def add(self, weights: Array, spread: float = nan) -> None:
        """Add a map (Tq, Tk), and the mean entropy of its heads' rows."""
        if not isnan(spread):
            self.entropies.append(spread)
        if self.total is None:
            self.lengths = (weights.shape[0], weights.shape[1])
            self.relative = (weights.shape[0] > EXACT, weights.shape[1] > EXACT)
            self.total = np.zeros_like(self._folded(weights, self.relative))
        varying = tuple(a or n != m for a, n, m in zip(self.relative, self.lengths, weights.shape, strict=True))
        newly = (varying[0] and not self.relative[0], varying[1] and not self.relative[1])
        self.total = self._folded(self.total, newly)
        self.relative = (varying[0], varying[1])
        self.total = self.total + self._folded(weights, self.relative)
        self.count += 1

    def mean(self) -> AttentionMap:
        """Mean of the added maps."""
        assert self.total is not None  # noqa: S101 - a map has been added
        spread = float(np.mean(self.entropies)) if self.entropies else nan
        return AttentionMap(np.asarray(self.total / self.count, np.float32), self.relative, spread)

    @staticmethod
    def _folded(weights: Array, axes: tuple[bool, bool]) -> Array:
        if axes[0]:
            shares = cell_weights(weights.shape[0])
            weights = (shares / shares.sum(axis=1, keepdims=True)) @ weights
        return weights @ cell_weights(weights.shape[1]).T if axes[1] else weights


def entropy(weights: Array) -> float:
    """Mean over heads and rows of (..., Tq, Tk) attention of -Σ a log a, divided by the log of the steps of a row.

    Rows with one step are ignored; nan if all rows have one step.
    """
    seen = np.count_nonzero(weights, axis=-1)
    logs = np.log(weights, out=np.zeros_like(weights), where=weights > 0)
    spread = -(weights * logs).sum(axis=-1)[seen > 1] / np.log(seen[seen > 1])
    return float(spread.mean()) if len(spread) else nan


def cell_weights(steps: int) -> Array:
    """(GRID, steps) share of each step's interval in [0, 1] that is in each cell; columns sum to 1."""
    coarse, fine = np.linspace(0, 1, GRID + 1)[:, None], np.linspace(0, 1, steps + 1)
    overlap = np.minimum(coarse[1:], fine[1:]) - np.maximum(coarse[:-1], fine[:-1])
    return np.asarray(np.clip(overlap, 0, None) * steps, np.float32)


def _attends(model: "Model") -> bool:
    from sentiprism.nn.attention import Attention

    return any(isinstance(module, Attention) for module in model.modules())
