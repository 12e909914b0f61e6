"""Parity of parts of models: by case, what this project computes from its inputs, named as in ``expected.``."""

from collections.abc import Callable

import torch

from makers_parity import Case, Tensors, measured
from makers_parity_dpdf_lq import released
from sentiprism.models import create_model
from sentiprism.models.kuda.dynamic_attention import sentiment_ratio
from sentiprism.models.kuda.model import correlation
from sentiprism.models.self_mm.label_generation import UnimodalLabels
from sentiprism.nn.alignment import align
from sentiprism.nn.objectives.contrastive import pairwise_contrast
from sentiprism.nn.positions import fairseq_sinusoidal
from sentiprism.types import MODALITIES, FeatureSpec, ModalitySpec, Sequence, TargetSpec


def positions(case: Case) -> Tensors:
    return {f"reference.positions.{n}": fairseq_sinusoidal(x) for n, x in case.under("input.values").items()}


def gate(case: Case) -> Tensors:
    """MAG-BERT's gate at every step."""
    model, batch = case.model(), case.batch()
    clock = Sequence(batch.text.mask.unsqueeze(-1).float(), batch.text.mask)
    sides = align([clock, batch.audio, batch.vision])[1:]
    moved = model.gate(batch.text.values, sides)
    return {"reference.gate": moved, "feature.fused": model(batch).features["fused"]}


def labels(case: Case) -> Tensors:
    """Self-MM's unimodal labels over epochs of batches, and the losses that they weigh."""
    given, target = case.under("input"), TargetSpec.model_validate(case.json("target"))
    order, vectors, prediction = given["order"], given["vectors"], given["prediction"]
    rows, modalities = len(given["label.M"]), vectors.shape[3] - 1
    memory = UnimodalLabels(rows, (vectors.shape[4],) * (1 + modalities), target, "norm")
    kept, losses = [], []
    for epoch in range(order.shape[0]):
        losses.append([])
        for batch in range(order.shape[1]):
            index = order[epoch, batch]
            label = given["label.M"][index]
            own = torch.cat([label.unsqueeze(1), memory.read(index, label)], dim=1)
            weight = (own - label.unsqueeze(1)).abs().tanh()
            weight[:, 0] = 1
            losses[-1].append((weight * (prediction[epoch, batch] - own).abs()).mean(dim=0))
            present = torch.ones(len(index), modalities, dtype=torch.bool)
            memory.update(index, vectors[epoch, batch], label, present, epoch + 1)
        kept.append(memory.labels.clone())
    return {"reference.labels": torch.stack(kept), "reference.loss": torch.stack([torch.stack(e) for e in losses])}


def dmd(case: Case) -> Tensors:
    """The whole model, its graphs, and both readings of L_ort."""
    found, edges, vertices = {}, {}, {}
    model = case.model()
    for kind in ("homo", "hetero"):
        graph = model.get_submodule(f"{kind}_graph")
        graph.register_forward_hook(lambda _, __, out, kind=kind: edges.update({kind: out}))
    for m, vertex in model.homo.items():
        vertex.register_forward_hook(lambda _, __, out, m=m: vertices.update({m: out.hidden}))
    found["reference.ort_over_batch"] = model(case.batch()).losses["ort"]
    found["reference.ort_over_features"] = case.model({"ort_axis": "features"})(case.batch()).losses["ort"]
    for kind, made in edges.items():
        found[f"reference.edges.{kind}"] = made.weights
        found[f"reference.{kind}.answers"], found[f"reference.{kind}.vectors"] = made.answers, made.vectors
        found[f"reference.{kind}.regularization"] = 10 * made.prior
    found |= {f"reference.homo.vertex.{m}": hidden for m, hidden in vertices.items()}
    # computed by the reference, but part of no loss of it, nor of one here
    x, graph = torch.stack(list(vertices.values()), dim=1), model.homo_graph
    gap = (x[:, graph.students] - x[:, graph.teachers]).abs().sum(dim=-1)
    found["reference.homo.vectors"] = 10 * ((edges["homo"].weights + graph.prior) * gap).mean(dim=0).sum()
    return measured(case) | found


def fusion(case: Case) -> Tensors:
    """KuDA's fusion with and without ratios and inner norms, its ratios, and its audio encoder with its adapters."""
    given, found = case.under("input"), {}
    steps, label = given["steps"], given["label.M"]
    present = torch.ones(steps.shape[:2], dtype=torch.bool)
    model = case.model()
    ratio = sentiment_ratio(given["scores"].unsqueeze(-1), label.unsqueeze(-1), present, model.config.sharpness)
    plain = case.model({"inner_norm": False})
    for where, one in (("", model), ("without_inner_norm.", plain)):
        for scaled, shares in (("", None), (".scaled", ratio)):
            fused = steps.sum(dim=1)
            for block in one.blocks:
                fused = block(fused, steps, present, shares)
            whole = fused.mean(dim=1)
            found[f"reference.{where}fused{scaled}"] = fused
            found[f"reference.{where}nce{scaled}"] = correlation(steps.mean(dim=2), whole, present)
            found[f"reference.{where}prediction{scaled}"] = one.head(whole)
    audio = Sequence(given["audio"], given["audio_mask"])
    hidden = model.adapters["audio"](model.encoders["audio"](audio), audio.mask)
    return found | {"reference.ratio": ratio, "reference.audio.hidden": hidden}


