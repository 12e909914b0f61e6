"""Export the fine-tuned text encoder of a saved model as a Hugging Face folder."""

import json
from pathlib import Path
from typing import Any

from sentiprism.errors import UserError
from sentiprism.files import atomic_folder
from sentiprism.models.artifact import load_model
from sentiprism.models.hub import pin_model
from sentiprism.tensors import save_tensors
from sentiprism.text.encoders import load_tokenizer
from sentiprism.training.transfer import find_weights

TRAINED = "trained.json"
"""File that names what the encoder was trained on."""


def export_encoder(model: str | Path, out: str | Path) -> Path:
    """Write the text encoder that a model was trained with, for ``data.text.encoder`` or for transformers.

    Frozen in another model, its hidden states are computed once, so that what audio and vision add to a strong text
    model is measured at the cost of a small one.

    Args:
        model: run folder, folder of a seed or of a saved model, ``starter``, or ``hf://OWNER/NAME@REVISION``.
        out: new folder: configuration, tokenizer, single-precision weights, and ``trained.json``.

    Raises:
        UserError: it is not a saved model, it has no text encoder of its own, or the folder exists.
    """
    model = pin_model(model)
    if Path(out).exists():
        raise UserError(f"{out} exists already", "give another folder")
    saved = load_model(find_weights(model))
    encoder = saved.model.text_encoder
    backbone = None if encoder is None else encoder.backbone
    if encoder is None or backbone is None:
        cause = f"{model} has no text encoder of its own: it reads features, or states of a frozen encoder"
        raise UserError(cause, "train with data.text.mode=tune")
    config: Any = backbone.config
    notes = {key: saved.metadata.get(key) for key in ("dataset", "content", "seed", "selection", "valid")}
    with atomic_folder(Path(out)) as folder:
        save_tensors(folder / "model.safetensors", backbone.state_dict())
        config.save_pretrained(str(folder))
        load_tokenizer(encoder.encoder).save_pretrained(str(folder))
        (folder / TRAINED).write_text(json.dumps({"model": saved.model.name, **notes}, indent=1), encoding="utf-8")
    return Path(out)
