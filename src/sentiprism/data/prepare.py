"""Turn a split into batches: where its text comes from, padding, masks and standardisation."""

from collections.abc import Iterable
from copy import copy
from itertools import compress
from typing import get_args

import numpy as np
import numpy.typing as npt

from sentiprism.data.config import DataConfig, TextConfig
from sentiprism.data.dataset import Split, TuningView
from sentiprism.data.ragged import Ragged
from sentiprism.errors import UserError
from sentiprism.features.text import (
    check_length,
    check_vocabulary,
    encode_frozen,
    load_tokenizer,
    longest,
    tokenize,
    vocabulary,
)
from sentiprism.types import MODALITIES, Batch, FeatureSpec, Modality, ModalitySpec, Sequence, Source

STORED = {"raw": "transcripts", "ids": "token_ids", "features": "text features"}


def prepare(dataset: TuningView, config: DataConfig) -> FeatureSpec:
    """Kind, width, source, encoder and statistics per modality: all that any split needs.

    A modality that no train utterance has is left out: what nothing trained would only add noise where it is there.

    Args:
        dataset: train says where text comes from and gives the statistics; the test split is never looked at.
        config: text source and normalisation.

    Raises:
        UserError: the source asked for is not there, or its vocabulary is not the encoder's.
    """
    specs: dict[Modality, ModalitySpec] = {
        name: ModalitySpec(kind="features", width=width, recipe=dataset.card.recipes.get(name))
        for name in ("audio", "vision")
        if (width := dataset.card.widths.get(name))
    }
    text = _text_spec(dataset, config.text)
    if text is not None:
        specs["text"] = text
    specs = {name: spec for name, spec in specs.items() if _in_train(dataset, name, spec)}
    if config.normalizes(dataset.card):
        for name, spec in specs.items():
            if spec.encoder is None:
                mean, std = (tuple(m.tolist()) for m in dataset.train.sequences[name].statistics())
                specs[name] = spec.model_copy(update={"mean": mean, "std": std})
    return FeatureSpec(**specs)


def _in_train(dataset: TuningView, name: Modality, spec: ModalitySpec) -> bool:
    train = dataset.train
    if spec.source == "raw" and train.texts is not None:
        return any(words and words.strip() for words in train.texts)
    column = "token_ids" if spec.source == "ids" else name
    return bool(train.sequences[column].lengths.any())


def _text_spec(dataset: TuningView, text: TextConfig) -> ModalitySpec | None:
    source = _source(dataset, text)
    if source is None:
        return None
    if source == "features" or text.encoder is None:
        width, encoder = dataset.card.widths["text"], dataset.card.text_encoder
        return ModalitySpec(kind="features", width=width, encoder=encoder)
    words = len(load_tokenizer(text.encoder))
    tokens = ModalitySpec(kind="tokens", width=words, encoder=text.encoder, source=source, max_tokens=text.max_tokens)
    if text.mode == "tune":
        return tokens.model_copy(update={"frozen_layers": text.frozen_layers})
    width = encode_frozen(text.encoder, _token_ids(dataset.train, text.encoder, tokens)).values.shape[1]
    return tokens.model_copy(update={"kind": "features", "width": width})


def _source(dataset: TuningView, text: TextConfig) -> Source | None:
    """What text is made from, None where there is none to be had."""
    card, split = dataset.card, dataset.train
    there = {
        "raw": split.texts is not None,
        "ids": "token_ids" in split.sequences,
        "features": "text" in card.widths,
    }
    if text.source != "auto" and not there[text.source]:
        others = [name for name in get_args(Source) if there[name]]
        raise UserError(
            f"dataset {dataset.name} has no {STORED[text.source]} in train",
            f"set data.text.source to {' or '.join(others)}" if others else "leave data.text.source at auto",
        )
    if text.encoder is not None and text.source in {"auto", "raw"} and there["raw"]:
        return "raw"
    if text.encoder is not None and text.source in {"auto", "ids"} and there["ids"]:
        vocabulary(text.encoder)  # an encoder that is not there is an error, no reason to take something else
        try:
            check_vocabulary(text.encoder, card.vocabulary or "unknown")
        except UserError:
            if text.source == "ids" or not there["features"]:
                raise
        else:
            return "ids"
    return "features" if there["features"] else None


