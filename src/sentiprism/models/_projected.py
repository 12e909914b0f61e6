"""What DLF, DMD, MulT and BBFN share: every modality is brought to one width by a convolution over time."""

from typing import Self

from pydantic import Field, model_validator
from torch import nn

from sentiprism.models.base import Model, ModelConfig
from sentiprism.nn.blocks import TemporalConv
from sentiprism.types import Batch, FeatureSpec, Modality, Sequence, TargetSpec


class ProjectedConfig(ModelConfig):
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


class ProjectedModel(Model):
    """Base of these models; arguments as of `Model`."""

    config: ProjectedConfig

    def __init__(
        self, features: FeatureSpec, target: TargetSpec, config: ProjectedConfig, *, pretrained: bool = True
    ) -> None:
        super().__init__(features, target, config, pretrained=pretrained)
        self.text_dropout = nn.Dropout(config.text_dropout)
        self.project = nn.ModuleDict(
            {m: TemporalConv(F, config.width, config.kernel, bias=False) for m, F in self.input_widths.items()}
        )

    def projected(self, batch: Batch) -> dict[Modality, Sequence]:
        """The modalities in use, (B, T, D) each."""
        low = {}
        for modality in self.modalities:
            values, mask = self.sequence(modality, batch)
            if modality == "text":
                values = self.text_dropout(values)
            low[modality] = Sequence(self.project[modality](values, mask), mask)
        return low
