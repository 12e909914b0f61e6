"""EF-LSTM: early fusion by a recurrent network (Williams et al., Challenge-HML 2018).

The features of all modalities are concatenated at every word, and one LSTM reads them. The field quotes this baseline
as MMSA (Yu et al., ACL 2020) builds it, and so does this file: stacked layers, the last state of the uppermost, two
linear layers.

Deviations:
    Built as MMSA (Yu et al., ACL 2020), whose numbers the field quotes, builds it.

    - place | MMSA | here | why, and the alternative
    - lengths | word-aligned data | audio and vision are averaged over as many even windows as the text has steps, a
      frame in two windows by its share in each | unaligned data have no word times; equal lengths pass unchanged.
      Without text in the dataset the steps are the audio's; a sample without text has one step, the mean of its other
      modalities; the aligned files are datasets of their own, `mosi_aligned` and `mosei_aligned`
    - last state | at the padded end | at the last real step
    - normalisation | batch normalisation over the padded steps of the joint sequence | none in the model;
      `data.normalize: train` | one per step fixes the length
    - dropout | one value; none after the LSTM where it has one layer, whatever is set | one, `dropout`, there too
    - missing modality | – | 0 in every step
    - weights | – | none | nothing in this model weights a modality
"""

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models.base import Citation, Model, ModelConfig
from sentiprism.nn.alignment import align
from sentiprism.nn.blocks import last_step, mlp
from sentiprism.nn.objectives.task import TaskLoss, task_losses
from sentiprism.types import Batch, ModelOutput


class EFLSTMConfig(ModelConfig):
    """Configuration of `EFLSTM`."""

    SMALL = {"width": 16, "depth": 1}

    task: TaskLoss = "l1"
    width: int = Field(128, gt=0)
    """States of the LSTM, and of the layer after it."""
    depth: int = Field(2, gt=0)
    """Layers of the LSTM."""
    dropout: float = Field(0.4, ge=0, lt=1)
    """Between layers."""


class EFLSTM(Model):
    """Reads the concatenated modalities with one LSTM."""

    name = "ef_lstm"
    citation = Citation(
        "Recognizing Emotions in Video Using Multimodal DNN Feature Fusion",
        "Jennifer Williams, Steven Kleinegesse, Ramona Comanescu, Oana Radu",
        "Challenge-HML at ACL",
        2018,
        "https://github.com/rhoposit/MultimodalDNN",
    )
    Config = EFLSTMConfig
    config: EFLSTMConfig
    exceptions = {"weights": "the modalities are one sequence from the start"}

    def build(self, config: EFLSTMConfig) -> None:
        """One LSTM and the head."""
        between = config.dropout if config.depth > 1 else 0.0
        inputs = sum(self.input_widths.values())
        self.recurrent = nn.LSTM(inputs, config.width, config.depth, batch_first=True, dropout=between)
        self.dropout = nn.Dropout(config.dropout)
        self.head = mlp(config.width, config.width, self.outputs, config.dropout)

    def forward(self, batch: Batch) -> ModelOutput:
        """Join, read, predict from the last state."""
        sequences = [self.sequence(modality, batch) for modality in self.modalities]
        sequences = align(sequences)
        steps = torch.stack([sequence.mask for sequence in sequences]).any(dim=0)
        states = self.recurrent(torch.cat([sequence.values for sequence in sequences], dim=-1))[0]
        fused: Tensor = last_step(states, steps)
        prediction = self.to_prediction(self.head(self.dropout(fused)))
        losses = task_losses(prediction, batch, self.target, self.config.task)
        return ModelOutput(prediction, losses, {}, {"fused": fused})
