"""Cases of ``../shared/parity``: what a reference computes, the model here that must, and names that have changed."""

import json
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from sentiprism.models import Model, create_model
from sentiprism.types import MODALITIES, Batch, FeatureSpec, Sequence, TargetSpec

Tensors = dict[str, Tensor]


class Case:
    """One fixture.

    Args:
        folder: ``../shared/parity``.
        name: of the file, without its ending.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self.folder, self.name = folder, name
        with safe_open(folder / f"{name}.safetensors", "pt") as file:
            self.metadata: dict[str, str] = file.metadata()
            self.tensors: Tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dict

    def under(self, prefix: str) -> Tensors:
        """The tensors whose names begin with ``prefix.``, without it."""
        return {k.removeprefix(f"{prefix}."): v for k, v in self.tensors.items() if k.startswith(f"{prefix}.")}

    def json(self, key: str) -> Any:
        """An entry of the metadata."""
        return json.loads(self.metadata[key])

    @property
    def tolerance(self) -> float:
        return float(self.metadata["tolerance"])

    @cached_property
    def source(self) -> "Case":
        """The case that holds the weights."""
        return Case(self.folder, self.metadata["weights"]) if self.metadata.get("weights") else self

    def features(self) -> FeatureSpec:
        return FeatureSpec.model_validate(self.json("features"))

    def model(self, settings: dict[str, Any] | None = None) -> Model:
        """The model in evaluation mode, with the reference's weights."""
        name = self.metadata["model"]
        config = {**self.json("config"), **SETTINGS.get(name, {}), **SETTINGS.get(self.name, {}), **(settings or {})}
        target = TargetSpec.model_validate(self.json("target"))
        model = create_model(name, self.features(), target, config, pretrained=False)
        change = RENAMED.get(name, _same)
        extra = {} if self.name in IDENTITY else self.source.under("weight_reference")
        state = model.state_dict()
        weights = change(self.source.under("weight"), extra, state)
        if self.metadata.get("part"):  # the rest of the model is not asked for
            weights = {key: value for key, value in weights.items() if key in state}
        model.load_state_dict(weights)
        return model.eval()

    def batch(self) -> Batch:
        given = self.under("input")
        sequences = [Sequence(given[m], given[f"{m}_mask"]) for m in MODALITIES]
        return Batch(*sequences, labels={"M": given["label.M"]}, index=given["index"])


SETTINGS: dict[str, dict[str, Any]] = {
    "bbfn": {"preset": "code"},
    "dmd": {"preset": "code", "homo_edge_width": 8, "causal": False},  # in the fixtures both are of one width
    "dmd_causal": {"causal": True},
    "tmt": {"preset": "paper"},
    "tetfn": {"preset": "code", "fusion_width": 10},
    "mult_full": {"preset": "code", "causal": False},  # the reference with its mask off
}
"""Fields, by model or case, that are newer than the fixtures."""

IDENTITY = {"self_mm_identity", "tetfn_identity"}
"""Cases whose reference has the identity in the place of the layers that the file of its weights names."""

Change = Callable[[Tensors, Tensors, Tensors], Tensors]


def _same(weights: Tensors, extra: Tensors, wanted: Tensors) -> Tensors:
    return weights


def _without_pools(weights: Tensors, extra: Tensors, wanted: Tensors) -> Tensors:
    """The reference takes last steps."""
    return {key: value for key, value in weights.items() if key in wanted or "pools." not in key}


def _bbfn(weights: Tensors, extra: Tensors, wanted: Tensors) -> Tensors:
    """A summary is a module of its own, with one GRU a direction."""
    weights = {re.sub(r"summary\.(weight|bias)$", r"summary.layers.\1", key): value for key, value in weights.items()}
    for key, value in extra.items():
        direction = "back" if key.endswith("_reverse") else "ahead"
        where, _, name = key.removesuffix("_reverse").rpartition(".")
        weights[f"{where}.{direction}.{name}"] = value
    return {key: value for key, value in weights.items() if key in wanted}  # linear summaries that are GRUs here


def _almt(weights: Tensors, extra: Tensors, wanted: Tensors) -> Tensors:
    """The norms of the hyper-modality have their names already."""
    return weights | {key: value for key, value in extra.items() if key in wanted}


def _kuda(weights: Tensors, extra: Tensors, wanted: Tensors) -> Tensors:
    """Scores and estimates, which reach nothing that is expected, keep what they begin with."""
    kept = {key: value for key, value in wanted.items() if key.startswith(("scorers.", "estimator."))}
    return {key: value for key, value in weights.items() if not key.startswith("scorers.")} | kept | extra


def _mfn(weights: Tensors, extra: Tensors, wanted: Tensors) -> Tensors:
    """The columns by which the gates read the memory stand behind those by which they read what is attended to."""
    for gate in ("retain", "update"):
        key = f"across.{gate}.0.weight"
        missing = wanted[key].shape[1] - weights[key].shape[1]
        memory = extra.get(f"across.{gate}.memory", torch.zeros(len(weights[key]), missing))
        weights[key] = torch.cat([weights[key], memory], dim=1)
    return weights


def _self_mm(weights: Tensors, extra: Tensors, wanted: Tensors) -> Tensors:
    """Layers after the LSTMs and in the middle of each task, the identity where the reference has it; no pools."""
    weights = {key: value for key, value in weights.items() if key in wanted}
    for key, value in wanted.items():
        kind, _, rest = key.partition(".")
        name = {"after": f"after_lstm.{rest}", "middle": f"layer_2.{rest}"}.get(kind)
        if name is not None:
            weights[key] = extra.get(name, torch.eye(len(value)) if value.ndim == 2 else torch.zeros(len(value)))
    return weights


RENAMED: dict[str, Change] = {
    "almt": _almt,
    "bbfn": _bbfn,
    "dmd": _without_pools,
    "kuda": _kuda,
    "mfn": _mfn,
    "self_mm": _self_mm,
    "tetfn": _self_mm,
}
"""By model: (the project's weights under their former names, the reference's own, the model's) -> the model's."""


def _own(model: Model) -> Tensors:
    """Unimodal predictions of Self-MM's tasks."""
    seen: Tensors = {}
    for modality, head in model.own_heads.items():
        head.register_forward_hook(lambda _, __, y, m=modality: seen.update({f"reference.own.{m}": y}))
    return seen


WATCHED: dict[str, Callable[[Model], Tensors]] = {"self_mm": _own, "tetfn": _own}
"""By model: hooks that fill the mapping they return with ``reference.`` numbers when the model is called."""


def measured(case: Case) -> Tensors:
    """What is held against the ``expected.`` tensors of a whole model."""
    model, batch, grad_of = case.model(), case.batch(), case.metadata.get("grad_of")
    watched = WATCHED.get(case.metadata["model"])
    parts = watched(model) if watched else {}
    output = model(batch)
    weights = model.config.loss_weights
    total = sum((weights[name] * value for name, value in output.losses.items()), torch.zeros(()))
    found = {"prediction": output.prediction, "reference.total": total} | parts
    found |= {f"loss.{name}": value for name, value in output.losses.items()}
    found |= {f"feature.{name}": value for name, value in output.features.items()}
    if grad_of:
        (total if grad_of == "total" else output.losses["task"]).backward()
        found |= {f"grad.{name}": p.grad for name, p in model.named_parameters() if p.grad is not None}
    return found
