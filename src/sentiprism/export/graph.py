"""Write a model as an ONNX graph with dynamic batch and lengths."""

import logging
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from sentiprism.errors import UserError
from sentiprism.export.inputs import input_specs
from sentiprism.export.recurrent import recurrent_nodes
from sentiprism.nn.text import TextEncoder
from sentiprism.types import MODALITIES, Batch, Sequence

if TYPE_CHECKING:
    from sentiprism.models import Model

OUTPUT = "prediction"
LARGEST_FILE = 1_800_000_000
"""Most bytes of weights inside the graph's file, which protobuf limits to 2 GiB; larger weights lie beside it."""


class FlatModel(nn.Module):
    """A model that reads one tensor per input and returns its prediction alone.

    It does what data loading does otherwise: it standardises features, and encodes texts for a model that was trained
    on the states of a frozen encoder.

    Args:
        model: in evaluation mode.
    """

    def __init__(self, model: "Model") -> None:
        super().__init__()
        self.model, self.specs = model, input_specs(model)
        text = self.specs.get("text")
        frozen = text is not None and text != model.features.text
        self.encoder = TextEncoder(text).requires_grad_(False) if text is not None and frozen else None
        for name, spec in self.specs.items():
            for moment in ("mean", "std"):
                values = getattr(spec, moment)
                kept = None if values is None else torch.tensor(values, dtype=torch.float32)
                self.register_buffer(f"{name}_{moment}", kept, persistent=False)
        self.eval()

    @property
    def names(self) -> list[str]:
        """Inputs in order: the values (B, T, F) or token ids (B, T) of each modality, and their mask (B, T)."""
        found = []
        for name, spec in self.specs.items():
            found += [name, f"{name}_mask"]
            found += ["context", "context_mask"] if name == "text" and spec.context else []
        return found

    def forward(self, *tensors: Tensor) -> Tensor:
        """(B,) intensities or (B, C) logits, from tensors in the order of `names`."""
        rest = iter(tensors)
        given = {name: Sequence(next(rest), next(rest)) for name in self.names if not name.endswith("_mask")}
        context = given.pop("context", None)
        for name, (values, mask) in list(given.items()):
            if (mean := getattr(self, f"{name}_mean")) is not None:
                scaled = (values - mean) / getattr(self, f"{name}_std")
                given[name] = Sequence(scaled.masked_fill(~mask.unsqueeze(-1), 0.0), mask)
        if self.encoder is not None:
            given["text"], context = self.encoder(given["text"], context=context), None
        size = tensors[0].shape[0]
        absent = Sequence(torch.zeros(size, 1, 0), torch.zeros(size, 1, dtype=torch.bool))
        sequences = {name: given.get(name, absent) for name in MODALITIES}
        batch = Batch(**sequences, labels={}, index=torch.arange(size), context=context)
        prediction: Tensor = self.model(batch).prediction
        return prediction

    def example(self, size: int = 3) -> tuple[Tensor, ...]:
        """Inputs to trace the model with: another length for each, so that none is taken for another's."""
        found = []
        for place, name in enumerate(name for name in self.names if not name.endswith("_mask")):
            spec = self.specs["text" if name == "context" else name]  # type: ignore[index]
            lengths = torch.tensor([4 + place - 2 * (row % 2) for row in range(size)])
            mask = torch.arange(int(lengths.max())) < lengths.unsqueeze(1)
            tokens = spec.kind == "tokens"
            values = torch.randint(min(spec.width, 100), mask.shape) if tokens else torch.randn(*mask.shape, spec.width)
            found += [values, mask]
        return tuple(found)


def write_graph(model: FlatModel, path: Path, *, optimize: bool = True) -> None:
    """Write a model as an ONNX file.

    Args:
        model: wrapped.
        path: of the file.
        optimize: fold constants and remove what has no effect, which takes longer and changes no number.

    Raises:
        UserError: the number of steps would be fixed.
    """
    inputs = model.example()
    size = torch.export.Dim("batch", min=1)
    steps = {name: torch.export.Dim(f"{name}_steps", min=1) for name in model.names if not name.endswith("_mask")}
    shapes = tuple({0: size, 1: steps[name.removesuffix("_mask")]} for name in model.names)
    for name in ("torch.onnx", "onnxscript"):  # they log libraries that are not needed, and nodes that are not folded
        logging.getLogger(name).setLevel(logging.ERROR)
    with warnings.catch_warnings(), recurrent_nodes(model) as translations:
        warnings.simplefilter("ignore")  # of names for sizes, which are shared on purpose
        program: Any = torch.onnx.export(
            model,
            inputs,
            dynamo=True,
            dynamic_shapes=(shapes,),
            input_names=model.names,
            output_names=[OUTPUT],
            optimize=optimize,
            custom_translation_table=translations,
            verbose=False,
        )
    for value in program.model.graph.inputs:
        if any(isinstance(size, int) for size in value.shape[:2]):  # the exporter then tried another way, silently
            cause = f"{model.model.name} cannot be exported: the number of steps of {value.name} would be fixed"
            raise UserError(cause, "its layers have to work without a loop over the steps")
    weight = sum(tensor.numel() * tensor.element_size() for tensor in _weights(model))
    program.save(path, external_data=weight > LARGEST_FILE)


def _weights(model: nn.Module) -> Iterator[Tensor]:
    yield from model.parameters()
    yield from model.buffers()
