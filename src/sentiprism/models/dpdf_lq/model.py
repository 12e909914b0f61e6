"""DPDF-LQ: dual-path dynamic fusion with a learnable query (Zhou et al., EMNLP 2025).

A global path gathers all modalities around a learnable query, a local path reads audio and vision by the text, and a
gate mixes the two. What the paper leaves open is taken from ALMT (Zhang et al., EMNLP 2023), whose code theirs builds
on: 8 learned tokens in front of each sequence, learned positions, pre-norm layers without a final norm, heads of width
64, no dropout. Preset ``paper`` starts tokens and positions at N(0, 1), ``literal`` also takes Eq. 30 literally,
``code`` is the released code.

Deviations:
    The authors' code is published; it builds on that of ALMT (Zhang et al., EMNLP 2023), whose layers are used
    where the paper does not say. It is not the model of the paper's equations: `preset: code`, in the paper's
    experiments, reproduces the whole of it, with the 224.88 M parameters that the paper counts. A test counts
    224,877,630 for MOSEI, of which 1,945,426 are unused and not built here: BERT's two poolers, the local path's
    encoders of audio and vision, the spatial attention and a head of each path, and positions of target steps.

    - place | the paper | here | why, and the alternative
    - start | – | a layer norm behind each projection; positions, tokens and query from N(0, 0.02²) | from N(0, 1), as
      in the code base, they outweigh the features: 0.4 % of the fused vector's energy differed between utterances of
      MOSI. `preset: paper` is the paper's equations with that start, `literal` the same with Eq. 30 taken literally
    - Eq. 30 | f_local = CrossAttn(H_t, Con_{a+v})[0, :] | mean over the extra token and all audio and vision steps
      (`local_pool: mean`) | rows of a cross-attention do not attend to each other, so the extra token that ALMT puts in
      front reads the text only: taken literally, nothing of audio and vision reaches f_local. `local_pool: token0`
      (`preset: literal`, and the code) has that form, without the audio and vision layers that would never get a
      gradient; `global_tokens` takes the learned tokens instead of all steps, at a fifth of the cost on 875 frames
    - Eqs. 21, 25 | [0, :] | the extra token, which reads the query only | text enters LQ'' by Eq. 24 anyway.
      `global_pool: mean` includes the text's tokens
    - Eq. 3 | h_m = H_m[0, :] ∈ R^{l_t×d} | the 8 learned tokens in front of each sequence | that is the shape given.
      The code starts them at 0 and gives them positions (`preset: code`); here a token and its position are one vector,
      and steps are counted from 0 behind them
    - positions | – | tables of 512 (`positions`), later steps share the last; audio and vision have tables of their own
      in Eq. 29 | with one table over the concatenation the position of a vision step would depend on the padding of the
      audio
    - layers | "Transformer layer" | pre-norm, no final norm, 8 heads of width 64, GELU, no dropout | ALMT's;
      `head_width`, `dropout`
    - Table 3 | hidden dimension 256 | width of the feed-forward parts; d = 128 | the code has 128, which the count of
      parameters bears out
    - text encoders | 224.88 M parameters | one for both paths | one encoder does for both and halves the time;
      `encoders: 2` (`preset: code`)
    - Eqs. 7, 8 | W_K, W_V on all 3d channels of Con | each modality's keys and values are made of its own tokens, by
      one projection | "K_m, V_m" of Eq. 9 would otherwise each hold all modalities, and the gate of Eq. 13 would weigh
      no modality. `joint_keys: true` is the printed form, and the code's
    - Eqs. 6 to 11 | d_h, not given | heads of 64, as elsewhere | `gather_head_width: 16` (`preset: code`)
    - Eqs. 14, 15 | – | layer norm before, Eq. 15's FC applied before the sum of Eq. 14 | the gate sums to 1, so the
      order of the last two is the same numbers
    - Eq. 15 | LQ_{i−1} + FC(Fused) | the same | the code adds the normalised query to the query (`released`, in
      `preset: code`)
    - Eq. 4 | h_t^0 is the original feature | the same; n − 1 layers read it with positions of its own, level i for
      DGLQA layer i + 1 | in the code level 0 has the positions too (`released`)
    - Eq. 20 | depth-wise convolution of kernel 3 | padded, so that 8 tokens stay | the code does not pad: 6 are left,
      joined with the first 6 of the text (`released`)
    - Eqs. 21, 25, reader | CrossAttn | weights of their own | the two calls read different things; in the code
      one reader serves both (`released`)
    - Eq. 22 | f concatenated to sequences | broadcast over the tokens
    - Eq. 35 | FC | one linear layer, no dropout | the code has two with ReLU, and dropout of 0.2 between and on
      f_global (`head_layers`, `head_dropout`)
    - Eq. 26 | SpatialAttention, depth-wise separable | kernel 3 over time, point-wise, sigmoid, times the input | the
      kernel is not given. The code's is another: N = LN(V), then P(D(GELU(A N)) ⊙ B N); it does not reach the
      prediction, and is not built under `preset: code`
    - Table 2, w/o DGLQA | – | LQ_n is the mean of the present modalities' tokens | with LQ_0 unchanged, the global path
      would read the text only
    - Table 2, Std.A and AHL | – | replace Eqs. 5 to 15; channel attention stays. Std.A: one softmax over all tokens.
      AHL: the text queries audio and vision, one attention each | Section 3.3.2 names the two parts separately
    - Table 2, w/o Gate | – | mean of both paths instead of Eqs. 31 to 33 | the table lists "Gate" with the two paths
    - Table 2, w/o GPath CA | – | f is left out of Eq. 22; f_global is the mean of LQ''
    - Table 2, CA swapped | – | source and target are swapped in both paths, `global_pool: mean` | with the extra token
      alone the global path would read the text only and not its query: refused
    - weights | – | "modality": Eq. 13's gate, mean over layers; "path": Eq. 33 | absent where an ablation removes the
      part; without the gate "path" is ½, ½
    - missing modality | – | no share in Eq. 13, no step in any attention, 0 in Eq. 12; without text, Eq. 24 keeps LQ';
      a path without input has no share in Eq. 33
    - training | lr, weight decay, batch size | in the paper's experiments that of the code: word-aligned files,
      schedule of 200 epochs (10 % warm-up, cosine), stopped after 100 (`optim.stop_after`); by step, so that the first
      epoch learns | the code steps by epoch, the first one at rate 0
    - published numbers | – | the epoch is chosen on valid | the code keeps the checkpoint with the best test Acc-2, and
      prints the best test value of each metric separately
"""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from sentiprism.errors import UserError
from sentiprism.models.base import SMALL_LAYERS, Citation, Model, ModelConfig
from sentiprism.models.dpdf_lq.dual_path import GlobalPath, LocalPath, PathConfig
from sentiprism.models.search_space import among, between
from sentiprism.nn.blocks import masked_softmax, mlp
from sentiprism.nn.objectives.task import TaskLoss, task_losses
from sentiprism.nn.text import TextEncoder
from sentiprism.types import Batch, Modality, ModelOutput, Sequence

