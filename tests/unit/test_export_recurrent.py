"""Recurrent layers of any form are exported with a free number of steps, as plugins' models may have them."""

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from sentiprism.export.recurrent import recurrent_nodes


class Reader(nn.Module):
    """A recurrent layer; its outputs in a row."""

    def __init__(self, layer, start):
        super().__init__()
        self.layer, self.start = layer, start

    def forward(self, values):
        batch = values.shape[0 if self.layer.batch_first else 1]
        given = () if self.start is None else (self.start.expand(-1, batch, -1).contiguous(),)
        states, last = self.layer(values, *(given if isinstance(self.layer, nn.GRU) else [(one, one) for one in given]))
        return states, *(last if isinstance(last, tuple) else (last,))


@pytest.mark.parametrize("start", [False, True])
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        (nn.LSTM, {"num_layers": 2, "bidirectional": True, "batch_first": True}),
        (nn.GRU, {"num_layers": 2, "bidirectional": True, "batch_first": True}),
        (nn.LSTM, {"bias": False}),
        (nn.GRU, {}),
    ],
)
def test_every_form_gives_the_numbers_of_torch_at_other_lengths(kind, settings, start, tmp_path):
    torch.manual_seed(0)
    layer = kind(3, 4, **settings)
    count = layer.num_layers * (1 + layer.bidirectional)
    model = Reader(layer, torch.randn(count, 1, 4) if start else None).eval()
    free = {0: torch.export.Dim("first", min=1), 1: torch.export.Dim("second", min=1)}
    with recurrent_nodes(model) as translations:
        program = torch.onnx.export(
            model,
            (torch.randn(2, 5, 3),),
            dynamo=True,
            dynamic_shapes=(free,),
            input_names=["x"],
            custom_translation_table=translations,
            optimize=False,
            verbose=False,
        )
    program.save(tmp_path / "layer.onnx")
    session = onnxruntime.InferenceSession(tmp_path / "layer.onnx", providers=["CPUExecutionProvider"])
    for shape in ((2, 5, 3), (1, 1, 3), (7, 40, 3)):
        given = torch.randn(shape)
        with torch.no_grad():
            expected = model(given)  # the layer's own computation again
        for found, one in zip(session.run(None, {"x": given.numpy()}), expected, strict=True):
            np.testing.assert_allclose(found, one.numpy(), atol=1e-6)