class PreparedSplit:
    """A split that hands out batches; the same spec gives the same batches, whenever.

    Texts are tokenised, or encoded by a frozen encoder, once, here. An utterance without a transcript has no
    text, nor has one with a blank transcript.

    Args:
        split: any split; what it lacks of ``features`` is missing in every utterance.
        features: as `prepare` gave it for the train split.

    Raises:
        UserError: the split's features have other widths, or its ids are off the vocabulary.
    """

    def __init__(self, split: Split, features: FeatureSpec) -> None:
        self.split, self.features = split, features
        self._rows: dict[Modality, Ragged] = {}
        self._moments: dict[Modality, tuple[npt.NDArray[np.float32] | None, ...]] = {}
        for name in features.present():
            spec: ModalitySpec = getattr(features, name)
            self._rows[name] = _rows(split, name, spec)
            self._moments[name] = tuple(
                None if moment is None else np.array(moment, np.float32) for moment in (spec.mean, spec.std)
            )

    def __len__(self) -> int:
        return len(self.split)

    @property
    def lengths(self) -> npt.NDArray[np.int64]:
        """(N,) to group batches by: tokens where a model encodes them, else steps of the longest modality."""
        text = self.features.text
        names = ("text",) if text is not None and text.kind == "tokens" else self.features.present()
        columns = [self._rows[name].lengths for name in names]
        longest: npt.NDArray[np.int64] = np.max([np.zeros(len(self), np.int64), *columns], axis=0)
        return longest

    def steps(self, modality: Modality) -> npt.NDArray[np.int64]:
        """(N,) real steps of a modality in each utterance; 0 = missing."""
        return self._rows[modality].lengths

    def present(self, modalities: Iterable[Modality]) -> npt.NDArray[np.str_]:
        """(N,) which of these modalities each utterance has, joined by "+" in their order; "" = none."""
        names = [name for name in MODALITIES if name in {*modalities} & {*self._rows}]
        there = [self.steps(name) > 0 for name in names]
        return np.array(["+".join(compress(names, row)) for row in zip(*there, strict=True)] or [""] * len(self))

    def only(self, modalities: Iterable[Modality]) -> "PreparedSplit":
        """The same split in which every other modality is missing."""
        other = copy(self)
        nobody = [None] * len(self)
        lost = {name: Ragged.from_rows(nobody, self._rows[name].width) for name in {*self._rows} - {*modalities}}
        other._rows = self._rows | lost
        return other

    def rows(self, modality: Modality) -> Ragged:
        """N sequences of a modality as they are stored, before any standardisation."""
        return self._rows[modality]

    def altered(self, modality: Modality, rows: Ragged) -> "PreparedSplit":
        """The same split with other sequences of one modality; nothing is copied."""
        other = copy(self)
        other._rows = {**self._rows, modality: rows}
        return other

    def batch(self, indices: npt.ArrayLike) -> Batch:
        """Utterances by row, padded to the longest among them.

        Args:
            indices: (B,) rows of the split; the batch keeps their order.
        """
        rows = np.asarray(indices, np.int64)
        sequences = dict.fromkeys(MODALITIES, _absent(len(rows)))
        for name, column in self._rows.items():
            sequences[name] = column.take(rows, *self._moments[name])
        import torch

        labels = {name: torch.from_numpy(values[rows]) for name, values in self.split.labels.items()}
        return Batch(**sequences, labels=labels, index=torch.from_numpy(rows))


def _absent(B: int) -> Sequence:
    import torch

    return Sequence(torch.zeros(B, 1, 0), torch.zeros(B, 1, dtype=torch.bool))


def _rows(split: Split, name: Modality, spec: ModalitySpec) -> Ragged:
    if spec.source != "features" and spec.encoder is not None:
        ids = _token_ids(split, spec.encoder, spec)
        if spec.kind == "tokens":
            highest = max((int(ids[int(i)].max()) for i in np.flatnonzero(ids.lengths)), default=0)
            if highest >= spec.width:
                raise UserError(
                    f"{split.name}: token id {highest} is off the {spec.width} words of {spec.encoder}",
                    "choose the encoder whose tokenizer made the ids",
                )
            return ids
        values, lengths = encode_frozen(spec.encoder, ids)
        starts = np.cumsum(lengths) - lengths
        rows = Ragged([values], np.zeros_like(starts), starts, lengths, values.shape[1])
    elif name in split.sequences:
        rows = split.sequences[name]
    else:
        rows = Ragged.from_rows([None] * len(split), spec.width)
    if rows.width != spec.width:
        raise UserError(
            f"{split.name}: {name} has {rows.width} features a step, the model was prepared for {spec.width}",
            "use the features it was trained on, or train anew",
        )
    return rows


def _token_ids(split: Split, encoder: str, spec: ModalitySpec) -> Ragged:
    """(T,) ids of at most ``max_tokens`` per utterance; T=0 where there is no text."""
    most = spec.max_tokens or longest(encoder)
    check_length(encoder, most)
    if spec.source == "raw":
        texts = [words if words and words.strip() else None for words in split.texts or [None] * len(split)]
        return Ragged.from_rows(tokenize(encoder, texts, most), 0)
    if "token_ids" not in split.sequences:
        return Ragged.from_rows([None] * len(split), 0)
    stored = split.sequences["token_ids"]
    if stored.lengths.max(initial=0) <= most:
        return stored
    rows = (stored[i] for i in range(len(stored)))  # of a text that is cut, the final [SEP] stays
    cut = [np.append(row[: most - 1], row[-1:]) if len(row) > most else row for row in rows]
    return Ragged.from_rows(cut, 0)