NORMAL: dict[str, Any] = {"input_norm": False, "position_std": 1.0}
"""As the code base starts: learned vectors from N(0, 1) beside projected steps as they are."""


class DPDFLQConfig(ModelConfig, PathConfig):
    """Configuration of `DPDFLQ`; the defaults are the paper's for MOSI, or this project's reading."""

    PRESETS = {
        "default": {},
        "paper": NORMAL,
        "literal": {**NORMAL, "local_pool": "token0"},
        "code": {
            **NORMAL,
            **{"released": True, "joint_keys": True, "gather_head_width": 16, "hidden": 128, "local_pool": "token0"},
            **{"head_layers": 2, "head_dropout": 0.2, "encoders": 2, "positions": 500, "reader_positions": 50},
        },
    }
    SEARCH = {"width": among(64, 128), "query_depth": between(1, 3)}
    SMALL = {**SMALL_LAYERS, "global_depth": 1, "local_depth": 1}

    preset: str = "default"
    """Where the fields that are not given come from."""
    task: TaskLoss = "mse"
    """Eq. 36 is the mean squared error."""
    encoders: Literal[1, 2] = 1
    """Text encoders: one for both paths, or one a path as the paper's 224.88 M parameters imply."""
    global_path: bool = True
    """False: f_local alone ("w/o GPath" of Table 2)."""
    local_path: bool = True
    """False: f_global alone ("w/o LPath")."""
    head_layers: Literal[1, 2] = 1
    """Of Eq. 35; the code has two, with ReLU and ``head_dropout`` between."""
    gate: bool = True
    """False: the mean of both paths ("w/o Gate")."""


