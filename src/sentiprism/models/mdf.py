"""MDF: modality-aware disentanglement and fusion (Jian et al., AAAI 2026).

The audio representation is split into a textual component, which predicts what the text predicts, and the sound that
is left. Text, sound and vision (the paper calls them primary colours) are kept different, and mixed by weights that
learn from each one's error. Every MLP is linear, ReLU, dropout, linear.

Deviations:
    The authors' code is not published.

    - place | the paper | here | why, and the alternative
    - Eq. 1 | BERT(X_t)[0] | last hidden state at [CLS], without pooler | `text_pool: mean` takes the mean over tokens,
      which MiniLM was trained for, `text_pool: lstm` a BiLSTM and a Mapper over its states, for a frozen encoder. Text
      features that are not contextual (GloVe) go through a BiLSTM and a Mapper, as audio does
    - Eq. 2 | h_a ∈ R^{d_a} | one layer, last states of both directions, 32 (audio) and 64 (vision) per direction |
      MOSI's audio has 5 features, so that d_a cannot be meant literally; `audio_hidden: null` gives ⌈d/2⌉ per direction
    - Eqs. 3, 4, 6, 8 | "MLP" | linear, ReLU, dropout 0.1, linear
    - Eqs. 6, 10, 12, 13 | Predictor | one shared module; unimodal predictions have no loss of their own | the paper
      uses one symbol. `loss_weights.uni` above 0 gives them one
    - Table 3, A' (only) | – | L_a uses the text, and A' alone is fused (`fuse: [audio]`) | without the text L_a would
      be 0, and A' an MLP like any other
    - Eq. 6 | ‖·‖₂ | mean over the batch of squared differences; both sides are trained | `detach_text`
    - Eq. 7 | sum of dot products of layer-normed vectors | LN without affine part, product divided by d | the literal
      sum grows with d and outweighs the other losses. `heterogeneity: signed` is the paper's; its minimum is at 120°
      between three modalities, but at opposite directions between two. `abs` and `square` have theirs at right angles
    - Eq. 10 | ε a small constant | ε = 0.1, w* without gradient | with 1e-8 (`epsilon: 1.0e-8`) w* is one-hot as soon
      as one error is small
    - Eq. 11 | ‖w* − w‖₂ | squared, summed over modalities, mean over the batch
    - training | AdamW, two learning rates, no schedule | weight decay 0.01 except on vectors; schedule, warm-up and
      clipping are settings of the run, off in the paper's
    - missing modality | – | no part in any softmax, pair or alignment; enters h_c as 0
    - classes | – | cross-entropy; the uncertainty of Eq. 10 is 1 − p(y) | the paper is about intensities only
"""

from math import ceil
from typing import Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.errors import UserError
from sentiprism.models.base import Citation, Model, NetworkConfig
from sentiprism.models.search_space import among
from sentiprism.nn.blocks import BiLSTM, masked_mean, masked_softmax, mlp
from sentiprism.nn.objectives.heterogeneity import HeterogeneityForm, heterogeneity
from sentiprism.nn.objectives.task import task_error, task_loss
from sentiprism.nn.objectives.weighting import error_weights, weight_loss
from sentiprism.types import Batch, Modality, ModelOutput


class MDFConfig(NetworkConfig):
    """Configuration of `MDF`; the defaults are the paper's, or this project's reading where it is silent."""

    LOSSES = {"task": 1.0, "a": 1.0, "o": 1.0, "w": 1.0, "uni": 0.0}  # Eq. 14
    """``uni``: the Predictor on each modality that is fused, which the paper does not have."""
    SEARCH = {
        "heterogeneity": among("signed", "abs", "square"),
        "text_pool": among("first", "mean", "lstm"),
        "detach_text": among(False, True),
    }
    SMALL = {"width": 16, "text_hidden": 8, "audio_hidden": 8, "vision_hidden": 8}

    width: int = Field(128, gt=0)
    """d_t where no contextual text encoder that is pooled sets it."""
    fuse: tuple[Modality, ...] | None = None
    """Modalities that are fused; null = all that are used. The text that L_a needs may be left out (A' of Table 3)."""
    sound: bool = True
    """Disentangle the audio (A' of Table 3); False feeds the whole audio representation (A)."""
    epsilon: float = Field(0.1, gt=0)
    """ε of Eq. 10: 0.1 bounds the logits by 10; 1e-8 is the literal small constant (one-hot targets)."""
    heterogeneity: HeterogeneityForm = "signed"
    """Form of L_o (Eq. 7)."""
    text_pool: Literal["first", "mean", "lstm"] = "first"
    """How a contextual text encoder becomes h_t: [CLS] (Eq. 1), the mean over tokens, or as audio and vision do
    (Eqs. 2 and 3), which a frozen encoder needs: its states were not made to be pooled for sentiment."""
    text_hidden: int = Field(64, gt=0)
    """BiLSTM states per direction for text features that are not contextual (GloVe), and with ``text_pool: lstm``."""
    audio_hidden: int | None = Field(32, gt=0)
    vision_hidden: int | None = Field(64, gt=0)
    """BiLSTM states per direction; null gives ceil(d/2), the shape that the paper writes literally."""
    detach_text: bool = False
    """Stop the gradient of L_a on the text side."""


