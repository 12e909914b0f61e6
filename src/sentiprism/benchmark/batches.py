"""Make the batches that models are timed on."""

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from sentiprism.benchmark.cases import Case, vocabulary
from sentiprism.benchmark.shapes import DISTRIBUTED, Padded, mosi_shapes
from sentiprism.data.prepare import PreparedSplit
from sentiprism.text.encoders import load_tokenizer
from sentiprism.types import FeatureSpec, ModalitySpec

Array = npt.NDArray[Any]
Form = Literal["padded", "real"]
FORMS: tuple[Form, ...] = get_args(Form)
FEATURES = 768
"""Features per text step without an encoder: precomputed BERT features."""
LARGE = 32
"""Utterances in the large batch at inference."""


def make_data(case: Case, form: Form) -> tuple[PreparedSplit, FeatureSpec]:
    """Make random data in the shapes of a case's dataset."""
    shapes = DISTRIBUTED[case.dataset]
    features = {name: ModalitySpec(kind="features", width=width) for name, width in shapes.widths.items()}
    if case.encoder is None:
        split = mosi_shapes(text_width=FEATURES, shapes=shapes)
        text = ModalitySpec(kind="features", width=FEATURES)
    else:
        words = vocabulary(case.encoder, len(load_tokenizer(case.encoder)))
        split = mosi_shapes(vocabulary=words, shapes=shapes)
        frozen = case.frozen_layers
        text = ModalitySpec(kind="tokens", width=words, encoder=case.encoder, source="ids", frozen_layers=frozen)
    spec = FeatureSpec(text=text, **features)
    return Padded(split, spec, shapes.steps) if form == "padded" else PreparedSplit(split, spec), spec


class Timed(NamedTuple):
    """Rows of the batches that are timed, evenly spaced by their widths."""

    train: list[Array]
    singles: list[Array]
    """Of one utterance."""
    many: list[Array]
    """Of `LARGE` utterances of similar length."""
    widest: Array
    """The widest batch for training, as a warm-up."""


def choose_batches(data: PreparedSplit, batches: Sequence[Array], steps: int) -> Timed:
    """Choose ``steps`` batches of each kind.

    Args:
        data: the split.
        batches: those of an epoch.
        steps: batches of each kind.
    """
    widths = np.array([data.lengths[rows].max() for rows in batches])
    by_length = np.argsort(data.lengths, kind="stable")
    cut = [by_length[i : i + LARGE] for i in range(0, len(by_length), LARGE)]
    return Timed(
        spread_evenly(batches, widths, steps),
        spread_evenly(by_length[:, None], data.lengths[by_length], steps),
        spread_evenly(cut, np.array([data.lengths[rows].max() for rows in cut]), steps),
        batches[int(widths.argmax())],
    )


def spread_evenly(batches: Sequence[Any] | Array, widths: Array, count: int) -> list[Any]:
    """Select ``count`` batches, evenly spaced in the order of their widths."""
    middles = ((np.arange(count) + 0.5) * len(batches) / count).astype(int)
    return [batches[index] for index in np.argsort(widths, kind="stable")[middles]]
