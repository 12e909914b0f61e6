"""What DLF, DMD, MulT and BBFN share: every modality is brought to one width by a convolution over time."""

from abc import abstractmethod
from typing import Any, Literal, Self

from pydantic import Field, model_validator
from torch import nn

from sentiprism.models.base import HeadConfig, Model, ModelConfig
from sentiprism.nn.blocks import TemporalConv
from sentiprism.nn.objectives.task import TaskLoss
from sentiprism.nn.positions import PositionForm
from sentiprism.types import Batch, Modality, Sequence


class ProjectedConfig(HeadConfig):
    """Fields of the models whose modalities are projected before they meet."""

    width: int = Field(40, gt=0)
    heads: int = Field(10, gt=0)
    kernel: int = Field(3, gt=0)
    """Steps of the convolution that projects each modality; odd."""
    text_dropout: float = Field(0.0, ge=0, lt=1)
    """On the text encoder's hidden states."""

    @model_validator(mode="after")
    def _shapes_fit(self) -> Self:
        if self.width % self.heads:
            raise ValueError(f"{self.heads} heads do not divide a width of {self.width}")
        if self.kernel % 2 == 0:
            raise ValueError(f"kernel {self.kernel} has no middle: take an odd one")
        return self


class StepsConfig(ModelConfig):
    """Fields of how transformers read a sequence and pool it."""

    causal: bool = False
    """Whether attention sees no later step (code)."""
    position_form: PositionForm = "sinusoidal"
    """Positions of Vaswani et al. (2017) from 0, or those of the code (fairseq)."""
    pool: Literal["attention", "last"] = "attention"
    """How a sequence becomes a vector: masked attention, or its last real step (code)."""


class CrossmodalConfig(ProjectedConfig, StepsConfig):
    """Fields of DLF, DMD and MulT: projected modalities read each other in transformers."""

    depth: int = Field(4, gt=0)
    """Layers of each transformer."""
    task: TaskLoss = "l1"
    text_dropout: float = Field(0.1, ge=0, lt=1)
    head_dropout: float = Field(0.1, ge=0, lt=1)

    @property
    def stack(self) -> dict[str, Any]:
        """Options that all transformers share, see `Stack`."""
        return self.model_dump(include={"dropout", "causal", "position_form"})


class ProjectedModel(Model):
    """Base of these models; arguments as of `Model`."""

    config: ProjectedConfig

    def build(self, config: ProjectedConfig) -> None:
        """A convolution for each modality."""
        self.text_dropout = nn.Dropout(config.text_dropout)
        self.project = nn.ModuleDict(
            {m: TemporalConv(F, config.width, config.kernel, bias=False) for m, F in self.input_widths.items()}
        )
        self.build_fusion(config)

    @abstractmethod
    def build_fusion(self, config: Any) -> None:
        """Make what reads the projected modalities."""

    def projected(self, batch: Batch) -> dict[Modality, Sequence]:
        """The modalities in use, (B, T, D) each."""
        low = {}
        for modality in self.modalities:
            values, mask = self.sequence(modality, batch)
            if modality == "text":
                values = self.text_dropout(values)
            low[modality] = Sequence(self.project[modality](values, mask), mask)
        return low
