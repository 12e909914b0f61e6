"""Small files in the layout of UR-FUNNY's public release."""

import pickle
from pathlib import Path
from typing import Any

import numpy as np

WIDTHS = {"covarep_features_sdk": 81, "openface_features_sdk": 371}
WORDS = ("<pad>", "so", "a", "man", "walks", "into", "bar", "ouch", "it", "hurts")


def make_urfunny(
    folder: Path, *, form: str = "lists", first: bool = False, n: int = 6, seed: int = 0
) -> dict[str, Any]:
    """Write the pickles of n, 2 and 2 segments, and return what is in them by the stem of each file.

    Args:
        folder: made where it is absent.
        form: features as ``arrays`` (words, F), as lists of a vector a word (``vectors``) or of numbers (``lists``).
        first: as version 1 has them: indexes alone, 75 vision features, and a list of words.
        n: train segments.
        seed: of the content.
    """
    rng = np.random.default_rng(seed)
    ids = list(range(101, 105 + n))
    widths = {**WIDTHS, **({"openface_features_sdk": 75} if first else {})}

    def features(words: int, width: int) -> Any:
        values = rng.normal(size=(words, width))
        return {"arrays": values, "vectors": list(values), "lists": values.tolist()}[form]

    language: dict[int, Any] = {}
    content: dict[str, Any] = {name: {} for name in widths}
    for one in ids:
        sentences = [rng.integers(1, 10, rng.integers(2, 6)).tolist() for _ in range(rng.integers(0, 4))]
        *context, punchline = [*sentences, rng.integers(1, 10, rng.integers(1, 8)).tolist()]
        entry: dict[str, Any] = {"punchline_embedding_indexes": punchline, "context_embedding_indexes": context}
        if not first:
            spoken, before = [WORDS[i] for i in punchline], [[WORDS[i] for i in sentence] for sentence in context]
            entry |= {"punchline_features": spoken, "context_features": before}
            entry |= {"punchline_sentence": " ".join(spoken), "context_sentences": [" ".join(s) for s in before]}
            entry["punchline_intervals"] = [[i / 2, i / 2 + 0.5] for i in range(len(punchline))]
        language[one] = entry
        for name, width in widths.items():
            content[name][one] = {
                "punchline_features": features(len(punchline), width),
                "context_features": [features(len(sentence), width) for sentence in context],
            }
    content["word_embedding_indexes_sdk" if first else "language_sdk"] = language
    content["data_folds"] = {"train": ids[:n], "dev": ids[n : n + 2], "test": ids[n + 2 :]}
    content["humor_label_sdk"] = {one: int(rng.integers(2)) for one in ids}
    content["word_embedding_list"] = list(rng.normal(size=(len(WORDS), 300)).astype(np.float32))
    if first:
        content["word_list"] = list(WORDS)
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in content.items():
        write_urfunny(folder, name, value)
    return content


def write_urfunny(folder: Path, name: str, value: Any) -> None:
    """Write one of the pickles, as the release was: protocol 3."""
    (folder / f"{name}.pkl").write_bytes(pickle.dumps(value, 3))
