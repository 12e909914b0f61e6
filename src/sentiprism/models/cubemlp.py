"""CubeMLP: mixing along time, modalities and channels with linear layers only (Sun et al., ACM MM 2022).

The three modalities are stacked to a cube of steps, modalities and channels; each block mixes it along one axis after
the other, a unit being a layer norm, linear, GELU, linear, and a residual that is projected where the shape changes.
As in the settings that the authors give for MOSI, norms come first, the last block shrinks the cube, and its mean over
time is predicted from, with the modalities concatenated. Audio and vision go through a bidirectional LSTM whose two
directions are added.

Deviations:
    - place | the paper and its code | here | why, and the alternative
    - length | padded or cut to one number of steps | pooled to `steps` (50), each step the mean of its part of the
      sequence, shorter ones repeated | every frame counts, padding does not
    - units | sizes free on every axis | hidden sizes are the output sizes; blocks keep the shape except for the last
      (`last_steps`, `last_width`); the modality axis keeps its length | the authors' command for MOSI
    - end | mixed features flattened | mean over the steps, modalities concatenated | the command's
    - audio, vision | LSTM, or GRU (default of the code), over the text's length: padded with zeros on both sides to the
      text's tokens, frames of zeros within it become 1e-6 | bidirectional LSTM over all real frames, directions added,
      layer norm, ReLU | no length is imposed
    - prediction | one more layer of 128 with ReLU and dropout for inputs wider than 128 | one linear layer | the
      settings for MOSI have 96
    - missing modality | – | 0 in the cube | there is no attention to mask
"""

from itertools import chain, pairwise, repeat

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models.base import Citation, Model, NetworkConfig
from sentiprism.nn.alignment import pool_to_steps
from sentiprism.nn.blocks import BiLSTM
from sentiprism.nn.objectives.task import TaskLoss, task_losses
from sentiprism.types import Batch, ModelOutput, Sequence

Cube = tuple[int, int, int]
EPS = 1e-6
"""Of every layer norm, as in the authors' code: along the axis of three modalities 1e-5 would show."""


class CubeMLPConfig(NetworkConfig):
    """Configuration of `CubeMLP`; the defaults are the authors' settings for MOSI."""

    SMALL = {"width": 16, "depth": 1}

    steps: int = Field(50, gt=0)
    """Of the cube; sequences are pooled to them."""
    width: int = Field(128, gt=0)
    """Channels of the cube."""
    depth: int = Field(2, gt=0)
    """Blocks."""
    last_steps: int = Field(10, gt=0)
    """Of what the last block gives."""
    last_width: int = Field(32, gt=0)
    task: TaskLoss = "l1"


class Mix(nn.Module):
    """A unit: norm, linear, GELU, linear along one axis, and a residual.

    Args:
        axis: of the cube: 1 mixes steps, 2 modalities, 3 channels.
        inputs: length of the axis.
        outputs: its length afterwards, and inside.
        dropout: on what is added to the residual.
    """

    def __init__(self, axis: int, inputs: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.axis = axis
        self.residual = nn.Linear(inputs, outputs, bias=False)
        self.layers = nn.Sequential(
            nn.LayerNorm(inputs, eps=EPS), nn.Linear(inputs, outputs), nn.GELU(), nn.Linear(outputs, outputs)
        )
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(B, L, M, D) -> the same with ``outputs`` along the axis."""
        x = x.transpose(self.axis, 3)
        mixed: Tensor = self.residual(x) + self.dropout(self.layers(x))
        return mixed.transpose(self.axis, 3)


def block(inputs: Cube, outputs: Cube, dropout: float) -> nn.Sequential:
    """Three units, along steps, modalities and channels: a cube (L, M, D) to another."""
    return nn.Sequential(*(Mix(i + 1, inputs[i], outputs[i], dropout) for i in range(3)))


class Recurrent(nn.Module):
    """Both directions of an LSTM added, a layer norm and ReLU.

    Args:
        inputs: F.
        width: D.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.recurrent, self.norm = BiLSTM(inputs, width), nn.LayerNorm(width, eps=EPS)

    def forward(self, sequence: Sequence) -> Sequence:
        """(B, T, F) -> (B, T, D)."""
        ahead, back = self.recurrent.steps(sequence)[0].chunk(2, dim=-1)
        return Sequence(self.norm(ahead + back).relu(), sequence.mask)


class CubeMLP(Model):
    """Mixes a cube of steps, modalities and channels along its axes."""

    name = "cubemlp"
    version = 2
    citation = Citation(
        "CubeMLP: An MLP-based Model for Multimodal Sentiment Analysis and Depression Estimation",
        "Hao Sun, Hongyi Wang, Jiaqing Liu, Yen-Wei Chen, Lanfen Lin",
        "ACM Multimedia",
        2022,
        "https://github.com/kiva12138/CubeMLP",
    )
    Config = CubeMLPConfig
    config: CubeMLPConfig
    exceptions = {"weights": "modalities are mixed by linear layers, in both signs"}

    def build(self, config: CubeMLPConfig) -> None:
        """Encoders, cube and head."""
        M, used = len(self.modalities), self.modalities
        if "text" in used:
            self.text_project = nn.Linear(self.text_encoder.width, config.width, bias=False)
        self.recurrent = nn.ModuleDict({m: Recurrent(self.input_widths[m], config.width) for m in used if m != "text"})
        self.dropout = nn.Dropout(config.dropout)
        whole, last = (config.steps, M, config.width), (config.last_steps, M, config.last_width)
        shapes = chain(repeat(whole, config.depth), [last])
        blocks = [block(before, after, config.dropout) for before, after in pairwise(shapes)]
        self.blocks = nn.Sequential(*blocks)
        self.head = nn.Linear(M * config.last_width, self.outputs)

    def forward(self, batch: Batch) -> ModelOutput:
        """Stack the pooled sequences, mix, average over time, predict."""
        sequences = [self._encode(m, batch) for m in self.modalities]
        cube = torch.stack([self._pool(sequence) for sequence in sequences], dim=2)  # (B, L, M, D)
        fused = self.blocks(cube).mean(dim=1).flatten(1)  # (B, M D')
        prediction = self.to_prediction(self.head(fused))
        losses = task_losses(prediction, batch, self.target, self.config.task)
        features = {str(m): part for m, part in zip(self.modalities, cube.mean(dim=1).unbind(1), strict=True)}
        return ModelOutput(prediction, losses, {}, {**features, "fused": fused})

    def _encode(self, modality: str, batch: Batch) -> Sequence:
        """(B, T, D)."""
        if modality == "text":
            values, mask = self.sequence("text", batch)
            return Sequence(self.dropout(self.text_project(values)), mask)
        values, mask = self.recurrent[modality](getattr(batch, modality))
        return Sequence(self.dropout(values), mask)

    def _pool(self, sequence: Sequence) -> Tensor:
        """(B, T, D) -> (B, L, D), 0 where it is missing."""
        steps = torch.ones_like(sequence.mask[:, :1]).expand(-1, self.config.steps)
        return pool_to_steps(sequence, steps).values
