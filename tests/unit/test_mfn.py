"""MFN's attention and Graph-MFN's graph, with numbers computed by hand."""

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from makers_models import batch, build, small, specs
from sentiprism.models.graph_mfn import FusionGraph
from sentiprism.models.mfn.model import DeltaAttention
from sentiprism.types import Sequence


def constant(network: nn.Module, value: float) -> None:
    """Let a linear layer, or the last one of several, answer one number whatever it reads."""
    last = network[-1] if isinstance(network, nn.Sequential) else network
    nn.init.zeros_(last.weight)
    nn.init.constant_(last.bias, value)


def test_delta_memory_attention_weighs_every_dimension_by_a_softmax_over_all():
    """ĉ = a ⊙ c with two cells and one cell at two steps: equal scores give each of the six 1/6."""
    attention = DeltaAttention([2, 1], 4, 0.0)
    constant(attention.score, 3.0)
    deltas = [torch.tensor([[[1.0, 2.0, 3.0, 4.0]]]), torch.tensor([[[5.0, 6.0]]])]
    attended, shares = attention(deltas, torch.ones(1, 2, dtype=torch.bool))
    assert_close(attended.flatten(), torch.arange(1.0, 7) / 6)
    assert_close(shares.flatten(), torch.tensor([4 / 6, 2 / 6]))


def test_delta_memory_attention_passes_over_what_is_missing():
    attention = DeltaAttention([2, 1], 4, 0.0)
    constant(attention.score, 3.0)
    deltas = [torch.tensor([[[1.0, 2.0, 3.0, 4.0]]]), torch.tensor([[[5.0, 6.0]]])]
    attended, shares = attention(deltas, torch.tensor([[False, True]]))
    assert_close(attended.flatten(), torch.tensor([0.0, 0, 0, 0, 2.5, 3]))
    assert shares.flatten().tolist() == [0.0, 1.0]


def test_a_model_attends_to_the_cells_of_its_lstms_at_two_steps():
    model, given = build("mfn", specs(), config=small("mfn")).eval(), batch(specs(), 3)
    seen = []
    model.fusion.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        output = model(given)
        values, mask = given.text
        states, (_, last) = model.lstms.lstms[0](values[:1])
    assert_close(seen[0][0][0, -1, 8:], last[0, 0])  # the first row is as long as the batch
    assert_close(output.features["text"][0], states[0, -1])
    assert mask[0].all()


def test_lengths_of_audio_do_not_change_how_many_steps_are_read():
    """Frames that are all said twice are the same to a model that reads at the text's steps."""
    model, given = build("mfn", specs(), config=small("mfn")).eval(), batch(specs(), 3)
    twice = Sequence(*(part.repeat_interleave(2, dim=1) for part in given.audio))
    with torch.no_grad():
        assert_close(model(given._replace(audio=twice)).prediction, model(given).prediction)


def test_a_graph_has_19_edges_over_three_modalities():
    graph = FusionGraph([4, 2, 6], 5, 8, 0.0)
    assert len(graph.edges) == 19
    assert graph.vertices == [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    into = [vertex for _, vertex in graph.edges]
    assert [into.count(vertex) for vertex in (*graph.vertices[3:], None)] == [2, 2, 2, 6, 7]
    assert len(FusionGraph([4], 5, 8, 0.0).edges) == 1


def ones(graph: FusionGraph) -> FusionGraph:
    """Sums in the place of learned layers, and every efficacy one half."""
    constant(graph.efficacy, 0.0)
    for layer in (*graph.single, *graph.joint, graph.out):
        nn.init.ones_(layer.weight)
        nn.init.zeros_(layer.bias)
    return graph


@pytest.mark.parametrize(
    ("present", "output"),
    [
        # singles 1 and 3; the pair ½ · 1 + ½ · 3 = 2; the output ½ · (1 + 3 + 2)
        ([True, True], 3.0),
        # one vertex, and one edge from it: ½ · 3
        ([False, True], 1.5),
    ],
)
def test_every_edge_of_a_graph_is_multiplied_by_its_efficacy(present, output):
    graph = ones(FusionGraph([1, 1], 1, 4, 0.0))
    brought = [torch.tensor([[[1.0]]]), torch.tensor([[[3.0]]])]
    found, efficacies = graph(brought, torch.tensor([present]))
    assert found.item() == pytest.approx(output)
    real = [all(present[i] for i in vertex) for vertex, _ in graph.edges]
    assert efficacies.flatten().tolist() == [0.5 * there for there in real]
