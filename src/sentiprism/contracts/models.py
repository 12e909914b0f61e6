"""Contracts of models: one function per contract, called with a model's name and its features."""

from functools import partial

import torch
from torch import Tensor

from sentiprism.contracts.inputs import (
    CLASSES,
    INTENSITY,
    batch,
    build,
    pad,
    predict,
    rows,
    small,
    total_loss,
    without_gradient,
    without_modality,
)
from sentiprism.contracts.result import Contract, ContractError, expect
from sentiprism.errors import UserError
from sentiprism.files import temporary_folder
from sentiprism.models import MODELS, Model, load_model, save_model
from sentiprism.training.config import OptimConfig
from sentiprism.training.optimizer import build_optimizer
from sentiprism.types import MODALITIES, Batch, FeatureSpec

PAIRS = [("text",), ("audio",), ("vision",), ("text", "audio"), ("text", "vision"), ("audio", "vision")]
RELATIVE, ABSOLUTE = 1e-4, 1e-5
"""Tolerances for numbers that are equal except for rounding."""
LEARNED = 0.15
"""Mean absolute error below which eight samples count as memorised."""


def expect_close(found: Tensor, wanted: Tensor, what: str) -> None:
    """Fail if numbers differ by more than rounding."""
    if found.shape != wanted.shape:
        raise ContractError(f"{what}: shape {tuple(found.shape)} instead of {tuple(wanted.shape)}")
    if not torch.allclose(found, wanted, rtol=RELATIVE, atol=ABSOLUTE):
        raise ContractError(f"{what}: differs by up to {(found - wanted).abs().max():.2g}")


def check_small(name: str, features: FeatureSpec) -> None:
    """The configuration defines a small model (SMALL)."""
    predict(build(name, features, config=small(name)), batch(features))


def check_citation(name: str, features: FeatureSpec) -> None:  # noqa: ARG001 - as all contracts
    """The model has a citation."""
    citation = getattr(MODELS[name], "citation", None)
    expect(citation is not None, "it has no citation: give it citation = Citation(title, authors, venue, year)")
    expect(citation is not None and citation.title and citation.year > 1900, "its citation lacks a title or a year")


def check_shapes(name: str, features: FeatureSpec) -> None:
    """Outputs are finite and have the correct shapes, for intensities and classes."""
    for target, shape in ((INTENSITY, (5,)), (CLASSES, (5, 2))):
        output = predict(build(name, features, target, small(name)), batch(features, 5, target=target))
        found = tuple(output.prediction.shape)
        expect(found == shape, f"predictions of {target.kind} have shape {found} instead of {shape}")
        for key, part in (output.losses | output.weights | output.features | {"prediction": output.prediction}).items():
            expect(part.isfinite().all(), f"{key} is not finite")
        for key, loss in output.losses.items():
            expect(loss.ndim == 0, f"loss {key} is not a scalar")
        for key, vector in output.features.items():
            expect(vector.ndim == 2 and len(vector) == 5, f"features {key} are not (B, D)")


def check_single(name: str, features: FeatureSpec) -> None:
    """The model can train on a batch of one utterance."""
    model = build(name, features, config=small(name)).train()
    output = model(batch(features, 1))
    total_loss(model, output).backward()  # type: ignore[no-untyped-call]
    expect(output.prediction.isfinite().all(), "the prediction is not finite")


def check_padding(name: str, features: FeatureSpec) -> None:
    """Padding and its content do not change the output."""
    compare_padding(build(name, features, config=small(name)), batch(features))


def compare_padding(model: Model, given: Batch) -> None:
    """Fail if predictions or losses change with padding."""
    clean, dirty = predict(model, given), predict(model, pad(given, 4, garbage=37.0))
    expect_close(dirty.prediction, clean.prediction, "prediction with padding")
    for key in clean.losses:
        expect_close(dirty.losses[key], clean.losses[key], f"loss {key} with padding")


def check_batches(name: str, features: FeatureSpec) -> None:
    """An utterance has the same prediction in any batch."""
    compare_batches(build(name, features, config=small(name)), batch(features, 6))


