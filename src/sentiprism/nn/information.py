"""Losses for shared, unique and task-relevant factors: FINE's mutual information terms, and MISA's distances."""

from collections.abc import Collection
from itertools import combinations

import torch
from torch import Tensor, nn

from sentiprism.nn.blocks import mlp
from sentiprism.nn.factorize import Factors
from sentiprism.nn.objectives.moments import moment_discrepancy
from sentiprism.nn.objectives.mutual_information import Critic, frozen, info_nce, mean_usable, nce_club
from sentiprism.nn.objectives.orthogonality import difference
from sentiprism.nn.stacked import stacked_mlp


def pairs(modalities: int) -> tuple[list[int], list[int]]:
    """Left and right members of the K unordered pairs of modalities."""
    found = list(combinations(range(modalities), 2))
    return [i for i, _ in found], [j for _, j in found]


class InformationTerms(nn.Module):
    """I_sha, I_uni, I_str and I_utr of FINE with their signs in L_MI (Eq. 12), and the loss of the critics f*.

    The critics of the upper bounds learn by ``critic``, which is minus their InfoNCE on detached inputs; the upper
    bounds are taken with detached critics, so inputs learn by them and critics do not. The critics of the lower bounds
    learn together with their inputs.

    Args:
        modalities: M.
        width: D.
        labels: numbers a label is given as.
        terms: which of ``sha``, ``uni``, ``str`` and ``utr`` there are; those of pairs need two modalities.
        critic_width: hidden width of the critics.
        label_width: width of an embedded label.
        clamp: take an upper bound below 0, which is none, for 0.
        learn_shared_label: whether Y^str learns. Only a bound that is minimised would teach it, in which it collapses.
    """

    def __init__(
        self,
        modalities: int,
        width: int,
        labels: int,
        terms: Collection[str],
        *,
        critic_width: int,
        label_width: int,
        clamp: bool = False,
        learn_shared_label: bool = False,
    ) -> None:
        super().__init__()
        self.left, self.right = pairs(modalities)
        self.clamp = clamp
        self.critics = nn.ModuleDict()
        for name in ("sha", "uni", "str"):
            if name in terms and self.left:
                inputs = width + label_width if name == "str" else width
                self.critics[name] = Critic(len(self.left), inputs, inputs, critic_width)
        if "utr" in terms:
            self.critics["utr"] = Critic(modalities, width, label_width, critic_width)
            self.unique_labels = stacked_mlp(modalities, labels, label_width, label_width, 0.0)
        if "str" in self.critics:
            self.shared_label = mlp(labels, label_width, label_width, 0.0).requires_grad_(learn_shared_label)

    def forward(self, means: Factors, present: Tensor, label: Tensor, *, ready: bool = True) -> dict[str, Tensor]:
        """The terms there are, each to be minimised.

        Args:
            means: (M, B, D) factors, pooled over their tokens.
            present: (M, B) bool; a pair counts where both are present.
            label: (B, labels).
            ready: False gives upper bounds as 0 while their critics learn.
        """
        losses: dict[str, Tensor] = {}
        lower = means.shared.new_zeros(())
        for name, critic in self.critics.items():
            x, y = self._sides(name, means, label)
            mask = present if name == "utr" else present[self.left] & present[self.right]
            if name in {"sha", "utr"}:
                losses[name] = -mean_usable(info_nce(critic(x, y), mask), mask)  # FINE, Eqs. 7, 11
                continue
            bound = nce_club(frozen(critic, x, y), mask)  # FINE, Eqs. 8, 10
            losses[name] = mean_usable(bound.clamp(min=0) if self.clamp else bound, mask) * ready
            lower = lower + mean_usable(info_nce(critic(x.detach(), y.detach()), mask), mask)
        return losses | {"critic": -lower}

    def _sides(self, name: str, means: Factors, label: Tensor) -> tuple[Tensor, Tensor]:
        """The variables of a term: (K, B, ·) twice."""
        if name == "utr":
            return means.unique_task, self.unique_labels(label.expand(len(means.unique_task), -1, -1))
        part = {"sha": means.shared, "uni": means.unique, "str": means.shared_task}[name]
        x, y = part[self.left], part[self.right]
        if name == "str":
            given = self.shared_label(label).expand(len(self.left), -1, -1)  # Y^str
            return torch.cat([x, given], dim=2), torch.cat([y, given], dim=2)
        return x, y


def misa_distances(means: Factors, present: Tensor) -> dict[str, Tensor]:
    """MISA's losses instead of mutual information (Hazarika et al. 2020, Eqs. 7 and 8).

    ``sha``: central moment discrepancy of the shared parts, mean over the pairs of modalities. ``uni``: difference loss
    of shared and unique parts, and of the unique parts of each pair, summed.

    Args:
        means: (M, B, D) factors with values in (0, 1), pooled over their tokens.
        present: (M, B) bool.
    """
    left, right = pairs(len(present))
    both = present[left] & present[right]
    alike = moment_discrepancy(means.shared[left], means.shared[right], both)
    apart = difference(means.shared, means.unique, present).sum()
    return {
        "sha": mean_usable(alike, both),
        "uni": apart + difference(means.unique[left], means.unique[right], both).sum(),
    }
