"""DMD's graph distillation and decoupling by hand."""

import math

import pytest
import torch
from torch.testing import assert_close

from makers_models import INTENSITY, batch, build, small, specs
from sentiprism.errors import UserError
from sentiprism.models.dmd import DMD, HETERO, HOMO
from sentiprism.nn.graph_distillation import SHARPNESS, GraphDistillation
from sentiprism.nn.objectives.reconstruction import reconstruction
from sentiprism.nn.objectives.task import task_loss

ALL = ("text", "audio", "vision")
EDGES = [("text", "audio"), ("text", "vision"), ("audio", "text"), ("audio", "vision"), ("vision", "text")]
EDGES += [("vision", "audio")]


def graph(favoured=HOMO) -> GraphDistillation:
    torch.manual_seed(0)
    return GraphDistillation(ALL, 4, 1, 3, favoured)


def dmd(**config) -> DMD:
    return build("dmd", specs(), config={**small("dmd"), **config}).eval()


def test_edges_are_a_softmax_over_the_whole_graph_of_what_g_makes_of_both_ends():
    unit = graph()
    answers, vectors = torch.randn(2, 3, 1), torch.randn(2, 3, 4)
    weights, _, _ = unit(answers, vectors, torch.ones(2, 3, dtype=torch.bool))
    z = torch.cat([unit.answers(answers), unit.vectors(vectors)], dim=-1)
    scores = [unit.edge(torch.cat([z[:, ALL.index(j)], z[:, ALL.index(i)]], dim=-1)) for i, j in EDGES]
    assert_close(weights, (SHARPNESS * torch.cat(scores, dim=1)).softmax(dim=1))


def test_distillation_is_the_weighted_sum_of_absolute_differences_and_the_teacher_does_not_learn():
    unit = graph()
    answers = torch.tensor([[[1.0], [3.0], [-1.0]]], requires_grad=True)
    weights, taught, _ = unit(answers, torch.randn(1, 3, 4), torch.ones(1, 3, dtype=torch.bool))
    gaps = torch.tensor([2.0, 2.0, 2.0, 4.0, 2.0, 4.0])  # in the order of the edges
    assert_close(taught, (weights[0] * gaps).sum())
    with torch.no_grad():
        unit.edge.weight.zero_()  # equal edges: only answers matter
    (slope,) = torch.autograd.grad(unit(answers, torch.zeros(1, 3, 4), torch.ones(1, 3).bool())[1], answers)
    # each learner moves by the signs of its own two edges, as the student only
    assert_close(slope.flatten(), torch.tensor([-1 + 1, 1 + 1, -1 - 1]) / 6.0)


def test_an_edge_needs_both_its_ends():
    present = torch.tensor([[True, True, False], [True, False, False]])
    weights, taught, away = graph()(torch.randn(2, 3, 1), torch.randn(2, 3, 4), present)
    real = torch.tensor([[i in "text audio" and j in "text audio" for i, j in EDGES], [False] * 6])
    assert torch.equal(weights > 0, real)
    assert_close(weights.sum(1), torch.tensor([1.0, 0.0]))
    assert taught.isfinite()
    assert away.isfinite()


def test_the_prior_favours_what_the_text_teaches():
    for favoured, count in ((HOMO, 2), (HETERO, 3)):
        prior = graph(favoured).prior
        total = count * math.exp(4) + 6 - count
        liked = [edge in favoured for edge in EDGES]
        assert_close(prior, torch.tensor([(math.exp(4) if x else 1.0) / total for x in liked]))


def test_the_prior_is_met_by_the_mean_of_the_edges():
    unit = graph()
    with torch.no_grad():
        unit.edge.weight.zero_()  # equal edges
    _, _, away = unit(torch.randn(5, 3, 1), torch.randn(5, 3, 4), torch.ones(5, 3, dtype=torch.bool))
    assert_close(away, (1 / 6 - unit.prior).square().sum())


def test_decoupling_reconstructs_each_modality_and_its_heterogeneous_part():
    model, given = dmd(), batch(specs(), 4)
    losses = model(given).losses
    rec, cyc = 0.0, 0.0
    for m in ALL:
        x, mask = model.projected(given)[m]
        own = model.specify[m](x)
        again = model.decode[m](torch.cat([model.share(x), own], dim=-1))
        rec = rec + reconstruction(again, x, mask)
        cyc = cyc + reconstruction(model.specify[m](again), own, mask)
    assert_close(losses["rec"], rec)
    assert_close(losses["cyc"], cyc)


def test_every_vertex_of_both_graphs_answers():
    model, given = dmd(), batch(specs(), 4)
    output, y = model(given), given.labels["M"]
    for name, vertices, prefix in (("homo", model.homo, "shared."), ("hetero", model.hetero, "")):
        answers = [vertices[m](output.features[f"{prefix}{m}"])[1].squeeze(1) for m in ALL]
        assert_close(output.losses[name], sum(task_loss(a, y, INTENSITY, "l1") for a in answers))


def test_graphs_switch_off_and_one_modality_teaches_nobody():
    given = batch(specs(), 4)
    both = dmd()(given).losses["dtl"]
    one = dmd(homogeneous=False)(given).losses["dtl"]
    assert 0 < one < both
    assert dmd(homogeneous=False, heterogeneous=False)(given).losses["dtl"] == 0
    assert dmd(modalities=["audio"])(given).losses["dtl"] == 0


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="3 heads do not divide"):
        dmd(heads=3)
    with pytest.raises(UserError, match="no middle"):
        dmd(kernel=4)