def compare_batches(model: Model, given: Batch) -> None:
    """Fail if predictions depend on the other utterances of a batch, or on their order."""
    together = predict(model, given).prediction
    alone = torch.cat([predict(model, rows(given, torch.tensor([i]))).prediction for i in range(len(together))])
    expect_close(alone, together, "predictions one by one")
    order = torch.randperm(len(together), generator=torch.Generator().manual_seed(0))
    expect_close(predict(model, rows(given, order)).prediction, together[order], "predictions in another order")


def check_missing(name: str, features: FeatureSpec) -> None:
    """Any modalities may be missing in all utterances, even all of them."""
    model = build(name, features, config=small(name))
    for missing in (*PAIRS, MODALITIES):
        given, what = batch(features, missing=missing), f"without {' and '.join(missing)}"
        output = predict(model, given)
        expect(output.prediction.isfinite().all(), f"{what} the prediction is not finite")
        expect(all(loss.isfinite() for loss in output.losses.values()), f"{what} a loss is not finite")
        dirty = predict(model, pad(given, 3, garbage=1e3)).prediction
        expect_close(dirty, output.prediction, f"{what}, garbage in its place")
        model.zero_grad()
        total_loss(model, model.train()(given)).backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in model.parameters() if p.grad is not None]
        expect(all(gradient.isfinite().all() for gradient in gradients), f"{what} a gradient is not finite")


def check_missing_in_one(name: str, features: FeatureSpec) -> None:
    """A modality that is missing in one utterance changes its prediction, but not those of others."""
    model, given = build(name, features, config=small(name)), batch(features, 4)
    before, others = predict(model, given).prediction, torch.tensor([0, 1, 3])
    for modality in model.modalities:
        after = predict(model, without_modality(given, modality, 2)).prediction
        expect_close(after[others], before[others], f"others, where one lacks {modality}")
        expect(not torch.allclose(after[2], before[2], atol=1e-7), f"{modality} is not used")


def check_weights(name: str, features: FeatureSpec) -> None:
    """Modality weights sum to 1 over the modalities that are present."""
    model = build(name, features, config=small(name))
    for missing in ((), *PAIRS):
        weights = predict(model, batch(features, missing=missing)).weights
        expect("modality" in weights, "weights lack 'modality': give it, or declare the exception 'weights'")
        shares = weights["modality"]
        expect(shares.shape == (6, 3), f"weights have shape {tuple(shares.shape)} instead of (6, 3)")
        expect((shares >= 0).all(), "a weight is below 0")
        expect_close(shares.sum(1), torch.ones(6), "sum of an utterance's weights")
        for i, modality in enumerate(MODALITIES):
            if modality in missing:
                expect((shares[:, i] == 0).all(), f"{modality} is missing but has a weight")


def check_gradient(name: str, features: FeatureSpec) -> None:
    """Every parameter gets a gradient, unless it is frozen."""
    model = build(name, features, config=small(name)).train()
    total_loss(model, model(batch(features, 16))).backward()  # type: ignore[no-untyped-call]
    idle = without_gradient(model)
    expect(not idle, f"{', '.join(idle)} get no gradient")


def check_groups(name: str, features: FeatureSpec) -> None:
    """Every trainable parameter is in exactly one group."""
    model = build(name, features, config=small(name))
    grouped = [id(p) for group in model.param_groups().values() for p in group]
    trainable = [id(p) for p in model.parameters() if p.requires_grad]
    expect(sorted(grouped) == sorted(trainable), "param_groups() lacks a parameter or has one twice")


def check_updates(name: str, features: FeatureSpec) -> None:
    """Parameters that are updated within the backward pass get the same weights as after it."""
    made = []
    for inside in (False, True):
        model = build(name, features, config=small(name)).train()
        optimizer = build_optimizer(model, OptimConfig(in_backward=inside))
        for step in range(2):
            torch.manual_seed(step)
            optimizer.zero_grad()
            total_loss(model, model(batch(features, 4))).backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        made.append(dict(model.named_parameters()))
    for key, value in made[0].items():
        expect(torch.equal(value, made[1][key]), f"{key} differs: clone what the loss reads of it without its gradient")


def check_losses(name: str, features: FeatureSpec) -> None:
    """Losses have the names in the configuration."""
    model = build(name, features, config=small(name))
    losses, wanted = predict(model, batch(features)).losses, MODELS[name].Config.LOSSES
    expect(losses.keys() == model.config.loss_weights.keys() == wanted.keys(), f"{[*losses]} instead of {[*wanted]}")


