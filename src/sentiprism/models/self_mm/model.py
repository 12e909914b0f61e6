"""Self-MM: multi-task learning with labels that it generates for each modality itself (Yu et al., AAAI 2021).

Architecture, loss and label generation (ULGM: Relative Distance Value, Shifting Value, Momentum-based Update Policy)
are the paper's; a linear layer follows the LSTMs, as in the authors' code. A modality's first label is the multimodal
one.

Deviations:
    "The code" is the authors', as MMSA has it.

    - place | the paper | here | why, and the alternative
    - relative distance | squared norms over √d | the same | the code takes norms (`preset: code`, in the paper's
      experiments, since the quoted numbers are the code's); α grows with the square otherwise
    - F* | one width each, two layers per task | `width` for all but those that `own_widths` names, two layers | the
      code has 128, 32, 16 and 32 (in the paper's experiments) and three layers (`preset: code`)
    - audio, vision | sLSTM | last real state of a one-layer LSTM and a linear layer, as in the code | text features
      that are not contextual go through one too; `text_pool: mean` takes the mean over tokens
    - memories | labels and F* of every train utterance | the same, by `batch.index`; in checkpoints, not in the saved
      model | with several processes each gets the others' rows at the next checkpoint, at the latest at the end of the
      epoch
    - labels | for [-3, 3] | neutral is the middle of the range, generated labels are clipped to it; without a positive
      or a negative centre they are not changed
    - first two epochs | labels are generated from the second epoch on | the same; unimodal losses are then 0 for two
      epochs, since their weight is tanh of the shift | on valid, where nothing is generated, they are 0 as well
    - missing modality | – | 0 in the joint representation, no loss, part of no centre, label unchanged
    - classes | – | no labels are generated; every modality learns the class, with weight 1 | classes have no positive
      and negative centre
"""

from typing import Annotated, ClassVar, Literal, cast

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models.base import Citation, Model, NetworkConfig
from sentiprism.models.self_mm.label_generation import DistanceForm, UnimodalLabels
from sentiprism.nn.blocks import last_step, masked_mean
from sentiprism.nn.objectives.task import TaskLoss, task_loss
from sentiprism.types import MODALITIES, Batch, Modality, ModelOutput


class SelfMMConfig(NetworkConfig):
    """Configuration of `SelfMM`."""

    LOSSES = {"task": 1.0, "text": 1.0, "audio": 1.0, "vision": 1.0}
    PRESETS = {"paper": {}, "code": {"distance": "norm", "task_layers": 3}}
    SMALL = {"width": 16, "text_hidden": 8, "audio_hidden": 8, "vision_hidden": 8}

    width: int = Field(128, gt=0)
    """Of F*, the representations that labels are generated from."""
    own_widths: dict[Modality, Annotated[int, Field(gt=0)]] = Field(default_factory=dict)
    """The same of a modality's own; what is not named has ``width``."""
    text_hidden: int = Field(64, gt=0)
    """LSTM states for text features that are not contextual (GloVe)."""
    audio_hidden: int = Field(16, gt=0)
    vision_hidden: int = Field(32, gt=0)
    text_pool: Literal["first", "mean"] = "first"
    """How a contextual text encoder becomes F_t: [CLS] or the mean over tokens."""
    generate: bool = True
    """Whether labels are generated; False leaves the modalities' losses at 0, for they are weighted by the shift."""
    distance: DistanceForm = "square"
    """Of a representation from a centre."""
    task: TaskLoss = "l1"
    task_layers: Literal[2, 3] = 2
    """Of each task; F* is what the first one gives. The code has 3."""


