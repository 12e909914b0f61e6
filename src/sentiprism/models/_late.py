"""Base of LF-DNN, TFN and LMF: one network per modality makes a vector, and fusion joins the vectors."""

from abc import abstractmethod
from typing import Any

from pydantic import Field
from torch import Tensor, nn

from sentiprism.models.base import Model, ModelConfig
from sentiprism.nn.objectives.task import TaskLoss, task_losses
from sentiprism.nn.subnetworks import MeanNetwork, RecurrentNetwork, TextPool
from sentiprism.types import Batch, ModelOutput

PRODUCTS = "every feature is a product over modalities, which does not belong to a single one"
"""Why product fusion has no modality weights."""


class LateConfig(ModelConfig):
    """Fields of models that join one vector per modality."""

    task: TaskLoss = "l1"
    text_hidden: int = Field(128, gt=0)
    """Hidden size of the LSTM for text."""
    text_width: int | None = Field(None, gt=0)
    """Width of the text's vector; null = ``text_hidden``."""
    text_pool: TextPool = "last"
    """The LSTM's last state, or attention over all of its states."""
    text_relu: bool = False
    """ReLU on the text's vector, as on those of audio and vision."""
    audio_hidden: int = Field(32, gt=0)
    """Width of the audio's vector and layers."""
    vision_hidden: int = Field(32, gt=0)
    dropout: float = Field(0.2, ge=0, lt=1)
    """Dropout in each network and before the fusion."""


class LateModel(Model):
    """Base class with one network per modality; subclasses join their vectors."""

    config: LateConfig

    def build(self, config: LateConfig) -> None:
        """Make a network for each modality."""
        self.networks = nn.ModuleDict()
        sizes = {"text": config.text_width or config.text_hidden}
        sizes |= {"audio": config.audio_hidden, "vision": config.vision_hidden}
        for modality in self.modalities:
            width = sizes[modality]
            if modality == "text":
                self.networks[modality] = RecurrentNetwork(
                    self.text_encoder.width,
                    config.text_hidden,
                    width,
                    config.dropout,
                    pool=config.text_pool,
                    relu=config.text_relu,
                )
            else:
                self.networks[modality] = MeanNetwork(self.input_widths[modality], width, config.dropout)
        self.widths = [sizes[modality] for modality in self.modalities]
        """Width of each modality's vector."""
        self.build_fusion(config)

    @abstractmethod
    def build_fusion(self, config: Any) -> None:
        """Make the layers that join the vectors of ``self.widths``."""

    @abstractmethod
    def join(self, vectors: list[Tensor]) -> tuple[Tensor, Tensor]:
        """(B, D_m) per modality, 0 for missing ones -> the head's output (B, outputs) and a feature (B, D)."""

    def forward(self, batch: Batch) -> ModelOutput:
        """Encode, join, predict."""
        vectors: dict[str, Tensor] = {}
        for modality, network in self.networks.items():
            vectors[modality] = network(self.sequence(modality, batch))
        head, fused = self.join(list(vectors.values()))
        prediction = self.to_prediction(head)
        losses = task_losses(prediction, batch, self.target, self.config.task)
        return ModelOutput(prediction, losses, {}, {**vectors, "fused": fused})
