"""DPDF-LQ: dual-path dynamic fusion with a learnable query (Zhou et al., EMNLP 2025).

What the paper leaves open is settled by the layers of ALMT (Zhang et al., EMNLP 2023), on whose code theirs stands:
8 learned tokens in front of each sequence, learned positions, pre-norm layers without a final norm, heads of width 64,
no dropout. Read literally, f_local (Eq. 30) is an extra token that sees the text only, whatever audio and vision hold;
the default takes the mean over the audio and vision steps that were asked (``local_pool``), which is what the prose
describes. Tokens and positions from N(0, 1) drown what stands beside them, so that by default a layer norm follows each
projection and learned vectors start small. Presets: ``paper`` starts them at N(0, 1), ``literal`` takes Eq. 30 at its
word, ``code`` is the released code. A missing modality has no tokens, no share in the gate of Eq. 13 and no step in any
attention; where the text is missing, Eq. 24 keeps the query. The page docs/deviations.md lists all readings with the
alternatives.
"""

from typing import Any, Literal

import torch
from torch import Tensor, nn

from sentiprism.errors import UserError
from sentiprism.models.base import Citation, Model, ModelConfig
from sentiprism.models.dpdf_lq.dual_path import GlobalPath, LocalPath, PathConfig
from sentiprism.models.search_space import among, between
from sentiprism.nn.blocks import masked_softmax, mlp
from sentiprism.nn.objectives.task import TaskLoss, task_loss
from sentiprism.nn.text import TextEncoder
from sentiprism.types import Batch, FeatureSpec, Modality, ModelOutput, Sequence, TargetSpec

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
    SMALL = {
        "width": 16,
        "heads": 4,
        "head_width": 4,
        "hidden": 32,
        "positions": 16,
        "global_depth": 1,
        "local_depth": 1,
    }

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
    """A global path around a learnable query, a local path over whole sequences, and a gate between them."""

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

    def __init__(
        self, features: FeatureSpec, target: TargetSpec, config: DPDFLQConfig, *, pretrained: bool = True
    ) -> None:
        super().__init__(features, target, config, pretrained=pretrained)
        reads = sum(LocalPath.roles(self.modalities, config), ()) if config.local_path else ()
        if not config.global_path:
            self.modalities = tuple(m for m in self.modalities if m in reads)
            if not reads:
                raise UserError("no path is left that reads anything", "switch global_path on")
        elif config.query == "ahl" and (self.modalities[0] != "text" or len(self.modalities) == 1):
            raise UserError(
                f"query ahl: the text asks the other modalities, and there is only {' and '.join(self.modalities)}",
                "choose query dglqa or standard",
            )
        inputs: dict[Modality, int] = {m: self.input_widths[m] for m in self.modalities}
        self.text_encoder_local: TextEncoder | None = None
        if "text" not in inputs and "text" in self.input_widths:
            del self.text_encoder  # no path is left that reads it
        own = config.encoders == 2 and config.global_path and "text" in reads
        if own and features.text is not None and features.text.kind == "tokens":
            self.text_encoder_local = TextEncoder(features.text, pretrained=pretrained)
        self.global_path = GlobalPath(inputs, config) if config.global_path else None
        # Eq. 30 taken literally reads the text only: without text that path says nothing
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
        losses = {}
        if batch.labels:
            losses = {"task": task_loss(prediction, batch.labels["M"], self.target, self.config.task)}  # Eq. 36
        return ModelOutput(prediction, losses, weights, features)

    def _shares(self, paths: Tensor, present: Tensor) -> Tensor:
        """FG (B, 2) of the paths (B, 2, D); a path whose modalities are all missing has no share."""
        local = torch.tensor(self.read_locally, device=present.device)
        informed = torch.stack([present.any(dim=1), (present & local).any(dim=1)], dim=1)
        logits = self.fusion_gate(paths.flatten(1)) if self.config.gate else torch.zeros_like(paths[..., 0])
        return masked_softmax(logits, informed)  # Eqs. 31 to 33
