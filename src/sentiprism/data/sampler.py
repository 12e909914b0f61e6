"""Which utterances stand in which batch: grouped by length, seeded, resumable, shared by ranks."""

from collections.abc import Iterator
from itertools import islice

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError

Indices = npt.NDArray[np.int64]


class LengthGroupedSampler:
    """Batches of utterances of like length, so that little of a batch is padding.

    An epoch is a random permutation cut into pools; each pool is sorted by length and cut into batches, and
    the batches of all pools are shuffled. The larger the pool, the less padding, and the less chance in who
    meets whom. Without ``shuffle`` (evaluation) everything is one pool in order, the longest first: if memory
    does not suffice, the first batch says so.

    Args:
        lengths: (N,) steps of each utterance.
        batch_size: utterances per batch over all ranks together.
        seed: with the epoch's number, all that the order depends on.
        shuffle: whether epochs differ.
        rank: this process; it is given ``batch[rank::world]`` of every batch.
        world: number of processes. A tail of fewer utterances joins the batch before it: no rank goes empty.
        pool: batches per pool.

    Raises:
        UserError: a rank would be left without utterances, or there are none.
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
        self.rank, self.world = rank, world

    def __len__(self) -> int:
        full, tail = divmod(len(self.lengths), self.batch_size)
        return max(full + (tail >= self.world if tail else 0), 1)

    def epoch(self, n: int, start: int = 0) -> Iterator[Indices]:
        """This rank's part of each batch of epoch ``n``, from batch ``start`` on: (b,) rows of the split."""
        for batch in islice(self._batches(n), start, None):
            yield batch[self.rank :: self.world]

    def _batches(self, n: int) -> list[Indices]:
        if not self.shuffle:
            return self._cut(np.argsort(-self.lengths, kind="stable"))
        rng = np.random.default_rng((self.seed, n))
        order = rng.permutation(len(self.lengths))
        pools = np.split(order, np.arange(0, len(order), self.pool * self.batch_size)[1:])
        # stable: how ties fall in numpy's default sort depends on the processor
        batches = self._cut(np.concatenate([pool[np.argsort(self.lengths[pool], kind="stable")] for pool in pools]))
        return [batches[i] for i in rng.permutation(len(batches))]

    def _cut(self, order: Indices) -> list[Indices]:
        # pools hold whole batches, so no cut straddles two of them; where a tail is too small for the ranks, the cut
        # before it is left out
        return np.split(order, np.arange(1, len(self)) * self.batch_size)
