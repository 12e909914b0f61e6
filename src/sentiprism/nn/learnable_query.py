"""A learnable query that reads all modalities: DPDF-LQ's DGLQA, and alternatives from its paper."""

from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from sentiprism.nn.attention import Attention
from sentiprism.nn.blocks import masked_softmax

QueryForm = Literal["dglqa", "standard", "ahl"]


class StandardQuery(nn.Module):
    """Plain attention of the query over all modalities' tokens in one softmax ("Std.A" of DPDF-LQ, Table 2).

    Args:
        width: D.
        modalities: M.
        heads: attention heads.
        head_width: d_h.
        bias: of the projections to queries, keys and values.
    """

    def __init__(
        self, width: int, modalities: int, heads: int, head_width: int | None = None, *, bias: bool = True
    ) -> None:
        super().__init__()
        self.query_norm = nn.LayerNorm(width)
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(modalities))
        self.attention = Attention(width, heads, head_width=head_width, bias=bias)

    def forward(self, query: Tensor, tokens: Tensor, present: Tensor) -> tuple[Tensor, Tensor | None]:
        """Update the query; a missing modality has no token.

        Args:
            query: (B, L, D), LQ_{i-1}.
            tokens: (B, M, L', D) global tokens.
            present: (B, M) bool.

        Returns:
            (B, L, D), and the gate where the form has one.
        """
        source, mask = normed(self.norms, tokens).flatten(1, 2), real_tokens(tokens, present).flatten(1, 2)
        return query + self.attention(self.query_norm(query), source, mask), None


class JointAttention(Attention):
    """One attention a modality, whose keys and values read all modalities, mixed by a gate (DPDF-LQ, Eqs. 6 to 11, 14).

    Arguments as of `StandardQuery`.
    """

    def __init__(self, width: int, modalities: int, heads: int, head_width: int | None, *, bias: bool) -> None:
        super().__init__(width, heads, head_width=head_width, bias=bias)
        inner = self.query.out_features
        self.key = nn.Linear(modalities * width, modalities * inner, bias=bias)
        self.value = nn.Linear(modalities * width, modalities * inner, bias=bias)
        self.modalities = modalities

    def mixed(self, query: Tensor, con: Tensor, gate: Tensor) -> Tensor:
        """(B, L, D), (B, L', M D) of Eq. 5, (B, M) -> (B, L, D)."""
        q = self.query(query).unflatten(-1, (1, self.heads, -1)).movedim(1, 3)  # DPDF-LQ, Eq. 6: (B, 1, H, L, d_h)
        # DPDF-LQ, Eqs. 7 to 9
        k, v = (p(con).unflatten(-1, (self.modalities, self.heads, -1)).movedim(1, 3) for p in (self.key, self.value))
        if self.seen is not None:
            self.seen += list((q @ k.mT / k.shape[-1] ** 0.5).softmax(dim=-1).unbind(1))
        # DPDF-LQ, Eqs. 10, 11
        out = functional.scaled_dot_product_attention(q.expand(-1, self.modalities, -1, -1, -1), k, v)
        fused = (gate[:, :, None, None, None] * out).sum(dim=1)  # DPDF-LQ, Eq. 14
        result: Tensor = self.out(fused.transpose(1, 2).flatten(2))
        return result


class DGLQA(StandardQuery):
    """Dynamic global learnable query attention: one attention a modality, mixed by a gate (DPDF-LQ, Eqs. 5 to 15).

    Eq. 15's FC is applied to each modality's output before the sum of Eq. 14 where keys and values come from one
    projection for all modalities: the gate sums to 1, so the numbers are the same.

    Args:
        width: D.
        modalities: M.
        heads: attention heads.
        head_width: d_h.
        joint: each modality's keys and values read all modalities, as Eqs. 7 and 8 are printed; otherwise its own.
        add_normed: the normalised query is added beside the query (the authors' code).
        bias: of the projections to queries, keys and values.
    """

    def __init__(
        self,
        width: int,
        modalities: int,
        heads: int,
        head_width: int | None = None,
        *,
        joint: bool = False,
        add_normed: bool = False,
        bias: bool = True,
    ) -> None:
        super().__init__(width, modalities, heads, head_width, bias=bias)
        self.add_normed = add_normed
        if joint:
            self.attention = JointAttention(width, modalities, heads, head_width, bias=bias)
        self.gate = nn.Linear(modalities * width, modalities)

    def forward(self, query: Tensor, tokens: Tensor, present: Tensor) -> tuple[Tensor, Tensor | None]:
        """As `StandardQuery`; a missing modality has no share in the gate (B, M), whose rows sum to 1."""
        B, M, _, _ = tokens.shape
        con = normed(self.norms, tokens) * present[..., None, None]  # DPDF-LQ, Eq. 5, channels still apart
        gate = masked_softmax(self.gate(con.mean(dim=2).flatten(1)), present)  # DPDF-LQ, Eqs. 12, 13
        asked = self.query_norm(query)
        if isinstance(self.attention, JointAttention):
            fused = self.attention.mixed(asked, con.transpose(1, 2).flatten(2), gate)
        else:
            queries = asked.unsqueeze(1).expand(-1, M, -1, -1).flatten(0, 1)
            # DPDF-LQ, Eqs. 6 to 11
            out = self.attention(queries, con.flatten(0, 1), real_tokens(tokens, present).flatten(0, 1))
            fused = (gate[..., None, None] * out.unflatten(0, (B, M))).sum(dim=1)  # DPDF-LQ, Eq. 14
        return query + (asked + fused if self.add_normed else fused), gate  # DPDF-LQ, Eq. 15


