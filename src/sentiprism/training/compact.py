"""AdamW with compact moments."""

from collections.abc import Callable, Iterable
from math import sqrt
from typing import Any

import torch
from torch import Tensor
from torch.optim import AdamW, Optimizer

BETAS = (0.9, 0.999)
EPS = 1e-8
NUMBERS = 1 << 18
"""Numbers of a matrix that are updated at once, so that they stay in the processor's cache between the operations."""


class CompactAdamW(Optimizer):
    """AdamW whose moments of a matrix take a quarter of the memory.

    The second moment of a matrix is the product of its means over rows and over columns, divided by its mean
    (Adafactor, Shazeer and Stern 2018, Alg. 4); the first is kept in bfloat16, whose rounding is small beside the tenth
    of it that every step replaces. Vectors have AdamW's own moments. The rest is AdamW (Loshchilov and Hutter 2019).

    Args:
        groups: parameter groups with ``lr`` and ``weight_decay``.
    """

    def __init__(self, groups: Iterable[dict[str, Any]]) -> None:
        super().__init__(groups, {})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]  # noqa: ARG002
        """Update every parameter that has a gradient; ``closure`` is not used."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._update(parameter, parameter.grad, group)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore a state; torch would keep it in the parameters' precision."""
        super().load_state_dict(state_dict)
        for parameter, state in self.state.items():
            if parameter.ndim > 1:
                state["exp_avg"] = state["exp_avg"].to(torch.bfloat16)

    def _update(self, parameter: Tensor, gradient: Tensor, group: dict[str, Any]) -> None:
        state = self.state[parameter]
        if not state:
            kind = torch.bfloat16 if parameter.ndim > 1 else parameter.dtype
            state["step"] = torch.zeros(())
            state["exp_avg"] = torch.zeros_like(parameter, dtype=kind)
            for name, shape in second_moment(parameter).items():
                state[name] = torch.zeros(shape, dtype=parameter.dtype, device=parameter.device)
        state["step"] += 1
        count, (first, second) = float(state["step"]), BETAS
        rate = group["lr"] / (1 - first**count)
        correction = sqrt(1 - second**count)
        parameter.mul_(1 - group["lr"] * group["weight_decay"])
        if parameter.ndim > 1:
            _update_matrix(parameter, gradient, state, rate, correction)
            return
        mean = state["exp_avg"].lerp_(gradient, 1 - first)
        square = state["exp_avg_sq"].mul_(second).addcmul_(gradient, gradient, value=1 - second)
        parameter.addcdiv_(mean, square.sqrt().div_(correction).add_(EPS), value=-rate)


def _update_matrix(parameter: Tensor, gradient: Tensor, state: dict[str, Any], rate: float, correction: float) -> None:
    """Update a matrix in blocks of rows; more dimensions count as columns."""
    first, second = BETAS
    values, slopes, kept = (one.flatten(1) for one in (parameter, gradient, state["exp_avg"]))
    height = max(1, NUMBERS // slopes.shape[1])
    blocks = [slice(start, start + height) for start in range(0, len(slopes), height)]
    row, column = state["row"], state["column"]
    column.mul_(second)
    for rows in blocks:
        square = slopes[rows].square()
        row[rows].lerp_(square.mean(1), 1 - second)
        column.add_(square.sum(0), alpha=(1 - second) / len(slopes))
    total = row.mean().clamp_(min=torch.finfo(row.dtype).tiny)
    by_row, by_column = (row / total).sqrt_().div_(correction).unsqueeze(1), column.sqrt()
    for rows in blocks:
        mean = kept[rows].to(parameter.dtype).lerp_(slopes[rows], 1 - first)
        kept[rows] = mean
        values[rows].addcdiv_(mean, (by_row[rows] * by_column).add_(EPS), value=-rate)


def second_moment(parameter: Tensor) -> dict[str, tuple[int, ...]]:
    """Names and shapes of what is kept of a parameter's squared gradients."""
    if parameter.ndim > 1:
        return {"row": (parameter.shape[0],), "column": (parameter[0].numel(),)}
    return {"exp_avg_sq": tuple(parameter.shape)}


def state_shapes(optimizer: Optimizer, parameter: Tensor) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the state of a parameter in `CompactAdamW` or torch's AdamW."""
    whole = tuple(parameter.shape)
    more = {"exp_avg_sq": whole} if isinstance(optimizer, AdamW) else second_moment(parameter)
    return {"step": (), "exp_avg": whole, **more}
