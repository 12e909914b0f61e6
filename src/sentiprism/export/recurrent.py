"""LSTMs and GRUs as single nodes of an ONNX graph.

torch's exporter unrolls them over the steps of the example, so that the graph would read that many steps alone. While a
model is traced, they call operators that the exporter knows as one node with a free number of steps instead.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

LIBRARY = torch.library.Library("sentiprism", "DEF")  # type: ignore[no-untyped-call]
ORDER: dict[type[nn.RNNBase], tuple[int, ...]] = {nn.LSTM: (0, 3, 1, 2), nn.GRU: (1, 0, 2)}
"""ONNX's gates by their place in torch: input, output, forget, cell; update, reset, hidden."""

for _name in ("lstm", "gru"):
    LIBRARY.define(f"{_name}(Tensor x, Tensor w, Tensor r, Tensor b, int hidden) -> Tensor")  # type: ignore[no-untyped-call]


def _states(x: Tensor, w: Tensor, r: Tensor, b: Tensor, hidden: int) -> Tensor:  # noqa: ARG001 - the operators' form
    """Shape of an operator's output: (T, B, F) -> (T, B, H). While a model is traced, no number is computed."""
    return x.new_empty(x.shape[0], x.shape[1], hidden)


for _name in ("lstm", "gru"):
    torch.library.register_fake(f"sentiprism::{_name}", _states, lib=LIBRARY)


@contextmanager
def recurrent_nodes(model: nn.Module) -> Iterator[dict[Any, Callable[..., Any]]]:
    """Context in which the recurrent layers of a model are single nodes; yields the exporter's translations."""
    layers = [module for module in model.modules() if isinstance(module, nn.RNNBase)]
    for layer in layers:
        vars(layer)["forward"] = partial(_forward, layer)
    try:
        yield _translations()
    finally:
        for layer in layers:
            del vars(layer)["forward"]


def _forward(layer: nn.RNNBase, values: Tensor) -> tuple[Tensor, None]:
    """(B, T, F) -> hidden states (B, T, H); cell states are not there."""
    if layer.bidirectional or not layer.batch_first or not layer.bias:
        raise NotImplementedError("only recurrent layers in one direction with biases, batch first, can be exported")
    step = torch.ops.sentiprism.lstm if isinstance(layer, nn.LSTM) else torch.ops.sentiprism.gru
    states, order = values.transpose(0, 1), ORDER[type(layer)]
    for place in range(layer.num_layers):
        parts = (getattr(layer, f"{kind}_l{place}") for kind in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"))
        w, r, *bias = (torch.cat([part.chunk(len(order))[gate] for gate in order]) for part in parts)
        states = step(states, w[None], r[None], torch.cat(bias)[None], layer.hidden_size)
    return states.transpose(0, 1), None


def _translations() -> dict[Any, Callable[..., Any]]:
    from onnxscript import opset18 as op

    def lstm(x: Any, w: Any, r: Any, b: Any, hidden: int) -> Any:
        return op.Squeeze(op.LSTM(x, w, r, b, hidden_size=hidden)[0], [1])

    def gru(x: Any, w: Any, r: Any, b: Any, hidden: int) -> Any:
        return op.Squeeze(op.GRU(x, w, r, b, hidden_size=hidden, linear_before_reset=1)[0], [1])

    return {torch.ops.sentiprism.lstm.default: lstm, torch.ops.sentiprism.gru.default: gru}
