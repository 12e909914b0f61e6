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
GATES = {"lstm": (0, 3, 1, 2), "gru": (1, 0, 2)}
"""ONNX's gates by their place in torch: input, output, forget, cell; update, reset, hidden."""
_INPUTS = "Tensor x, Tensor w, Tensor r, Tensor b, Tensor h"
LIBRARY.define(f"lstm({_INPUTS}, Tensor c, int hidden) -> (Tensor, Tensor, Tensor)")  # type: ignore[no-untyped-call]
LIBRARY.define(f"gru({_INPUTS}, int hidden) -> (Tensor, Tensor)")  # type: ignore[no-untyped-call]


def _shapes(x: Tensor, w: Tensor, r: Tensor, b: Tensor, *states: Any) -> tuple[Tensor, ...]:  # noqa: ARG001
    """Outputs of an operator: every hidden state (T, D, B, H), the last ones (D, B, H); nothing is computed."""
    *last, hidden = states
    return (x.new_empty(x.shape[0], w.shape[0], x.shape[1], hidden), *(torch.empty_like(one) for one in last))


for _name in GATES:
    torch.library.register_fake(f"sentiprism::{_name}", _shapes, lib=LIBRARY)


@contextmanager
def recurrent_nodes(model: nn.Module) -> Iterator[dict[Any, Callable[..., Any]]]:
    """Context in which the recurrent layers of a model are single nodes; yields the exporter's translations."""
    layers = [module for module in model.modules() if isinstance(module, nn.LSTM | nn.GRU) and not module.proj_size]
    for layer in layers:
        vars(layer)["forward"] = partial(_forward, layer)
    try:
        yield _translations()
    finally:
        for layer in layers:
            del vars(layer)["forward"]


def _forward(layer: nn.LSTM | nn.GRU, values: Any, hx: Any = None) -> Any:
    """As the layer's own: hidden states of every step, and the last states of every layer and direction."""
    if not isinstance(values, Tensor) or values.dim() != 3:  # packed, or a sequence without a batch
        own: Any = type(layer).forward
        return own(layer, values, hx)
    long_memory = isinstance(layer, nn.LSTM)
    step = torch.ops.sentiprism.lstm if long_memory else torch.ops.sentiprism.gru
    states = values.transpose(0, 1) if layer.batch_first else values
    directions = 1 + layer.bidirectional
    if hx is None:
        zeros = values.new_zeros(layer.num_layers * directions, states.shape[1], layer.hidden_size)
        hx = (zeros, zeros) if long_memory else zeros
    first = [one.split(directions) for one in (hx if long_memory else (hx,))]  # (D, B, H) of each layer
    ends = []
    for place, begin in enumerate(zip(*first, strict=True)):
        states, *last = step(states, *_weights(layer, place), *begin, layer.hidden_size)  # (T, D, B, H)
        states = states.transpose(1, 2).flatten(2)
        ends.append(last)
    last = [torch.cat(parts) for parts in zip(*ends, strict=True)]
    return states.transpose(0, 1) if layer.batch_first else states, tuple(last) if long_memory else last[0]


def _weights(layer: nn.LSTM | nn.GRU, place: int) -> tuple[Tensor, Tensor, Tensor]:
    """A layer's weights as ONNX has them: (D, G H, F) of the input, (D, G H, H) of the states, biases (D, 2 G H)."""
    order, found = GATES["lstm" if isinstance(layer, nn.LSTM) else "gru"], []
    for ending in ("", "_reverse")[: 1 + layer.bidirectional]:
        parts = [getattr(layer, f"{kind}_l{place}{ending}") for kind in ("weight_ih", "weight_hh")]
        zero = parts[0].new_zeros(len(parts[0]))
        parts += [getattr(layer, f"{kind}_l{place}{ending}", zero) for kind in ("bias_ih", "bias_hh")]
        w, r, *biases = (torch.cat([part.chunk(len(order))[gate] for gate in order]) for part in parts)
        found.append((w, r, torch.cat(biases)))
    w, r, b = (torch.stack(parts) for parts in zip(*found, strict=True))
    return w, r, b


def _translations() -> dict[Any, Callable[..., Any]]:
    from onnxscript import opset18 as op

    def lstm(x: Any, w: Any, r: Any, b: Any, h: Any, c: Any, hidden: int) -> Any:
        direction = "bidirectional" if w.shape[0] == 2 else "forward"
        return op.LSTM(x, w, r, b, None, h, c, hidden_size=hidden, direction=direction)

    def gru(x: Any, w: Any, r: Any, b: Any, h: Any, hidden: int) -> Any:
        direction = "bidirectional" if w.shape[0] == 2 else "forward"
        return op.GRU(x, w, r, b, None, h, hidden_size=hidden, direction=direction, linear_before_reset=1)

    return {torch.ops.sentiprism.lstm.default: lstm, torch.ops.sentiprism.gru.default: gru}
