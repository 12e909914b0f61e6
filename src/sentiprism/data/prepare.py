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
    """Choose kind, width, source, encoder and statistics per modality from train; they then apply to all splits.

    A modality that no train utterance has is left out: untrained parameters would only add noise.

    Args:
        dataset: its train split has the source of text and the statistics; the test split is not used.
        config: text source and normalisation.

    Raises:
        UserError: the given source does not exist, or its vocabulary differs from the encoder's.
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
            cause = f"dataset {dataset.name} has stored text features, which cannot have context"
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
        return tokens.model_copy(update={"frozen_layers": text.frozen_layers, "dropout": text.dropout})
    frozen = tokens.model_copy(update={"kind": "features"})
    return frozen.model_copy(update={"width": text_rows(dataset.train, text.encoder, frozen)[0].width})


def _source(dataset: TuningView, text: TextConfig) -> Source | None:
    """Source of text; None without text."""
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
        vocabulary(text.encoder)  # a missing encoder is an error, not a reason to use another source
        try:
            check_vocabulary(text.encoder, card.vocabulary or "unknown")
        except UserError:
            if text.source == "ids" or not there["features"]:
                raise
        else:
            return "ids"
    return "features" if there["features"] else None


class PreparedSplit:
    """A split that makes batches; the same spec always gives the same batches.

    Texts are tokenised, or encoded by a frozen encoder, once at the start. Utterances without a transcript, or with a
    blank one, have no text.

    Args:
        split: any split; modalities that it lacks are missing in every utterance.
        features: from `prepare` for the train split.
        before: rows of the context of each utterance; by default the preceding ones in its video.

    Raises:
        UserError: the split's features have other widths, or its ids are outside the vocabulary.
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
        """(N,) lengths for grouping batches: tokens if the model encodes text, else steps of the longest modality."""
        text = self.features.text
        names = ("text",) if text is not None and text.kind == "tokens" else self.features.present()
        columns = [self._rows[name].lengths for name in names]
        if self._context is not None:
            columns[0] = columns[0] + self._context.lengths
        longest: npt.NDArray[np.int64] = np.max([np.zeros(len(self), np.int64), *columns], axis=0)
        return longest

    def steps(self, modality: Modality) -> npt.NDArray[np.int64]:
        """(N,) number of real steps of a modality in each utterance; 0 = missing."""
        return self._rows[modality].lengths

    def present(self, modalities: Iterable[Modality]) -> npt.NDArray[np.str_]:
        """(N,) the modalities among these that each utterance has, joined by "+" in order; "" = none."""
        names = [name for name in MODALITIES if name in {*modalities} & {*self._rows}]
        there = [self.steps(name) > 0 for name in names]
        return np.array(["+".join(compress(names, row)) for row in zip(*there, strict=True)] or [""] * len(self))

    def only(self, modalities: Iterable[Modality]) -> "PreparedSplit":
        """Copy in which all other modalities are missing."""
        other = copy(self)
        nobody = [None] * len(self)
        lost = {name: Ragged.from_rows(nobody, self._rows[name].width) for name in {*self._rows} - {*modalities}}
        other._rows = self._rows | lost
        return other

    def subset(self, rows: npt.NDArray[np.int64]) -> "PreparedSplit":
        """Select utterances in the given order, without encoding text again."""
        other = copy(self)
        other.split = self.split.subset(rows)
        other._rows = {name: column.subset(rows) for name, column in self._rows.items()}
        if self._context is not None:
            other._context = self._context.subset(rows)
        return other

    def rows(self, modality: Modality) -> Ragged:
        """N stored sequences of a modality, before standardisation."""
        return self._rows[modality]

    def altered(self, modality: Modality, rows: Ragged) -> "PreparedSplit":
        """Replace the sequences of one modality, without copying data."""
        other = copy(self)
        other._rows = {**self._rows, modality: rows}
        return other

    @property
    def context(self) -> Ragged | None:
        """N second segments of the text (C,), C=0 if empty; None if the model's encoder does not use context."""
        return self._context

    def with_context(self, context: Ragged) -> "PreparedSplit":
        """Replace the second segments, without copying data."""
        other = copy(self)
        other._context = context
        return other

    def without_context(self) -> "PreparedSplit":
        """Copy without context, also for a frozen encoder."""
        text = self.features.text
        if text is None or not text.context:
            return self
        features = self.features.model_copy(update={"text": text.model_copy(update={"context": 0})})
        return PreparedSplit(self.split, features)

    def batch(self, indices: npt.ArrayLike) -> Batch:
        """Make a batch of utterances by row, padded to the longest.

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
            f"{split.name}: {name} has {width} features per step, the model was prepared for {spec.width}",
            "use the features it was trained on, or train again",
        )
