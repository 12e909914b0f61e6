"""DMD's graph distillation and decoupling by hand."""

import math

import pytest
import torch
from torch.testing import assert_close

from makers_models import INTENSITY, batch, build, small, specs
from sentiprism.errors import UserError
from sentiprism.models.dmd.graph_distillation import SHARPNESS, GraphDistillation
from sentiprism.models.dmd.model import DMD, HETERO, HOMO
from sentiprism.nn.objectives.orthogonality import batch_orthogonality
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
    weights = unit(answers, vectors, torch.ones(2, 3, dtype=torch.bool)).weights
    z = torch.cat([unit.answers(answers), unit.vectors(vectors)], dim=-1)
    scores = [unit.edge(torch.cat([z[:, ALL.index(j)], z[:, ALL.index(i)]], dim=-1)) for i, j in EDGES]
    assert_close(weights, (SHARPNESS * torch.cat(scores, dim=1)).softmax(dim=1))


def test_distillation_is_the_sum_of_absolute_differences_by_weight_and_prior_and_the_teacher_does_not_learn():
    unit = graph()
    answers = torch.tensor([[[1.0], [3.0], [-1.0]]], requires_grad=True)
    edges = unit(answers, torch.randn(1, 3, 4), torch.ones(1, 3, dtype=torch.bool))
    gaps = torch.tensor([2.0, 2.0, 2.0, 4.0, 2.0, 4.0])  # in the order of the edges
    assert_close(edges.answers, ((edges.weights[0] + unit.prior) * gaps).sum())
    with torch.no_grad():
        unit.edge.weight.zero_()  # equal edges: only answers matter
        unit.prior.zero_()
    (slope,) = torch.autograd.grad(unit(answers, torch.zeros(1, 3, 4), torch.ones(1, 3).bool()).answers, answers)
    # each learner moves by the signs of its own two edges, as the student only
    assert_close(slope.flatten(), torch.tensor([-1 + 1, 1 + 1, -1 - 1]) / 6.0)


def test_an_edge_needs_both_its_ends():
    present = torch.tensor([[True, True, False], [True, False, False]])
    weights, taught, pushed, away = graph()(torch.randn(2, 3, 1), torch.randn(2, 3, 4), present)
    real = torch.tensor([[i in "text audio" and j in "text audio" for i, j in EDGES], [False] * 6])
    assert torch.equal(weights > 0, real)
    assert_close(weights.sum(1), torch.tensor([1.0, 0.0]))
    assert taught.isfinite()
    assert pushed.isfinite()
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
    edges = unit(torch.randn(5, 3, 1), torch.randn(5, 3, 4), torch.ones(5, 3, dtype=torch.bool))
    assert_close(edges.prior, (1 / 6 - unit.prior).square().sum())


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
        answers = [vertices[m](output.features[f"{prefix}{m}"]).answer.squeeze(1) for m in ALL]
        assert_close(output.losses[name], sum(task_loss(a, y, INTENSITY, "l1") for a in answers))


def test_graphs_switch_off_and_one_modality_teaches_nobody():
    given = batch(specs(), 4)
    both = dmd()(given).losses["dtl"]
    one = dmd(homogeneous=False)(given).losses["dtl"]
    assert 0 < one < both
    assert dmd(homogeneous=False, heterogeneous=False)(given).losses["dtl"] == 0
    assert dmd(modalities=["audio"])(given).losses["dtl"] == 0


def test_the_homogeneous_graph_reads_the_first_layer_and_the_other_one_both():
    model, given, seen = dmd(), batch(specs(), 4), {}
    for name in ("homo_graph", "hetero_graph"):
        graph = model.get_submodule(name)
        graph.register_forward_hook(lambda _, given, __, name=name: seen.update({name: given[1]}))
    features = model(given).features
    for i, m in enumerate(ALL):
        first = model.homo[m].higher.layers[0](features[f"shared.{m}"]).relu()
        assert_close(seen["homo_graph"][:, i], first)
        assert_close(seen["hetero_graph"][:, i], model.hetero[m](features[m]).vector)


def test_representations_are_distilled_where_they_are_asked_for():
    given, found = batch(specs(), 4), []
    model = dmd(distil_vectors=True)
    model.hetero_graph.register_forward_hook(lambda *args: found.append(args[-1].vectors))
    assert_close(model(given).losses["dtl"] - dmd()(given).losses["dtl"], found[0])
    assert found[0] > 0


def test_representations_are_pushed_apart_where_they_are_alike():
    """cos = 1 on the two edges between the first two, 0 elsewhere; w + π is 1/6 + π."""
    unit = graph()
    with torch.no_grad():
        unit.edge.weight.zero_()
    vectors = torch.tensor([[1.0, 0, 0, 0], [2.0, 0, 0, 0], [0, 1.0, 0, 0]]).expand(2, 3, 4)
    pushed = unit(torch.zeros(2, 3, 1), vectors, torch.ones(2, 3, dtype=torch.bool)).vectors
    assert_close(pushed, 10 * (2 / 6 + unit.prior[0] + unit.prior[2]))


def test_orthogonality_over_the_batch_compares_each_channel_of_each_step():
    one, other = torch.randn(3, 4, 5), torch.randn(3, 4, 5)
    mask = torch.tensor([[True, True, False, False], [True, False, False, False], [True, True, True, False]])
    cosines = []
    for t in range(3):  # nobody has a fourth step
        real = mask[:, t]
        cosines.append(torch.nn.functional.cosine_similarity(one[real, t], other[real, t], dim=0).clamp(min=0).mean())
    assert_close(batch_orthogonality(one, other, mask), torch.stack(cosines).mean())


def test_shapes_that_do_not_fit_are_refused():
    with pytest.raises(UserError, match="3 heads do not divide"):
        dmd(heads=3)
    with pytest.raises(UserError, match="no middle"):
        dmd(kernel=4)
