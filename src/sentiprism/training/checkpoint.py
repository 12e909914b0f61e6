"""The state of a run in one safetensors file: tensors as tensors, the rest as JSON in its header; never a pickle."""

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torch.optim import Optimizer

from sentiprism.errors import UserError
from sentiprism.files import atomic_file, save_tensors


def save_checkpoint(path: Path, model: nn.Module, optimizer: Optimizer, progress: dict[str, Any]) -> None:
    """Write model, optimiser and ``progress`` (JSON) so that training goes on as if it had not stopped."""
    tensors = {f"model.{name}": tensor for name, tensor in model.state_dict().items()}
    scalars: dict[str, dict[str, Any]] = {}
    for index, state in optimizer.state_dict()["state"].items():
        for key, value in state.items():
            if isinstance(value, Tensor):
                tensors[f"optimizer.{index}.{key}"] = value
            else:
                scalars.setdefault(str(index), {})[key] = value
    header = {"progress": json.dumps(progress), "scalars": json.dumps(scalars)}
    with atomic_file(path) as temporary:
        save_tensors(temporary, tensors, header)


def load_checkpoint(path: Path, model: nn.Module, optimizer: Optimizer) -> dict[str, Any]:
    """Put back what `save_checkpoint` wrote and return ``progress``.

    Raises:
        UserError: the file is damaged or belongs to another model or optimiser.
    """
    weights: dict[str, Tensor] = {}
    state: dict[int, dict[str, Any]] = {}
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata()
            for name in file.keys():  # noqa: SIM118 - safe_open is no mapping
                kind, _, rest = name.partition(".")
                if kind == "model":
                    weights[rest] = file.get_tensor(name)
                else:
                    index, _, key = rest.partition(".")
                    state.setdefault(int(index), {})[key] = file.get_tensor(name)
        for index, values in json.loads(header["scalars"]).items():
            state.setdefault(int(index), {}).update(values)
        progress: dict[str, Any] = json.loads(header["progress"])
        model.load_state_dict(weights)
        _check_shapes(state, optimizer)
        with torch.no_grad():
            optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    except (SafetensorError, OSError, LookupError, AttributeError, ValueError, TypeError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"checkpoint {path} cannot be used: {reason}", "remove it and train again") from None
    return progress


def _check_shapes(state: dict[int, dict[str, Any]], optimizer: Optimizer) -> None:
    """Torch takes any tensor for a moment and fails at the next step."""
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    for index, values in state.items():
        shape = parameters[index].shape
        for key, value in values.items():
            if isinstance(value, Tensor) and value.ndim and value.shape != shape:
                raise ValueError(f"{key} of parameter {index} is {tuple(value.shape)}, not {tuple(shape)}")
