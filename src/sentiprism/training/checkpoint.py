"""The state of a run in one safetensors file: tensors as tensors, the rest as JSON in its header; never a pickle."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from sentiprism.errors import UserError
from sentiprism.files import atomic_file
from sentiprism.reading import parse_json
from sentiprism.tensors import open_tensors, save_tensors
from sentiprism.training.compact import state_shapes

REMEDY = "remove it to train the seed again from the start"


def save_checkpoint(path: Path, model: nn.Module, optimizer: Optimizer, progress: dict[str, Any]) -> None:
    """Write model, optimiser and ``progress`` (JSON), from which training resumes exactly."""
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


def load_checkpoint(path: Path, model: nn.Module, optimizer: Optimizer) -> Any:
    """Restore what `save_checkpoint` wrote and return ``progress``, which is not validated here.

    Raises:
        UserError: the file is damaged or belongs to another model or optimiser.
    """
    try:
        with open_tensors(path) as file:
            header = file.metadata() or {}
            weights, state = _tensors(file, model, optimizer)
            scalars = parse_json(header["scalars"], "scalars")
            progress = parse_json(header["progress"], "progress")
        for index, values in scalars.items():
            state.setdefault(int(index), {}).update({key: float(value) for key, value in values.items()})
        model.load_state_dict(weights)
        with torch.no_grad():
            optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    except UserError as error:
        raise UserError(f"checkpoint {path} cannot be used: {error.cause}", REMEDY) from None
    except (LookupError, AttributeError, ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"checkpoint {path} cannot be used: {error}", REMEDY) from None
    return progress


def _tensors(file: Any, model: nn.Module, optimizer: Optimizer) -> tuple[dict[str, Tensor], dict[int, dict[str, Any]]]:
    """Weights by name, and the optimiser's state by parameter number; shapes are checked first.

    Torch itself accepts an optimiser state of any shape and only fails at the next step.
    """
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    inner = getattr(optimizer, "optimizer", optimizer)  # Accelerate wraps it
    own = model.state_dict()
    weights: dict[str, Tensor] = {}
    state: dict[int, dict[str, Any]] = {}
    for name in file.keys():  # noqa: SIM118 - safe_open is not a mapping
        kind, _, rest = name.partition(".")
        index, _, key = rest.partition(".")
        wanted = own[rest].shape if kind == "model" else state_shapes(inner, parameters[int(index)])[key]
        shape = tuple(file.get_slice(name).get_shape())
        if shape != tuple(wanted):
            raise ValueError(f"{name} is {shape}, not {tuple(wanted)}")
        tensor = file.get_tensor(name)
        if kind == "model":
            weights[rest] = tensor
        else:
            state.setdefault(int(index), {})[key] = tensor
    for index, values in state.items():
        for key in state_shapes(inner, parameters[index]):
            if not isinstance(values.get(key), Tensor) or not values[key].is_floating_point():
                raise ValueError(f"parameter {index} lacks {key}")
    return weights, state
