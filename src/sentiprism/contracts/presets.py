"""Contracts of the presets of models; a model declares ``exceptions`` with reasons."""

import torch

from sentiprism.contracts.inputs import batch, build, pad, predict, small, specs, total_loss, without_modality
from sentiprism.contracts.models import compare_batches, compare_padding, expect_close
from sentiprism.contracts.result import Contract, expect
from sentiprism.models import MODELS, Model
from sentiprism.types import MODALITIES


def presets_of(name: str) -> list[str]:
    """Presets of a model, without its defaults."""
    usual = MODELS[name].Config.model_fields["preset"].default
    return [preset for preset in MODELS[name].Config.PRESETS if preset != usual]


def build_preset(name: str, preset: str) -> Model:
    """Build a small model of a preset, in evaluation mode."""
    return build(name, specs(), config={"preset": preset, **small(name)}).eval()


def check_padding(name: str, preset: str) -> None:
    """Padding and its content do not change the output."""
    compare_padding(build_preset(name, preset), batch(specs()))


def check_garbage(name: str, preset: str) -> None:
    """The content of the padding does not matter."""
    model, given = build_preset(name, preset), batch(specs())
    dirty = predict(model, pad(given, 0, garbage=37.0)).prediction
    expect_close(dirty, predict(model, given).prediction, "prediction with garbage in the padding")


def check_batches(name: str, preset: str) -> None:
    """An utterance has the same prediction in any batch."""
    compare_batches(build_preset(name, preset), batch(specs(), 5))


def check_missing(name: str, preset: str) -> None:
    """Modalities may be missing in one utterance or in all."""
    model, others = build_preset(name, preset), torch.tensor([0, 1, 3])
    before = predict(model, batch(specs(), 4)).prediction
    for modality in MODALITIES:
        after = predict(model, without_modality(batch(specs(), 4), modality, 2)).prediction
        expect_close(after[others], before[others], f"others, where one lacks {modality}")
    output = model.train()(batch(specs(), 6, missing=("audio", "vision")))
    total_loss(model, output).backward()  # type: ignore[no-untyped-call]
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    expect(all(gradient.isfinite().all() for gradient in gradients), "a gradient is not finite")


OF_PRESETS = (
    Contract("padding", check_padding),
    Contract("garbage", check_garbage),
    Contract("batches", check_batches),
    Contract("missing", check_missing),
)
"""Checked for each preset except the default; the exception ``padding under code`` is for the preset ``code``."""

EXCEPTIONS = {"batches": "padding"}
"""If padding matters, so do the other utterances of a batch: one exception covers both."""


def exception_of(name: str, contract: str, preset: str) -> str:
    """The model's reason for an exception from a contract under a preset; "" without exception."""
    return MODELS[name].exceptions.get(f"{EXCEPTIONS.get(contract, contract)} under {preset}", "")
