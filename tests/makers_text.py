"""A text encoder small enough for tests: real BERT code, random weights, a vocabulary of its own; batches for it."""

import json
import string
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from sentiprism.data.ragged import Ragged
from sentiprism.text.frozen import States
from sentiprism.types import Sequence

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = 1_100
"""Words w0 ... w1099; w0 has the id 5 + 26 * 2."""
W0 = 5 + 26 * 2
SIZE = W0 + WORDS


def tiny_bert(folder: Path, *, seed: int = 0, words: int = WORDS) -> Path:
    """Write a random BERT and its WordPiece vocabulary; returns ``folder``.

    The vocabulary: special tokens at 0 to 4, the letters, their continuations (##a), then w0, w1 and so on.
    """
    letters = string.ascii_lowercase
    continued = (f"##{letter}" for letter in letters)
    return _write_encoder(folder, "Bert", [*SPECIAL, *letters, *continued, *_names(words)], seed)


def tiny_mpnet(folder: Path) -> Path:
    """Write a random MPNet, which counts places from the padding on, has no segments, and parts a pair by </s></s>."""
    special = ("<s>", "<pad>", "</s>", "[UNK]", "<mask>")
    vocabulary = [*special, *string.ascii_lowercase, *_names(WORDS)]
    return _write_encoder(folder, "MPNet", vocabulary, max_position_embeddings=66, pad_token_id=1)


def _names(words: int) -> list[str]:
    return [f"w{n}" for n in range(words)]


def _write_encoder(folder: Path, kind: str, vocabulary: list[str], seed: int = 0, **config: int) -> Path:
    """Write random weights (2 layers, 32 wide, 64 positions) of one of transformers' kinds, and its vocabulary."""
    import transformers

    folder.mkdir(parents=True, exist_ok=True)
    (folder / "vocab.txt").write_text("\n".join(vocabulary) + "\n", encoding="utf-8")
    described = {"tokenizer_class": f"{kind}Tokenizer", "do_lower_case": True, "model_max_length": 64}
    (folder / "tokenizer_config.json").write_text(json.dumps(described), encoding="utf-8")
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "intermediate_size": 64}
    sizes |= {"vocab_size": len(vocabulary), "max_position_embeddings": 64, **config}
    settings = getattr(transformers, f"{kind}Config")(**sizes)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        getattr(transformers, f"{kind}Model")(settings, add_pooling_layer=False).save_pretrained(str(folder))
    return folder


def pad(*rows: list[int], to: int = 0) -> Sequence:
    width = max(to, 1, *map(len, rows))
    values, mask = (
        torch.zeros(len(rows), width, dtype=torch.long),
        torch.zeros(len(rows), width, dtype=torch.bool),
    )
    for index, row in enumerate(rows):
        values[index, : len(row)] = torch.tensor(row, dtype=torch.long)
        mask[index, : len(row)] = True
    return Sequence(values, mask)


def ids(*words: int) -> list[int]:
    return [2, *(W0 + word for word in words), 3]


def rows_of(states: States) -> list[npt.NDArray[np.float32]]:
    """Cached states (T, D) of each text; a missing one has T = 0."""
    return [*Ragged(states.parts, states.part, states.starts, states.lengths, states.width)]
