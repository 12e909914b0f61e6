"""Augment train batches: modality dropout, context dropout, feature noise."""

from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.data.config import DataConfig
from sentiprism.data.corruption import Changed, Floats, noisy
from sentiprism.data.dataset import Split
from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.ragged import Ragged
from sentiprism.types import MODALITIES, Batch, FeatureSpec, Modality


def standard_deviations(train: Split, features: FeatureSpec) -> dict[Modality, Floats]:
    """(F,) standard deviation of stored features over train, for modalities to which noise can be added.

    Text that is encoded by a text encoder is excluded; constant features have 1.
    """
    plain = [name for name in features.present() if getattr(features, name).encoder is None]
    return {name: train.sequences[name].statistics()[1] for name in plain if name in train.sequences}


class Augmentation:
    """Make augmented train batches.

    Random draws for an utterance depend on the seed, its row and the position (epoch, step, batch of the step). So a
    resumed run gets the same augmentation, and so does a run with several processes.

    Args:
        data: the original train split.
        config: probabilities and strength; without augmentation, batches are those of ``data``.
        seed: seed of the run.
    """

    def __init__(self, data: PreparedSplit, config: DataConfig, seed: int) -> None:
        self.data, self.seed = data, seed
        self._contextless = config.text.context_dropout
        text = data.features.text
        dropped = self._contextless > 0 and text is not None
        self._alone = data.without_context().rows("text") if dropped and data.context is None else None
        self._dropout: Floats = np.array([config.modality_dropout.get(name, 0.0) for name in MODALITIES])
        found = standard_deviations(data.split, data.features) if config.feature_noise else {}
        self._scale = {name: (config.feature_noise * scale).astype(np.float32) for name, scale in found.items()}

    def batch(self, rows: npt.NDArray[np.int64], *position: int) -> Batch:
        """Make the augmented batch of utterances by row for the step at ``position``."""
        made = self._read(rows, position) if self._contextless else self.data
        if not self._scale and not self._dropout.any():
            return made.batch(rows)
        kept = self._kept(rows, position)
        for name in made.features.present():
            column = MODALITIES.index(name)
            lengths = made.steps(name).copy()
            lengths[rows[~kept[:, column]]] = 0
            made = made.altered(name, self._noisy(made, name, lengths, (*position, column)))
        return made.batch(rows)

    def _read(self, rows: npt.NDArray[np.int64], position: tuple[int, ...]) -> PreparedSplit:
        """The split in which some texts among ``rows`` have no context."""
        stream = (*position, len(MODALITIES))  # a stream of its own, so that the draws of noise do not change
        chosen = {row for row in rows.tolist() if self._draw(stream, row).random() < self._contextless}
        context, alone = self.data.context, self._alone
        if context is not None:
            lengths = context.lengths.copy()
            lengths[list(chosen)] = 0
            return self.data.with_context(Changed(lengths, context.width, context.__getitem__))
        if alone is None:
            return self.data
        states = self.data.rows("text")  # same lengths as without context: only the utterance's own tokens
        mixed = Changed(states.lengths, states.width, lambda row: (alone if row in chosen else states)[row])
        return self.data.altered("text", mixed)

    def _kept(self, rows: npt.NDArray[np.int64], position: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """(B, 3) modalities that are kept; if none would be, one that the utterance has is drawn."""
        names = self.data.features.present()
        steps = [self.data.steps(m)[rows] if m in names else np.zeros_like(rows) for m in MODALITIES]
        there = np.stack(steps, axis=1) > 0  # (B, 3)
        drawn = np.stack([self._draw(position, row).random((2, len(MODALITIES))) for row in rows.tolist()])  # (B, 2, 3)
        kept = there & (drawn[:, 0] >= self._dropout)
        spared = np.where(there, drawn[:, 1], -1.0).argmax(axis=1)
        empty = there.any(axis=1) & ~kept.any(axis=1)
        kept[empty, spared[empty]] = True
        return np.asarray(kept)

    def _noisy(
        self, data: PreparedSplit, name: Modality, lengths: npt.NDArray[np.int64], position: tuple[int, ...]
    ) -> Ragged:
        rows, scale = data.rows(name), self._scale.get(name)

        def make(row: int) -> npt.NDArray[Any]:
            return rows[row] if scale is None else noisy(rows[row], scale, self._draw(position, row))

        return Changed(lengths, rows.width, make)

    def _draw(self, position: tuple[int, ...], row: int) -> np.random.Generator:
        return np.random.default_rng((self.seed, row, *position))
