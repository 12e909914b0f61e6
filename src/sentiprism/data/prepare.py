"""Turn a split into padded, standardised batches."""

from collections.abc import Iterable
from copy import copy
from itertools import compress
from typing import get_args

import numpy as np
import numpy.typing as npt

from sentiprism.data.config import DataConfig, TextConfig
from sentiprism.data.context import Before
from sentiprism.data.dataset import Split, TuningView
from sentiprism.data.ragged import Ragged
from sentiprism.data.text import text_rows
from sentiprism.errors import UserError
from sentiprism.text.encoders import check_vocabulary, load_tokenizer, vocabulary
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
        if text.context:
            cause = f"dataset {dataset.name} has stored text features, which no encoder reads with their context"
            raise UserError(cause, "set data.text.context to 0, or import the transcripts")
        width, encoder = dataset.card.widths["text"], dataset.card.text_encoder
        return ModalitySpec(kind="features", width=width, encoder=encoder)
    words = len(load_tokenizer(text.encoder))
    tokens = ModalitySpec(
        kind="tokens",
        width=words,
        encoder=text.encoder,
        source=source,
        max_tokens=text.max_tokens,
        context=text.context,
    )
    if text.mode == "tune":
        return tokens.model_copy(update={"frozen_layers": text.frozen_layers})
    frozen = tokens.model_copy(update={"kind": "features"})
    return frozen.model_copy(update={"width": text_rows(dataset.train, text.encoder, frozen)[0].width})


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
        before: whose texts are the context of each utterance's; by default those before it in its video.

    Raises:
        UserError: the split's features have other widths, or its ids are off the vocabulary.
    """

    def __init__(self, split: Split, features: FeatureSpec, before: Before | None = None) -> None:
        self.split, self.features = split, features
        self._rows: dict[Modality, Ragged] = {}
        self._context: Ragged | None = None
        self._moments: dict[Modality, tuple[npt.NDArray[np.float32] | None, ...]] = {}
        for name in features.present():
            spec: ModalitySpec = getattr(features, name)
            if spec.source != "features" and spec.encoder is not None:
                self._rows[name], self._context = text_rows(split, spec.encoder, spec, before)
            else:
                stored = split.sequences.get(name)
                self._rows[name] = Ragged.from_rows([None] * len(split), spec.width) if stored is None else stored
            _check_width(split, name, spec, self._rows[name].width)
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
        if self._context is not None:
            columns[0] = columns[0] + self._context.lengths
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

    def subset(self, rows: npt.NDArray[np.int64]) -> "PreparedSplit":
        """Some of the utterances, in the order given; no text is encoded again."""
        other = copy(self)
        other.split = self.split.subset(rows)
        other._rows = {name: column.subset(rows) for name, column in self._rows.items()}
        if self._context is not None:
            other._context = self._context.subset(rows)
        return other

    def rows(self, modality: Modality) -> Ragged:
        """N sequences of a modality as they are stored, before any standardisation."""
        return self._rows[modality]

    def altered(self, modality: Modality, rows: Ragged) -> "PreparedSplit":
        """The same split with other sequences of one modality; nothing is copied."""
        other = copy(self)
        other._rows = {**self._rows, modality: rows}
        return other

    @property
    def context(self) -> Ragged | None:
        """N second segments of the text (C,), C=0 where there is none; None where the model's encoder reads none."""
        return self._context

    def with_context(self, context: Ragged) -> "PreparedSplit":
        """The same split with other second segments; nothing is copied."""
        other = copy(self)
        other._context = context
        return other

    def without_context(self) -> "PreparedSplit":
        """The same split in which every text is read by itself, by a frozen encoder too."""
        text = self.features.text
        if text is None or not text.context:
            return self
        features = self.features.model_copy(update={"text": text.model_copy(update={"context": 0})})
        return PreparedSplit(self.split, features)

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
        context = None
        if self._context is not None:
            values, mask = self._context.take(rows)
            context = Sequence(values, mask & sequences["text"].present.unsqueeze(1))
        return Batch(**sequences, labels=labels, index=torch.from_numpy(rows), context=context)


def _absent(B: int) -> Sequence:
    import torch

    return Sequence(torch.zeros(B, 1, 0), torch.zeros(B, 1, dtype=torch.bool))


def _check_width(split: Split, name: Modality, spec: ModalitySpec, width: int) -> None:
    if spec.kind == "features" and width != spec.width:
        raise UserError(
            f"{split.name}: {name} has {width} features a step, the model was prepared for {spec.width}",
            "use the features it was trained on, or train anew",
        )
