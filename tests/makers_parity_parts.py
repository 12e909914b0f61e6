"""Parity of parts of models: by case, what this project computes from its inputs, named as in ``expected.``."""

from collections.abc import Callable

import torch

from makers_parity import Case, Tensors, measured
from sentiprism.nn.alignment import align
from sentiprism.nn.label_generation import UnimodalLabels
from sentiprism.nn.positions import fairseq_sinusoidal
from sentiprism.types import Sequence, TargetSpec


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


PARTS: dict[str, Callable[[Case], Tensors]] = {
    "positions": positions,
    **dict.fromkeys(("dmd", "dmd_causal", "dmd_single_step"), dmd),
    "mag_bert": gate,
    "mag_bert_small_beta": gate,
    "self_mm_labels": labels,
    "self_mm_labels_sims": labels,
}