class MDF(Model):
    """Mixes text, sound and vision by weights that learn from each one's error."""

    name = "mdf"
    citation = Citation(
        "MDF: A Modality-Aware Disentanglement and Fusion Framework for Multimodal Sentiment Analysis",
        "Zhongquan Jian, Wenhan Lv, Yanhao Chen, Guanran Luo, Wentao Qiu, Shaopan Wang, Bingbing Hu, Qingqiang Wu",
        "AAAI",
        2026,
        "https://github.com/jian-projects/msa-mdf",
    )
    Config = MDFConfig
    config: MDFConfig
    fused: tuple[Modality, ...]
    """Modality representations that are weighted and mixed; the paper calls them primary colours."""

    def build(self, config: MDFConfig) -> None:
        """Encoders, extractor, predictor and generator."""
        self.pooled_text = "text" in self.modalities and self.text_encoder.contextual and config.text_pool != "lstm"
        width = self.text_encoder.width if self.pooled_text else config.width
        hidden = {"text": config.text_hidden, "audio": config.audio_hidden, "vision": config.vision_hidden}
        self.recurrent, self.mappers = nn.ModuleDict(), nn.ModuleDict()
        for modality in self.modalities:
            if modality == "text" and self.pooled_text:
                continue
            inputs = self.input_widths[modality]
            states = hidden[modality] or ceil(inputs / 2)
            self.recurrent[modality] = BiLSTM(inputs, states)
            self.mappers[modality] = mlp(2 * states, width, width, config.dropout)
        if "audio" in self.modalities and config.sound:
            self.extractor = mlp(width, width, width, config.dropout)
        wanted = self.modalities if config.fuse is None else config.fuse
        self.fused = tuple(m for m in self.modalities if m in wanted)
        if not self.fused:
            cause = f"fuse names {', '.join(config.fuse or ()) or 'nothing'}, and {', '.join(self.modalities)} are used"
            raise UserError(cause, "fuse a modality that is used")
        self.predictor = mlp(width, width // 2, self.outputs, config.dropout)
        self.generator = mlp(len(self.fused) * width, width, len(self.fused), config.dropout)

    def forward(self, batch: Batch) -> ModelOutput:
        """Eqs. 1 to 14; ``weights`` hold w and, with labels, w*."""
        hidden: dict[str, Tensor] = {modality: self._encode(modality, batch) for modality in self.modalities}
        features: dict[str, Tensor] = {**hidden}
        if "audio" in hidden and self.config.sound:
            features["textual"] = self.extractor(hidden["audio"])  # Eq. 4
            features["sound"] = hidden["audio"] = hidden["audio"] - features["textual"]  # Eq. 5
        present = torch.stack([getattr(batch, m).present for m in self.fused], dim=1)  # (B, M)
        colours = torch.stack([hidden[m] for m in self.fused], dim=1) * present.unsqueeze(-1)  # H: (B, M, d_t)
        w = masked_softmax(self.generator(colours.flatten(1)), present)  # Eq. 8
        features["fused"] = (w.unsqueeze(-1) * colours).sum(dim=1)  # Eq. 9
        prediction = self._predict(features["fused"])  # Eq. 12
        weights, losses = {"modality": self.spread(w, self.fused)}, {}
        if batch.labels:
            label = batch.labels["M"]
            with torch.no_grad():
                errors = torch.stack(
                    [task_error(self._predict(h), label, self.target) for h in colours.unbind(1)], dim=1
                )
            target = error_weights(errors, present, self.config.epsilon)  # Eq. 10
            weights["modality_target"] = self.spread(target, self.fused)
            losses = {
                "task": task_loss(prediction, label, self.target, self.config.task),  # Eq. 13
                "a": self._alignment(features, batch),  # Eq. 6
                "o": heterogeneity(colours, present, self.config.heterogeneity),  # Eq. 7
                "w": weight_loss(w, target),  # Eq. 11
                "uni": self._unimodal(colours, present, label),
            }
        return ModelOutput(prediction, losses, weights, features)

    def _encode(self, modality: str, batch: Batch) -> Tensor:
        """Eqs. 1 to 3: (B, d_t), the modality's own representation."""
        sequence = self.sequence(modality, batch)
        if modality == "text" and self.pooled_text:
            return masked_mean(*sequence) if self.config.text_pool == "mean" else sequence.values[:, 0]  # Eq. 1
        mapped: Tensor = self.mappers[modality](self.recurrent[modality](sequence))  # Eqs. 2, 3
        return mapped

    def _unimodal(self, colours: Tensor, present: Tensor, label: Tensor) -> Tensor:
        """Mean over the fused modalities of the Predictor's loss, each over the samples that have it."""
        found = [
            task_loss(self._predict(h), label, self.target, self.config.task, there)
            for h, there in zip(colours.unbind(1), present.unbind(1), strict=True)
        ]
        return torch.stack(found).mean()

    def _predict(self, representation: Tensor) -> Tensor:
        return self.to_prediction(self.predictor(representation))

    def _alignment(self, features: dict[str, Tensor], batch: Batch) -> Tensor:
        """L_a: the textual component predicts what the text predicts (Eq. 6), over samples that have both."""
        if "textual" not in features or "text" not in features:
            return features["fused"].new_zeros(())
        text = self._predict(features["text"])
        distance = (self._predict(features["textual"]) - (text.detach() if self.config.detach_text else text)).square()
        both = (batch.text.present & batch.audio.present).to(distance.dtype)
        return (distance.reshape(len(both), -1).mean(dim=1) * both).sum() / both.sum().clamp(min=1)  # Eq. 6