class AHL(nn.Module):
    """Adaptive hyper-modality learning (Zhang et al., EMNLP 2023, Section 3.3): text attends to each other modality.

    The hyper-modality, instead of the learnable query, collects softmax(Q_t K_mᵀ / √d_h) V_m of the others. A
    reading in this: each of them has an attention of its own, queries and output projection included.

    Args:
        width: D.
        modalities: M > 1, the text first.
        heads: attention heads.
        head_width: d_h.
        norm_query: whether the hyper-modality is normalised before anything is added to it (ALMT's code).
    """

    def __init__(
        self, width: int, modalities: int, heads: int, head_width: int | None = None, *, norm_query: bool = False
    ) -> None:
        super().__init__()
        self.query_norm = nn.LayerNorm(width) if norm_query else nn.Identity()
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(modalities))
        self.attentions = nn.ModuleList(Attention(width, heads, head_width=head_width) for _ in range(modalities - 1))

    def forward(self, query: Tensor, tokens: Tensor, present: Tensor) -> tuple[Tensor, Tensor | None]:
        """As `StandardQuery`."""
        text, *others = normed(self.norms, tokens).unbind(1)
        query = self.query_norm(query)
        masks = real_tokens(tokens, present).unbind(1)[1:]
        for attention, other, mask in zip(self.attentions, others, masks, strict=True):
            query = query + attention(text, other, mask)
        return query, None


FORMS: dict[QueryForm, type[DGLQA | StandardQuery | AHL]] = {"dglqa": DGLQA, "standard": StandardQuery, "ahl": AHL}


class ChannelAttention(nn.Module):
    """Squeeze and excitation over the tokens, with a residual (DPDF-LQ, Eqs. 16 to 19).

    Args:
        width: D.
        reduction: r.
    """

    def __init__(self, width: int, reduction: int = 4) -> None:
        super().__init__()
        inner = max(width // reduction, 1)
        self.squeeze, self.excite = nn.Linear(width, inner), nn.Linear(inner, width)

    def forward(self, query: Tensor) -> Tensor:
        """(B, L, D) -> (B, L, D)."""
        z = query.mean(dim=1, keepdim=True)  # DPDF-LQ, Eq. 16
        s: Tensor = self.excite(functional.gelu(self.squeeze(z))).sigmoid()  # DPDF-LQ, Eq. 17
        return query * s + query  # DPDF-LQ, Eqs. 18, 19


class QueryEncoder(nn.Module):
    """A learnable query and the layers that update it (DPDF-LQ, Section 3.3.2).

    Args:
        start: (L, D) the query before it is learned, LQ_0.
        depth: N layers.
        modalities: M.
        heads: attention heads.
        head_width: d_h.
        form: the attention inside a layer.
        reduction: r of the channel attention; None = there is none (ALMT).
        options: of the attention.
    """

    def __init__(
        self,
        start: Tensor,
        depth: int,
        modalities: int,
        heads: int,
        *,
        head_width: int | None = None,
        form: QueryForm = "dglqa",
        reduction: int | None = 4,
        **options: Any,
    ) -> None:
        super().__init__()
        width = start.shape[1]
        self.query = nn.Parameter(start)
        self.attentions = nn.ModuleList(
            FORMS[form](width, modalities, heads, head_width, **options) for _ in range(depth)
        )
        self.channels = nn.ModuleList(
            ChannelAttention(width, reduction) if reduction else nn.Identity() for _ in range(depth)
        )

    def forward(self, scales: list[Tensor], present: Tensor) -> tuple[Tensor, Tensor | None]:
        """Run the layers, each on tokens of its own.

        Args:
            scales: (B, M, L', D) a layer.
            present: (B, M) bool.

        Returns:
            LQ_n (B, L, D), and the gates' mean over layers (B, M) where the form has a gate.
        """
        query, gates = self.query.expand(present.shape[0], -1, -1), []
        for attention, channels, tokens in zip(self.attentions, self.channels, scales, strict=True):
            query, gate = attention(query, tokens, present)
            query = channels(query)
            gates += [] if gate is None else [gate]
        return query, torch.stack(gates).mean(dim=0) if gates else None


def normed(norms: nn.ModuleList, tokens: Tensor) -> Tensor:
    """Each modality through its own layer norm: (B, M, L, D) -> (B, M, L, D)."""
    return torch.stack([norm(one) for norm, one in zip(norms, tokens.unbind(1), strict=True)], dim=1)


def real_tokens(tokens: Tensor, present: Tensor) -> Tensor:
    """(B, M, L) bool: the tokens of the modalities that are there."""
    return present.unsqueeze(-1).expand(-1, -1, tokens.shape[2])