def check_labels(name: str, features: FeatureSpec) -> None:
    """Without labels there are no losses, and predictions stay the same."""
    model = build(name, features, config=small(name))
    with_labels, without = (predict(model, batch(features, labels=labels)) for labels in (True, False))
    expect(not without.losses, "there are losses without labels")
    expect_close(without.prediction, with_labels.prediction, "prediction without labels")


def check_switches(name: str, features: FeatureSpec) -> None:
    """Each loss can be switched off, and an unknown one is refused by name."""
    known = MODELS[name].Config.LOSSES
    for loss in known:
        weights = dict.fromkeys(known, 0.0) | {loss: known[loss] or 1.0}
        model = build(name, features, config={**small(name), "loss_weights": weights})
        output = predict(model, batch(features))
        wanted = output.losses[loss] * model.config.loss_weights[loss]
        expect_close(total_loss(model, output), wanted, f"loss {loss} alone")
    try:
        build(name, features, config={"loss_weights": {"absent": 1.0}})
    except UserError as error:
        expect("absent" in str(error), "the error for an unknown loss does not name it")
    else:
        raise ContractError("an unknown loss is not refused")


def check_overfit(name: str, features: FeatureSpec) -> None:
    """The model can memorise eight utterances."""
    given, fields = batch(features, 8), MODELS[name].Config.model_fields
    model = build(name, features, config=small(name) | {f: 0.0 for f in fields if f.endswith("dropout")})
    optimizer = build_optimizer(model, OptimConfig(lr=2e-3, weight_decay=0))
    for _ in range(20):  # most models need two or three rounds
        model.train()
        for _ in range(100):
            optimizer.zero_grad()
            total_loss(model, model(given)).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        error = (predict(model, given).prediction - given.labels["M"]).abs().mean()
        if error < LEARNED:
            return
    raise ContractError(f"after 2000 steps the mean error on eight utterances is {error:.2f}")


def check_seed(name: str, features: FeatureSpec) -> None:
    """The same seed gives the same weights, another seed different ones."""
    made = partial(build, name, features, config=small(name))
    one, two, other = (made(seed=seed).state_dict() for seed in (1, 1, 2))
    for key, value in one.items():
        expect(torch.equal(value, two[key]), f"{key} differs between two models with the same seed")
    expect(any(not torch.equal(value, other[key]) for key, value in one.items()), "every seed gives the same weights")


def check_round_trip(name: str, features: FeatureSpec) -> None:
    """A saved model loads with the same configuration and predictions."""
    model, given = build(name, features, config=small(name)), batch(features)
    with temporary_folder("sentiprism-contracts") as folder:
        save_model(model, folder / "model", {"dataset": "none"})
        again = load_model(folder / "model")
        expect(again.model.config == model.config, "the configuration has changed")
        expect(again.model.target == model.target, "the target has changed")
        expect(again.metadata == {"dataset": "none"}, "the metadata have changed")
        found, wanted = predict(again.model, given).prediction, predict(model, given).prediction
        expect(torch.equal(found, wanted), "predictions differ")


ON_BATCHES = (
    Contract("small", check_small, tokens=True),
    Contract("citation", check_citation),
    Contract("shapes", check_shapes, tokens=True),
    Contract("single", check_single, tokens=True),
    Contract("padding", check_padding, tokens=True),
    Contract("batches", check_batches, tokens=True),
    Contract("missing", check_missing, tokens=True),
    Contract("missing in one", check_missing_in_one, tokens=True),
    Contract("weights", check_weights, tokens=True),
    Contract("gradient", check_gradient, tokens=True),
    Contract("groups", check_groups, tokens=True),
    Contract("updates", check_updates, tokens=True),
    Contract("losses", check_losses, tokens=True),
    Contract("labels", check_labels, tokens=True),
    Contract("switches", check_switches),
    Contract("overfit", check_overfit),
    Contract("seed", check_seed),
    Contract("round trip", check_round_trip, tokens=True),
)
"""Contracts that only need a batch; `inputs.specs` makes the features."""
