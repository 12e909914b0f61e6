"""Select the models and settings of a benchmark."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from sentiprism.assets.registry import fetch
from sentiprism.benchmark.shapes import DISTRIBUTED
from sentiprism.data.known import family
from sentiprism.errors import UserError
from sentiprism.models import MODELS
from sentiprism.training.experiments import load_experiment
from sentiprism.training.train import resolve

BERTS = {"bert-base": 30522, "bert-base-uncased": 30522, "bert-base-chinese": 21128}
"""Encoders that are created with random weights, with the sizes of their vocabularies."""


class Case(NamedTuple):
    """One model with its settings, serialisable as JSON."""

    name: str
    """Name of the model or experiment."""
    model: str
    config: dict[str, Any]
    """Settings of the model; {} = its defaults."""
    dataset: str
    """Dataset whose shapes are used, see `DISTRIBUTED`."""
    encoder: str | None
    """Folder of the text encoder; None = text as features."""
    frozen_layers: int
    batch_size: int


def cases(
    models: Iterable[str], experiments: Iterable[str], encoder: str | None, batch_size: int | None, temporary: Path
) -> list[Case]:
    """List the cases to measure.

    Args:
        models: by default all, if no experiment is given.
        experiments: names or paths.
        encoder: see `encoder_folder`; by default ``minilm``, or the experiment's.
        batch_size: by default 16, or the experiment's.
        temporary: an empty folder for encoders that are created.

    Raises:
        UserError: an unknown name, a missing encoder, or a dataset with unknown shapes.
    """
    wanted, named = list(models), list(experiments)
    for name in wanted:
        MODELS.check(name)
    made: dict[str, Path | None] = {}

    def folder(name: str) -> str | None:
        if name not in made:
            made[name] = encoder_folder(name, temporary / str(len(made)))
        return str(made[name]) if made[name] else None

    found = [_of_experiment(name, encoder, batch_size, folder) for name in named]
    if named and not wanted:
        return found
    at = folder(encoder or "minilm")
    return [Case(name, name, {}, "mosi", at, 0, batch_size or 16) for name in wanted or MODELS] + found


def _of_experiment(name: str, encoder: str | None, batch_size: int | None, folder: Any) -> Case:
    run = resolve(load_experiment(name).run)
    shapes = run.dataset if run.dataset in DISTRIBUTED else family(run.dataset)
    if shapes not in DISTRIBUTED:
        raise UserError(f"the shapes of {run.dataset} are not known", f"choose one of: {', '.join(DISTRIBUTED)}")
    text = run.data.text
    chosen = encoder or (text.encoder if text.encoder and text.mode == "tune" else "none")
    layers = text.frozen_layers if chosen == text.encoder else 0
    size = batch_size or run.optim.batch_size
    return Case(name, run.model, run.config, shapes, folder(chosen), layers, size)


def encoder_folder(encoder: str, made: Path) -> Path | None:
    """Folder of an encoder; those of `BERTS` are created with random weights and MiniLM's tokenizer (BERT's).

    Args:
        encoder: an asset, a folder, a name of `BERTS`, or ``none``.
        made: new folder for an encoder that is created.

    Raises:
        UserError: it does not exist.
    """
    if encoder == "none":
        return None
    if encoder not in BERTS:
        return Path(encoder) if Path(encoder).is_dir() else fetch(encoder)
    from transformers import BertConfig

    made.mkdir(parents=True, exist_ok=True)
    for file in fetch("minilm").iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, made)
    BertConfig(vocab_size=BERTS[encoder]).save_pretrained(str(made))  # the other defaults are BERT base's
    return made


def vocabulary(encoder: str, tokens: int) -> int:
    """Number of token ids that both an encoder's embedding and its tokenizer (``tokens``) have."""
    config = json.loads((Path(encoder) / "config.json").read_text(encoding="utf-8"))
    return min(tokens, int(config.get("vocab_size", tokens)))
