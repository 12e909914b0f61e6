"""Mutual information of representations in nats, bounded from below and from above with learned critics.

A critic scores all pairs of a batch, [i, j] = f(x_i, y_j), for K pairs of variables at once: (K, B, B). A conditional
bound given a label is the plain one of variables that carry the label's embedding, [x; e(label)] and [y; e(label)].
"""

import torch
from torch import Tensor, nn
from torch.func import functional_call

from sentiprism.nn.stacked import StackedLinear


class Critic(nn.Module):
    """f(x, y): an MLP over [x; y] with two hidden layers (FactorCL, Liang et al. 2023), K of them.

    The first layer of a concatenation is the sum of a layer of x and a layer of y, so it is computed 2B times in the
    place of B² times.

    Args:
        count: K.
        left: width of x.
        right: width of y.
        hidden: H.
    """

    def __init__(self, count: int, left: int, right: int, hidden: int) -> None:
        super().__init__()
        self.left = StackedLinear(count, left, hidden)
        self.right = StackedLinear(count, right, hidden, bias=False)
        self.hidden = StackedLinear(count, hidden, hidden)
        self.out = StackedLinear(count, hidden, 1)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """(K, B, left), (K, B, right) -> (K, B, B)."""
        pairs = (self.left(x).unsqueeze(2) + self.right(y).unsqueeze(1)).relu()  # (K, B, B, H)
        score: Tensor = self.out(self.hidden(pairs).relu())
        return score.squeeze(-1)


def frozen(critic: nn.Module, x: Tensor, y: Tensor) -> Tensor:
    """The critic's scores, through which x and y learn and the critic does not."""
    # a copy: the critic's own weights may be updated before the backward pass comes to these scores
    weights = {name: p.detach().clone() for name, p in critic.named_parameters()}
    scores: Tensor = functional_call(critic, weights, (x, y))
    return scores


def info_nce(scores: Tensor, mask: Tensor) -> Tensor:
    """Lower bound of I(x; y): mean of f(x_i, y_i) - log Σ_j exp f(x_i, y_j) + log n (FINE, Eqs. 7 and 11).

    The sum over j includes the positive, as in van den Oord et al. 2018; FINE's equations have only the negatives,
    which is not a bound. It never exceeds log n.

    Args:
        scores: (K, B, B).
        mask: (K, B) bool: the n samples that have both x and y.

    Returns:
        (K,) nats; 0 where fewer than two samples count.
    """
    count = mask.sum(dim=1)
    others = scores.masked_fill(~mask.unsqueeze(1), torch.finfo(scores.dtype).min).logsumexp(dim=2)  # (K, B)
    gain = (scores.diagonal(dim1=1, dim2=2) - others) * mask  # FINE, Eqs. 7, 11
    mean = gain.sum(dim=1) / count.clamp(min=1)
    return (mean + count.clamp(min=1).log()) * (count > 1)


def nce_club(scores: Tensor, mask: Tensor) -> Tensor:
    """Upper bound of I(x; y) where f is the critic that `info_nce` is largest for (FINE, Eqs. 8 and 10).

    Mean of f over the n pairs that belong together, less its mean over all n² pairs. With a critic that lags behind it
    bounds nothing and may be negative. Arguments and result as of `info_nce`.
    """
    count = mask.sum(dim=1)
    together = (scores.diagonal(dim1=1, dim2=2) * mask).sum(dim=1) / count.clamp(min=1)
    pairs = mask.unsqueeze(1) & mask.unsqueeze(2)
    every = (scores * pairs).sum(dim=(1, 2)) / count.square().clamp(min=1)
    return (together - every) * (count > 1)  # FINE, Eqs. 8, 10


def mean_usable(values: Tensor, mask: Tensor) -> Tensor:
    """Mean of (K,) over those with at least two samples in the (K, B) mask; 0 where there are none."""
    usable = mask.sum(dim=1) > 1
    return (values * usable).sum() / usable.sum().clamp(min=1)
