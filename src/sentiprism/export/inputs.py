"""What an exported model reads, and utterances as its runner reads them."""

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from sentiprism.data.context import rows_before
from sentiprism.data.dataset import Split, TuningView
from sentiprism.data.ragged import Ragged
from sentiprism.errors import UserError
from sentiprism.text.encoders import load_tokenizer, longest
from sentiprism.text.tokens import around_second
from sentiprism.types import FeatureSpec, Modality, ModalitySpec

if TYPE_CHECKING:
    from sentiprism.models import Model


def input_specs(model: "Model") -> dict[Modality, ModalitySpec]:
    """Specs of the inputs: those of the model, with token ids in place of a frozen encoder's states."""
    found: dict[Modality, ModalitySpec] = {name: getattr(model.features, name) for name in model.modalities}
    text = found.get("text")
    if text is not None and text.source != "features" and text.encoder is not None:
        found["text"] = text.model_copy(update={"kind": "tokens", "width": len(load_tokenizer(text.encoder))})
    return found


def describe_inputs(model: "Model") -> dict[str, dict[str, Any]]:
    """What each input is made of, as JSON."""
    inputs = dict[str, dict[str, Any]]()
    for name, spec in input_specs(model).items():
        recipe = None if spec.recipe is None else spec.recipe.model_dump(mode="json")
        inputs[name] = {"kind": spec.kind, "width": spec.width, "recipe": recipe}
        if spec.kind == "tokens" and spec.encoder is not None:
            inputs[name] = {"kind": "tokens", "max_tokens": spec.max_tokens or longest(spec.encoder)}
            if spec.context:
                before, after = around_second(spec.encoder)
                inputs["context"] = {**inputs[name], "utterances": spec.context, "before": before, "after": after}
    return inputs


def known_part(model: "Model", view: TuningView) -> Split:
    """Valid with the sequences that the model can read."""
    if view.card.target != model.target:
        cause = f"dataset {view.name} has the labels {view.card.target.describe()}"
        raise UserError(cause, f"give one with those of the model, {model.target.describe()}")
    kept = dict(view.valid.sequences)
    for name in model.features.present():
        spec: ModalitySpec = getattr(model.features, name)
        if spec.source == "features" and (
            view.card.widths.get(name) != spec.width or spec.recipe not in {None, view.card.recipes.get(name)}
        ):
            kept.pop(name, None)
    return replace(view.valid, sequences=kept)


def made_up(model: "Model", count: int = 48) -> Split:
    """Utterances of random words and features, of many lengths, some without a modality."""
    rng, features = np.random.default_rng(0), model.features
    texts: list[str | None] = [None] * count
    sequences: dict[str, Ragged] = {}
    for name in features.present():
        spec: ModalitySpec = getattr(features, name)
        lengths = rng.integers(1, 60, count) * (rng.random(count) > 0.15)
        if spec.source != "features" and spec.encoder is not None:
            words = sorted(word for word in load_tokenizer(spec.encoder).get_vocab() if word.isalpha())
            texts = [" ".join(rng.choice(words, length)) or None for length in lengths.tolist()]
        else:
            mean, std = (np.array(part or default) for part, default in ((spec.mean, 0.0), (spec.std, 1.0)))
            rows = [rng.normal(mean, std, (length, spec.width)).astype(np.float32) for length in lengths.tolist()]
            sequences[name] = Ragged.from_rows(rows, spec.width)
    ids = np.array([f"made-up-{number}" for number in range(count)])
    return Split("made up", ids, np.array(["made-up"] * count), tuple(texts), {}, sequences)


def utterances_of(split: Split, features: FeatureSpec, modalities: tuple[Modality, ...]) -> list[dict[str, Any]]:
    """The utterances of a split as a runner reads them: words or token ids, and features."""
    found: list[dict[str, Any]] = [{} for _ in range(len(split))]
    for name in modalities:
        spec = getattr(features, name)
        if spec.source == "raw":
            texts = split.texts or [None] * len(split)
            before = rows_before(split, spec.context)
            for one, text, rows in zip(found, texts, before, strict=True):
                one |= {"text": text or "", "context": [texts[row] or "" for row in rows]}
            continue
        column = split.sequences.get("token_ids" if spec.source == "ids" else name)
        for row, one in enumerate(found):
            if column is not None and len(column[row]):
                one[name] = column[row]
    return found
