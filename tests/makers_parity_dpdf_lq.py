"""Parity of DPDF-LQ: the released model under descriptive names, and what this project's model computes."""

from typing import Any

import torch

from makers_parity import Case, Tensors
from sentiprism.models import Model, create_model
from sentiprism.types import FeatureSpec, ModalitySpec, TargetSpec

CONFIG: dict[str, Any] = {
    **{"preset": "code", "width": 16, "heads": 2, "head_width": 8, "gather_head_width": 4, "hidden": 16},
    **{"tokens": 6, "positions": 12, "reader_positions": 14, "global_depth": 2, "local_depth": 2},
}
WIDTHS = {"text": 8, "audio": 5, "vision": 6}
LAYER = {"query_norm": "norm", "key_norm": "source_norm", "feed_in": "feed.0", "feed_out": "feed.3"}
LAYER |= {name: f"attention.{name}" for name in ("query", "key", "value", "out")}
GATHER = {"text_norm": "attentions.{}.norms.0", "audio_norm": "attentions.{}.norms.1"}
GATHER |= {"vision_norm": "attentions.{}.norms.2", "query_norm": "attentions.{}.query_norm"}
GATHER |= {name: f"attentions.{{}}.attention.{name}" for name in ("query", "key", "value", "out")}
GATHER |= {"gate": "attentions.{}.gate", "squeeze": "channels.{}.squeeze", "excite": "channels.{}.excite"}
HEADS = {"gate.hidden": "fusion_gate.0", "gate.out": "fusion_gate.2", "head.hidden": "head.0", "head.out": "head.3"}
STATISTICS = {"mean": "running_mean", "variance": "running_var"}


def released(case: Case) -> Tensors:
    """The whole model and its steps."""
    features = FeatureSpec(**{m: ModalitySpec(kind="features", width=width) for m, width in WIDTHS.items()})
    model = create_model("dpdf_lq", features, TargetSpec(), CONFIG)
    model.load_state_dict(_weights(case.under("weight_reference")))
    model.eval()
    found = _watch(model)
    batch = case.batch()
    output = model(batch)
    found |= {f"reference.f_{path}": output.features[path] for path in ("global", "local")}
    found |= {"reference.path_shares": output.weights["path"], "prediction": output.prediction}
    return found | {f"loss.{name}": loss for name, loss in output.losses.items()}


def _watch(model: Model) -> Tensors:
    """Hooks that fill what is returned when the model is called."""
    path, found = model.global_path, {}

    def keep(name: str, change: Any = lambda x: x) -> Any:
        def hook(_: Any, __: Any, answer: Any) -> None:
            found.setdefault(f"reference.{name}", change(answer))  # the first of two calls

        return hook

    for m, encoder in path.encoders.items():
        encoder.register_forward_hook(keep(f"tokens.{m}", lambda sequence: sequence.values))
    for i, channels in enumerate(path.query.channels):
        channels.register_forward_hook(keep(f"query.{i + 1}"))
    path.text_positions.register_forward_hook(keep("text_level.0"))
    for i, layer in enumerate(path.text_layers):
        layer.register_forward_hook(keep(f"text_level.{i + 1}"))
    path.norm.register_forward_hook(keep("convolved", lambda x: x.transpose(1, 2)))
    path.readers[0].register_forward_hook(keep("f"))
    path.balance.register_forward_hook(keep("balance", torch.sigmoid))
    return found


def _weights(reference: Tensors) -> Tensors:
    """The reference's weights under the names here."""
    found: Tensors = {}
    for name, value in reference.items():
        key = name.replace("global.reader.", "global.readers.0.")
        where, _, kind = key.rpartition(".")
        path, _, inside = where.partition(".")
        if where in HEADS:
            found[f"{HEADS[where]}.{kind}"] = value
        elif kind.endswith("positions") or kind in {"tokens", "token"}:
            found |= _learned(f"{path}_path.{inside}".rstrip("."), kind, value)
        elif inside.startswith("gather."):
            _, layer, part = inside.split(".")
            found[f"global_path.query.{GATHER[part].format(layer)}.{kind}"] = value
        elif inside == "batch_norm":
            found[f"global_path.norm.{STATISTICS.get(kind, kind)}"] = value
        elif key == "global.query":
            found["global_path.query.query"] = value
        else:
            found[f"{path}_path.{_renamed(inside)}.{kind}"] = value
    return found


def _renamed(inside: str) -> str:
    """A part of a path: encoders and readers, their layers, and what has its name already."""
    inside = inside.replace("encoder.", "encoders.").replace(".layer.", ".transformer.layers.0.")
    if inside.startswith("reader"):
        inside = inside.replace(".layers.", ".transformer.layers.")
    head, _, last = inside.rpartition(".")
    return f"{head}.{LAYER.get(last, last)}" if "layers." in inside else inside


def _learned(where: str, kind: str, value: torch.Tensor) -> Tensors:
    """Tokens and tables of positions, those of tokens apart."""
    where, K = _renamed(where), CONFIG["tokens"]
    if kind == "positions":
        return {f"{where}.token_positions.table": value[:K], f"{where}.positions.table": value[K:]}
    if kind == "source_positions":
        return {f"{where}.source_token": value[:1], f"{where}.source_positions.0.table": value[1:]}
    if kind == "target_positions":  # of its rows only the token's is read
        return {f"{where}.target_token": value[:1]}
    return {f"{where}.text_positions.table" if kind == "text_positions" else f"{where}.{kind}": value}