class DPDFLQ(Model):
    """Mixes a path around a learnable query and a path over sequences by a gate."""

    name = "dpdf_lq"
    version = 2
    citation = Citation(
        "Dual-Path Dynamic Fusion with Learnable Query for Multimodal Sentiment Analysis",
        "Miao Zhou, Lina Yang, Thomas Wu, Dongnan Yang, Xinru Zhang",
        "EMNLP",
        2025,
        "https://github.com/ZhouMiaoGX/DPDF-LQ",
    )
    Config = DPDFLQConfig
    config: DPDFLQConfig
    text_encoder_local: TextEncoder | None

    def build(self, config: DPDFLQConfig) -> None:
        """The paths, their gate and the head."""
        reads = sum(LocalPath.roles(self.modalities, config), ()) if config.local_path else ()
        if not config.global_path:
            self.modalities = tuple(m for m in self.modalities if m in reads)
            if not reads:
                raise UserError("no path is left that reads anything", "switch global_path on")
        elif config.query == "ahl" and (self.modalities[0] != "text" or len(self.modalities) == 1):
            raise UserError(
                f"query ahl: the text queries the other modalities, and there is only {' and '.join(self.modalities)}",
                "choose query dglqa or standard",
            )
        inputs: dict[Modality, int] = {m: self.input_widths[m] for m in self.modalities}
        self.text_encoder_local = None
        if "text" not in inputs and "text" in self.input_widths:
            del self.text_encoder  # no path is left that reads it
        own = config.encoders == 2 and config.global_path and "text" in reads
        if own and self.features.text is not None and self.features.text.kind == "tokens":
            self.text_encoder_local = TextEncoder(self.features.text, pretrained=self.pretrained)
        self.global_path = GlobalPath(inputs, config) if config.global_path else None
        # taken literally, Eq. 30 reads the text only: without text there is no such path
        self.local_path = LocalPath(inputs, config) if reads else None
        self.read_locally = [m in reads for m in self.modalities]
        if self.global_path is not None and self.local_path is not None and config.gate:
            self.fusion_gate = nn.Sequential(
                nn.Linear(2 * config.width, config.width), nn.GELU(), nn.Linear(config.width, 2)
            )
        self.head: nn.Module = nn.Linear(config.width, self.outputs)
        if config.head_layers == 2:
            self.head = mlp(config.width, max(config.width // 2, 1), self.outputs, config.head_dropout)

    def forward(self, batch: Batch) -> ModelOutput:
        """Eqs. 1 to 36; ``weights`` hold the gate of Eq. 13 ("modality") and FG of Eq. 33 ("path")."""
        present = self.present(batch)  # (B, M)
        sequences: dict[Modality, Sequence] = {m: self.sequence(m, batch) for m in self.modalities}
        features: dict[str, Tensor] = {}
        weights: dict[str, Tensor] = {}
        if self.global_path is not None:
            features["global"], gate, tokens = self.global_path(sequences, present)
            features |= dict(zip(self.modalities, tokens.unbind(1), strict=True))
            if gate is not None:
                weights["modality"] = self.spread(gate)
        if self.local_path is not None:
            if self.text_encoder_local is not None:
                sequences["text"] = self.text_encoder_local(batch.text, context=batch.context)
            features["local"] = self.local_path(sequences)
        if self.global_path is None or self.local_path is None:
            features["fused"] = features["local" if self.global_path is None else "global"]
        else:
            paths = torch.stack([features["global"], features["local"]], dim=1)
            weights["path"] = FG = self._shares(paths, present)
            features["fused"] = (FG.unsqueeze(-1) * paths).sum(dim=1)  # Eq. 34
        prediction = self.to_prediction(self.head(features["fused"]))  # Eq. 35
        losses = task_losses(prediction, batch, self.target, self.config.task)  # Eq. 36
        return ModelOutput(prediction, losses, weights, features)

    def _shares(self, paths: Tensor, present: Tensor) -> Tensor:
        """FG (B, 2) of the paths (B, 2, D); a path whose modalities are all missing has no share."""
        local = torch.tensor(self.read_locally, device=present.device)
        informed = torch.stack([present.any(dim=1), (present & local).any(dim=1)], dim=1)
        logits = self.fusion_gate(paths.flatten(1)) if self.config.gate else torch.zeros_like(paths[..., 0])
        return masked_softmax(logits, informed)  # Eqs. 31 to 33
