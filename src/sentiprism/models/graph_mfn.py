"""Graph-MFN: MFN with a dynamic fusion graph instead of its attention (Zadeh et al., ACL 2018, with CMU-MOSEI).

Vertices are all combinations of modalities: each single one, each pair, all three. A vertex is a network over all
smaller combinations inside it, and the graph's output a network over all vertices. Each of these edges (6 to the
pairs, 6 to the triple, 7 to the output) is multiplied by its efficacy, a sigmoid of a network over the single
vertices, so that the graph rewires itself at every word. The output feeds MFN's gated memory.

Deviations:
    What is not named here is MFN's.

    - place | the paper | here | why, and the alternative
    - networks of the vertices | – | a linear layer and ReLU; the output a linear layer; all of one width, `vertex` |
      MMSA keeps the width of single vertices and has no ReLU on the others
    - input of the vertices | – | cell states at two steps | as the attention that they replace; MMSA reads hidden
      states
    - efficacies | sigmoid of a network over the single vertices, one per edge | the same, 19 for three modalities, 5
      for two
    - missing modality | – | a combination with it is no vertex of that sample: its edges have efficacy 0
    - weights | – | "edge": efficacies, mean over real steps, in the order of `fusion.edges`; no "modality" | an
      efficacy belongs to an edge and they do not sum to 1
"""

from itertools import chain, combinations

import torch
from pydantic import Field
from torch import Tensor, nn

from sentiprism.models.base import Citation
from sentiprism.models.mfn.model import MFN, MFNConfig
from sentiprism.nn.blocks import mlp

Vertex = tuple[int, ...]
"""Which modalities are in it."""


class GraphMFNConfig(MFNConfig):
    """Configuration of `GraphMFN`."""

    vertex: int = Field(64, gt=0)
    """Width of the graph's vertices."""


class GraphMFN(MFN):
    """Runs an LSTM per modality, a fusion graph over them, and a memory."""

    name = "graph_mfn"
    version = 2
    citation = Citation(
        "Multimodal Language Analysis in the Wild: CMU-MOSEI Dataset and Interpretable Dynamic Fusion Graph",
        "AmirAli Bagher Zadeh, Paul Pu Liang, Soujanya Poria, Erik Cambria, Louis-Philippe Morency",
        "ACL",
        2018,
        "https://aclanthology.org/P18-1208",
    )
    Config = GraphMFNConfig
    config: GraphMFNConfig
    exceptions = {"weights": "efficacies belong to edges between combinations of modalities, and are no shares"}

    def build_fusion(self, widths: list[int]) -> int:
        """Set the graph in the place of the attention."""
        config = self.config
        self.fusion = FusionGraph([2 * width for width in widths], config.vertex, config.hidden, config.dropout)
        return config.vertex

    def say(self, shares: Tensor) -> dict[str, Tensor]:
        """The efficacies, mean over time (B, E), in the order of ``self.fusion.edges``."""
        return {"edge": shares}


class FusionGraph(nn.Module):
    """Dynamic fusion graph over M modalities.

    Args:
        inputs: width of what each modality brings.
        width: of the vertices.
        hidden: inside the network of the efficacies.
        dropout: inside it.
    """

    edges: list[tuple[Vertex, Vertex | None]]
    """From a vertex to a larger one, and from every vertex to the output (None)."""

    def __init__(self, inputs: list[int], width: int, hidden: int, dropout: float) -> None:
        super().__init__()
        modalities = range(len(inputs))
        self.vertices: list[Vertex] = list(
            chain.from_iterable(combinations(modalities, size) for size in range(1, len(inputs) + 1))
        )
        self.single = nn.ModuleList(nn.Linear(features, width) for features in inputs)
        joint = self.vertices[len(inputs) :]
        self.joint = nn.ModuleList(nn.Linear(len(self.inside(vertex)) * width, width) for vertex in joint)
        self.out = nn.Linear(len(self.vertices) * width, width)
        self.edges = [(part, vertex) for vertex in joint for part in self.inside(vertex)]
        self.edges += [(vertex, None) for vertex in self.vertices]
        self.efficacy = mlp(len(inputs) * width, hidden, len(self.edges), dropout)

    def inside(self, vertex: Vertex) -> list[Vertex]:
        """The smaller combinations of a vertex's modalities."""
        return [other for other in self.vertices if set(other) < set(vertex)]

    def forward(self, brought: list[Tensor], present: Tensor) -> tuple[Tensor, Tensor]:
        """(B, T, F_m) a modality, (B, M) bool -> the output (B, T, width), and the efficacies (B, T, E)."""
        real = torch.stack([present[:, list(vertex)].all(dim=1) for vertex, _ in self.edges], dim=1)
        found: dict[Vertex, Tensor] = {}
        for i, (layer, values) in enumerate(zip(self.single, brought, strict=True)):
            found[i,] = layer(values).relu() * present[:, i, None, None]
        efficacies = self.efficacy(torch.cat(list(found.values()), dim=-1)).sigmoid() * real.unsqueeze(1)
        scale = dict(zip(self.edges, efficacies.unsqueeze(-1).unbind(2), strict=True))  # (B, T, 1) each
        for vertex, layer in zip(self.vertices[len(brought) :], self.joint, strict=True):
            parts = [found[part] * scale[part, vertex] for part in self.inside(vertex)]
            found[vertex] = layer(torch.cat(parts, dim=-1)).relu()
        everything = [found[vertex] * scale[vertex, None] for vertex in self.vertices]
        return self.out(torch.cat(everything, dim=-1)), efficacies
