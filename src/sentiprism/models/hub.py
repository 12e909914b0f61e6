"""Saved models on the Hugging Face hub: ``hf://OWNER/NAME@REVISION`` in place of a folder."""

from pathlib import Path

from sentiprism.assets.hub_names import parse_repository
from sentiprism.assets.repository import Layout, fetch_repository, pin
from sentiprism.reading import MB, SMALL

GB = 1024 * MB
MOST_WEIGHTS = 16 * GB
"""Largest file of weights; BERT-large has 1.3 GB in single precision."""
MOST_TOKENIZER = 64 * MB
"""Largest file of a tokenizer; that of XLM-RoBERTa has 17 MB."""
SEED = r"(?:seed-\d{1,10}/model/)?"
"""A run is published with one seed."""
MODEL = Layout(
    what="a model of sentiprism",
    allowed={
        SEED + r"config\.json": SMALL,
        SEED + r"weights\.safetensors": MOST_WEIGHTS,
        SEED + r"text/(?:config|origin|tokenizer_config|special_tokens_map|added_tokens)\.json": SMALL,
        SEED + r"text/(?:tokenizer|vocab)\.json": MOST_TOKENIZER,
        SEED + r"text/(?:vocab|merges|bpe\.codes)\.txt": MOST_TOKENIZER,
        SEED + r"text/(?:spiece|sentencepiece\.bpe|tokenizer)\.model": MOST_TOKENIZER,
        r"run\.yaml": SMALL,
        r"(?:environment|summary)\.json": SMALL,
    },
    needed=(SEED + r"config\.json", SEED + r"weights\.safetensors"),
)
"""JSON, safetensors, and the small files of a tokenizer and a run; never a pickle or code."""


def pin_model(model: str | Path) -> str:
    """Name of a model that always means the same: a branch or tag on the hub becomes its commit.

    Raises:
        UserError: see `pin`.
    """
    repository = parse_repository(model)
    return str(model) if repository is None else str(pin(repository))


def repository_folder(model: str | Path) -> Path:
    """Local folder: as given, or the copy of a repository.

    Raises:
        UserError: see `fetch_repository`.
    """
    repository = parse_repository(model)
    return Path(model) if repository is None else fetch_repository(repository, MODEL)


def model_in(folder: Path) -> Path:
    """Folder of the saved model in the copy of a repository: its own, or that of the run's seed."""
    seeds = sorted(folder.glob("seed-*/model"), key=lambda one: int(one.parent.name.removeprefix("seed-")))
    return seeds[0] if seeds and not (folder / "config.json").exists() else folder
