"""Length-grouped, resumable, distributed batch sampler."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.types import TargetSpec

Indices = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

BINS = 61
"""Bins over the range of an intensity: 0.1 on [-3, 3], finer than any annotation."""


def balanced_shares(
    labels: npt.NDArray[np.generic], target: TargetSpec, *, power: float = 1.0, smoothing: float = 0.0
) -> Floats:
    """Probabilities of drawing utterances that balance rare and common labels.

    Label-distribution smoothing (Yang et al., ICML 2021): the histogram of labels is smoothed by a symmetric Gaussian
    kernel, and an utterance has the inverse density at its label as weight. The paper weights losses; weighted draws
    give the same expected loss and work with any model.

    Args:
        labels: (N,) intensities on the target's scale, or class numbers.
        target: range of the intensities, or the classes; classes have no order and are not smoothed.
        power: of the inverse density; 0.5 is the paper's square-root variant, 0 draws uniformly.
        smoothing: standard deviation of the kernel as a fraction of the range; 0 = no smoothing.

    Returns:
        (N,) probabilities that sum to 1.
    """
    if target.kind == "classes":
        place = np.asarray(labels, np.int64)
        density = np.bincount(place, minlength=len(target.classes)).astype(np.float64)
    else:
        share = (np.clip(np.asarray(labels, np.float64), target.low, target.high) - target.low) / (
            target.high - target.low
        )
        place = np.rint(share * (BINS - 1)).astype(np.int64)
        density = np.bincount(place, minlength=BINS).astype(np.float64)
        if smoothing > 0:
            steps = np.arange(BINS) / (BINS - 1)
            kernel = np.exp(-0.5 * ((steps - steps[:, None]) / smoothing) ** 2)
            density = kernel @ density
    weights = density[place] ** -power
    shares: Floats = weights / weights.sum()
    return shares


class LengthGroupedSampler:
    """Sample batches of utterances of similar length, to reduce padding.

    An epoch is a random permutation that is divided into pools; each pool is sorted by length and divided into batches,
    and the batches of all pools are shuffled. A larger pool has less padding, but also less random batches. Without
    ``shuffle`` (evaluation), there is one pool, the longest first: if memory is too small, the first batch fails.

    Args:
        lengths: (N,) steps of each utterance.
        batch_size: utterances per batch over all ranks together.
        seed: with the epoch number, it determines the order.
        shuffle: whether epochs differ.
        rank: index of this process; it gets ``batch[rank::world]`` of every batch.
        world: number of processes. If the last batch is too small for them, it is joined with the previous one.
        pool: batches per pool.
        shares: (N,) probabilities with which a shuffled epoch draws N utterances with replacement, for example from
            `balanced_shares`; None = each utterance once.

    Raises:
        UserError: a rank would get no utterances, or there are none.
    """

    def __init__(
        self,
        lengths: npt.NDArray[np.integer],
        batch_size: int,
        seed: int,
        *,
        shuffle: bool = True,
        rank: int = 0,
        world: int = 1,
        pool: int = 16,
        shares: Floats | None = None,
    ) -> None:
        if min(batch_size, world, pool) < 1 or not 0 <= rank < world:
            raise ValueError(f"{batch_size=}, {world=}, {pool=} must be positive and {rank=} below world")
        if batch_size < world:
            raise UserError(f"a batch of {batch_size} cannot be shared by {world} processes", "raise optim.batch_size")
        if len(lengths) == 0:
            raise UserError("the split has no utterances", "use a dataset whose splits are not empty")
        if len(lengths) < world:
            raise UserError(f"{len(lengths)} utterances cannot be shared by {world} processes", "use fewer of them")
        self.lengths = np.asarray(lengths, np.int64)
        self.batch_size, self.seed, self.shuffle, self.pool = batch_size, seed, shuffle, pool
        self.rank, self.world, self.shares = rank, world, shares

    def __len__(self) -> int:
        full, tail = divmod(len(self.lengths), self.batch_size)
        return max(full + (tail >= self.world if tail else 0), 1)

    def epoch(self, n: int, start: int = 0) -> Iterator[Indices]:
        """Yield this rank's part of each batch of epoch ``n``, from batch ``start`` on: (b,) rows of the split."""
        for batch in islice(self._batches(n), start, None):
            yield batch[self.rank :: self.world]

    def _batches(self, n: int) -> list[Indices]:
        if not self.shuffle:
            return self._cut(np.argsort(-self.lengths, kind="stable"))
        rng = np.random.default_rng((self.seed, n))
        N = len(self.lengths)
        order = rng.permutation(N) if self.shares is None else rng.choice(N, N, p=self.shares)
        pools = np.split(order, np.arange(0, len(order), self.pool * self.batch_size)[1:])
        # stable, because the order of ties in numpy's default sort depends on the processor
        batches = self._cut(np.concatenate([pool[np.argsort(self.lengths[pool], kind="stable")] for pool in pools]))
        return [batches[i] for i in rng.permutation(len(batches))]

    def _cut(self, order: Indices) -> list[Indices]:
        # pools have whole batches, so no batch spans two of them; if the last batch is too small for the ranks, it is
        # joined with the previous one
        return np.split(order, np.arange(1, len(self)) * self.batch_size)