class SelfMM(Model):
    """Learns one joint task and one per modality, with generated labels."""

    name = "self_mm"
    version = 2
    citation = Citation(
        "Learning Modality-Specific Representations with Self-Supervised Multi-Task Learning for Multimodal "
        "Sentiment Analysis",
        "Wenmeng Yu, Hua Xu, Ziqi Yuan, Jiele Wu",
        "AAAI",
        2021,
        "https://github.com/thuiar/Self-MM",
    )
    ENCODERS: ClassVar[tuple[str, ...]] = ("recurrent", "after")
    """Parts that exist once per modality."""
    Config = SelfMMConfig
    config: SelfMMConfig
    exceptions = {"weights": "modalities are concatenated: nothing weights one against another"}

    def build(self, config: SelfMMConfig) -> None:
        """Encoders, and a head for the fusion and for each modality."""
        widths, joint = self.build_encoders()
        D, outputs = config.width, self.outputs
        self.dropout = nn.Dropout(config.dropout)
        self.join = nn.Linear(joint, D)
        self.head = nn.Linear(D, outputs)
        sizes: dict[Modality, int] = {m: config.own_widths.get(m, D) for m in self.modalities}
        self.own = nn.ModuleDict({m: nn.Linear(width, sizes[m]) for m, width in widths.items()})
        self.own_heads = nn.ModuleDict({m: nn.Linear(size, outputs) for m, size in sizes.items()})
        if config.task_layers == 3:
            self.middle = nn.ModuleDict({task: nn.Linear(size, size) for task, size in (("fused", D), *sizes.items())})
        self.widths = (D, *sizes.values())
        """Of each task's F*, the multimodal one's first."""
        self.epoch = 0

    def build_encoders(self) -> tuple[dict[Modality, int], int]:
        """Make what `encode` needs; the widths of what it gives, by modality and joint."""
        widths: dict[Modality, int] = {}
        self.recurrent, self.after = nn.ModuleDict(), nn.ModuleDict()
        for m in self.modalities:
            if m == "text" and self.text_encoder.contextual:
                widths[m] = self.text_encoder.width
                continue
            inputs = self.input_widths[m]
            widths[m] = getattr(self.config, f"{m}_hidden")
            self.recurrent[m] = nn.LSTM(inputs, widths[m], batch_first=True)
            self.after[m] = nn.Linear(widths[m], widths[m])
        return widths, sum(widths.values())

    def encode(self, batch: Batch) -> tuple[dict[Modality, Tensor], Tensor, dict[str, Tensor]]:
        """F_t, F_a and F_v, (B, H) by modality, 0 where one is missing; what the multimodal task reads; ``weights``."""
        vectors = {m: self._encode(m, batch) for m in self.modalities}
        return vectors, torch.cat(list(vectors.values()), dim=1), {}

    def _encode(self, modality: Modality, batch: Batch) -> Tensor:
        sequence = self.sequence(modality, batch)
        if modality == "text" and self.text_encoder.contextual:
            return masked_mean(*sequence) if self.config.text_pool == "mean" else sequence.values[:, 0]
        state = last_step(self.recurrent[modality](sequence.values)[0], sequence.mask)
        vector: Tensor = self.after[modality](state)
        return vector * sequence.present.unsqueeze(1)

    def forward(self, batch: Batch) -> ModelOutput:
        """Multimodal and unimodal tasks; ``features`` are F*, which `after_step` keeps."""
        vectors, joint, weights = self.encode(batch)
        fused = self.join(self.dropout(joint)).relu()  # F*_m
        prediction = self.to_prediction(self.head(self._deepen("fused", fused)))
        features: dict[str, Tensor] = {m: self.own[m](self.dropout(x)).relu() for m, x in vectors.items()}  # F*_s
        losses = {}
        if batch.labels:
            deep = {m: self._deepen(m, features[m]) for m in self.modalities}
            heads = {m: self.to_prediction(self.own_heads[m](x)) for m, x in deep.items()}
            losses = self._losses(prediction, heads, batch)
        return ModelOutput(prediction, losses, weights, {**features, "fused": fused})

    def _deepen(self, task: str, vector: Tensor) -> Tensor:
        """What the last layer of a task reads: F*, or a second layer of it."""
        return self.middle[task](vector).relu() if self.config.task_layers == 3 else vector

    def _losses(self, prediction: Tensor, heads: dict[Modality, Tensor], batch: Batch) -> dict[str, Tensor]:
        """L = mean of |ŷ_m - y_m| + Σ_s W_s |ŷ_s - y_s| with W_s = tanh |y_s - y_m|; s over what a sample has."""
        label, kind = batch.labels["M"], self.config.task
        losses: dict[str, Tensor] = {m: prediction.new_zeros(()) for m in MODALITIES}
        losses |= {"task": task_loss(prediction, label, self.target, kind)}
        for m, y in zip(self.modalities, self._own_labels(batch).unbind(1), strict=True):
            weight = (y - label).abs().tanh() if self.target.kind == "intensity" else None
            losses[m] = task_loss(heads[m], y, self.target, kind, getattr(batch, m).present, weight)
        return losses

    def _own_labels(self, batch: Batch) -> Tensor:
        """y_s, (B, M): the generated ones in training, the multimodal one where there are none."""
        label = batch.labels["M"]
        if self.training and isinstance(self.memory, UnimodalLabels):
            return self.memory.read(batch.index, label)
        return label.unsqueeze(1).expand(-1, len(self.modalities))

    def create_memory(self, rows: int) -> UnimodalLabels | None:
        """F* and labels of every train utterance."""
        if self.target.kind == "classes" or not self.config.generate:
            return None
        return UnimodalLabels(rows, self.widths, self.target, self.config.distance)

    def set_epoch(self, epoch: int) -> None:
        """Labels are generated from the second epoch on."""
        self.epoch = epoch

    def after_step(self, batch: Batch, output: ModelOutput) -> None:
        """Generate the labels of the batch, and keep its F*."""
        if isinstance(self.memory, UnimodalLabels):
            vectors = [output.features[name].detach() for name in ("fused", *self.modalities)]
            label = batch.labels["M"]
            self.memory.update(batch.index, vectors, label, self.present(batch), self.epoch + 1)

    def param_groups(self) -> dict[str, list[nn.Parameter]]:
        """Also ``audio`` and ``vision``: their encoders, which the paper's code trains at rates of their own."""
        parts = [cast(nn.ModuleDict, self.get_submodule(name)) for name in self.ENCODERS]
        own = {m: [p for part in parts if m in part for p in part[m].parameters()] for m in ("audio", "vision")}
        theirs = {id(p) for parameters in own.values() for p in parameters}
        rest = {k: [p for p in group if id(p) not in theirs] for k, group in super().param_groups().items()}
        return rest | own