CONFEDE = {"preset": "code", "width": 8, "encoder_width": 16, "hidden": 16, "heads": 2, "positions": 12}


def contrast(case: Case) -> Tensors:
    """ConFEDE's features, predictions, errors, contrast over given pairs, and encoder of vision."""
    given, weights = case.under("input"), case.under("weight_reference")
    text = ModalitySpec(kind="features", width=16, encoder="contextual")
    features = FeatureSpec(text=text, audio=ModalitySpec(kind="features", width=6))
    features = features.model_copy(update={"vision": features.audio})
    model = create_model("confede", features, TargetSpec(), CONFEDE)
    loaded = model.load_state_dict({_confede(key): value for key, value in weights.items()}, strict=False)
    assert not loaded.unexpected_keys
    assert all(key.startswith("encoders.audio.") for key in loaded.missing_keys)  # only vision is given
    model.eval()
    label = given["label.M"]
    kinds = [
        torch.stack([projections[m](x) for m, x in case.under("input.embedding").items()], dim=1)
        for projections in (model.similar, model.dissimilar)
    ]
    order = [list(case.under("input.embedding")).index(m) for m in MODALITIES]
    both = torch.stack(kinds, dim=1)[:, :, order]  # (21, 2, 3, 8)
    own, prediction = model.own_head(both).squeeze(-1), model.head(both.flatten(1)).squeeze(-1)
    losses = [_pairs(both[[i, *range(3 + 6 * i, 9 + 6 * i)]], given) for i in range(3)]
    return {
        "reference.similar": both[:, 0],
        "reference.dissimilar": both[:, 1],
        "reference.own": own,
        "reference.prediction": prediction,
        "reference.task": (prediction - label).square().mean(),
        "reference.uni": (own - label[:, None, None]).square().mean(),
        "reference.cl": torch.stack(losses).mean(),
        "reference.cl.of_each": torch.stack(losses),
        "reference.encoded": model.encoders["vision"](given["vision"], given["vision_mask"]),
    }


def _pairs(features: torch.Tensor, given: Tensors) -> torch.Tensor:
    """L_cl of one utterance and its partners, (7, 2, 3, 8)."""
    unit = torch.nn.functional.normalize(features, dim=-1)

    def number(names: torch.Tensor) -> torch.Tensor:
        return (names[:, 0] * 2 + names[:, 1]) * 3 + names[:, 2]

    flat = unit.flatten(0, 2)
    masks = []
    for sign in ("positive", "negative"):
        mask = torch.zeros(len(flat), len(flat), dtype=torch.bool)
        mask[number(given[f"pairs.{sign}.anchor"]), number(given[f"pairs.{sign}.other"])] = True
        masks.append(mask)
    return pairwise_contrast(flat @ flat.T, *masks, temperature=0.5)


def _confede(key: str) -> str:
    """The name of a parameter here."""
    where, _, kind = key.rpartition(".")
    if where.startswith(("similar.", "dissimilar.")):
        return f"{where.removesuffix('.norm').removesuffix('.linear')}.{int(where.endswith('.linear'))}.{kind}"
    if where.startswith(("head.", "own_head.")):
        name, _, layer = where.rpartition(".")
        return f"{name}.{2 * int(layer)}.{kind}"
    if key in {"encoder.token", "encoder.positions"}:
        return "encoders.vision." + {"token": "token", "positions": "positions.table"}[kind]
    parts = {"feed_in": "feed.0", "feed_out": "feed.3", "norm": "norm", "feed_norm": "feed_norm"}
    place = where.removeprefix("encoder.").split(".")
    if place[0] == "layers":
        return f"encoders.vision.layers.layers.{place[1]}.{parts.get(place[2], f'attention.{place[2]}')}.{kind}"
    return f"encoders.vision.{place[0]}.{kind}"


PARTS: dict[str, Callable[[Case], Tensors]] = {
    "positions": positions,
    **dict.fromkeys(("dmd", "dmd_causal", "dmd_single_step"), dmd),
    "confede": contrast,
    "dpdf_lq": released,
    "kuda": fusion,
    "mag_bert": gate,
    "mag_bert_small_beta": gate,
    "self_mm_labels": labels,
    "self_mm_labels_sims": labels,
}
