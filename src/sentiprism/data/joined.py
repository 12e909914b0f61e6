"""Join several datasets for training."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import Card, Dataset, Split, SplitCard
from sentiprism.data.names import COMMA
from sentiprism.data.ragged import Ragged
from sentiprism.errors import UserError
from sentiprism.languages import language_name

FORMS = {"raw": "transcripts", "token_ids": "token ids", "text": "text features"}
"""Forms of text."""


def join_datasets(parts: Sequence[Dataset]) -> Dataset:
    """Join datasets for training, copying only labels and offsets.

    Labels of the others are mapped to the first one's scale. A modality that a dataset lacks is missing in its
    utterances. Utterances of the others are left out if their video is in the first one's valid or test, or if the
    first one's train has them too, by video and id.

    Args:
        parts: opened datasets; valid of the first one selects the epoch, and its test is evaluated.

    Raises:
        UserError: one is named twice or has nothing to add, or scales, classes, features or forms of text do not match.
    """
    first, *others = parts
    names = [part.name for part in parts]
    if len({*names}) < len(names):
        raise UserError(f"{COMMA.join(names)} names a dataset twice", "name each once")
    cards = [part.card for part in parts]
    forms, widths = _text_forms(parts), _widths(cards)
    if "text" not in forms:
        widths.pop("text", None)
    held = {*first.valid.video_ids.tolist(), *first.test.video_ids.tolist()}
    known = {*zip(first.train.video_ids.tolist(), first.train.ids.tolist(), strict=True)}
    trains, notes = [first.train], list[str]()
    for part in others:
        unseen = ~np.isin(part.train.video_ids, sorted(held))
        own = zip(part.train.video_ids.tolist(), part.train.ids.tolist(), strict=True)
        kept = unseen & np.array([one not in known for one in own], bool)
        if not kept.any():
            where = f"train, valid or test of {first.name}" if unseen.any() else f"valid or test of {first.name}"
            cause = f"every utterance of train of {part.name} is of a video in {where}"
            raise UserError(cause, f"leave out {part.name}")
        scaled, said = _mapped(part.train, part.card, first.card)
        trains.append(scaled.subset(np.flatnonzero(kept)))
        held_out, twice = int((~unseen).sum()), int((unseen & ~kept).sum())
        left = f"; {held_out} utterances of videos in valid and test of {first.name} are left out" * bool(held_out)
        left += f"; {twice} that train of {first.name} has too are left out" * bool(twice)
        notes.append(f"{part.name}: {len(trains[-1])} utterances of train, {said}{left}")
        if part.card.language != first.card.language:
            languages = language_name(part.card.language), language_name(first.card.language)
            notes[-1] += (
                f"; it is in {languages[0]}, {first.name} in {languages[1]}: models are recorded with the latter"
            )
    labels = [name for name in first.train.labels if all(name in one.labels for one in trains)]
    keys = (*widths, *(["token_ids"] if "token_ids" in forms else []))
    pairs = zip(others, trains[1:], strict=True)
    named = (np.char.add(f"{part.name}:", one.ids.astype(str)) for part, one in pairs)
    train = Split(
        "train",
        np.concatenate([first.train.ids.astype(str), *named]),
        np.concatenate([one.video_ids.astype(str) for one in trains]),
        _texts(trains) if "raw" in forms else None,
        {name: np.concatenate([one.labels[name] for one in trains]) for name in labels},
        {key: _sequences(trains, key, widths.get(key, 0)) for key in keys},
        part=np.repeat(np.arange(len(trains)), [len(one) for one in trains]),
    )
    card = first.card.model_copy(
        update={
            "name": "+".join(names),
            "title": " and ".join(card.title for card in cards),
            "widths": widths,
            "text_encoder": next((card.text_encoder for card in cards if "text" in card.widths), None),
            "vocabulary": next((part.card.vocabulary for part in parts if "token_ids" in part.train.sequences), None),
            "recipes": {key: recipe for card in reversed(cards) for key, recipe in card.recipes.items()},
            "labels": tuple(labels),
            "splits": {**first.card.splits, "train": describe_split(train)},
            "content": hashlib.sha256("\n".join(card.content for card in cards).encode()).hexdigest(),
            "hashes": {},
            "joined": (
                f"{first.name}: {len(first.train)} utterances of train; its valid selects, its test is evaluated",
                *notes,
            ),
        }
    )
    rest = (replace(one, labels={name: one.labels[name] for name in labels}) for one in (first.valid, first.test))
    return Dataset(card, train, *rest)


def _mapped(train: Split, own: Card, first: Card) -> tuple[Split, str]:
    """Map the labels of a train split to another dataset's scale; returns it with a description."""
    scale, wanted = own.target, first.target
    if scale.kind != wanted.kind or {*scale.classes} != {*wanted.classes}:
        cause = f"{own.name} has other labels than {first.name}: {scale.describe()}, not {wanted.describe()}"
        raise UserError(cause, "join datasets of intensities, or of the same classes")
    if scale == wanted:
        return train, "on the same scale"
    if scale.kind == "classes":
        order = np.array([wanted.classes.index(name) for name in scale.classes])
        return replace(
            train, labels={name: order[values] for name, values in train.labels.items()}
        ), "classes reordered"
    factor = (wanted.high - wanted.low) / (scale.high - scale.low)
    mapped = {
        name: (wanted.low + (values.astype(np.float64) - scale.low) * factor).astype(np.float32)
        for name, values in train.labels.items()
    }
    said = f"labels mapped linearly from {scale.describe()} to {wanted.describe()}"
    return replace(train, labels=mapped), said


def _text_forms(parts: Sequence[Dataset]) -> set[str]:
    """Forms of text that all datasets with text have."""
    found: dict[str, set[str]] = {}
    for part in parts:
        there = {*part.train.sequences} & {*FORMS} | ({"raw"} if part.train.texts is not None else set())
        if there:
            found[part.name] = there
    common = set.intersection(*found.values()) if found else set()
    if len({part.card.vocabulary for part in parts if "token_ids" in part.train.sequences}) > 1:
        common.discard("token_ids")
    if found and not common:
        forms = "; ".join(f"{name}: {', '.join(FORMS[form] for form in sorted(own))}" for name, own in found.items())
        raise UserError(f"the datasets have no form of text in common ({forms})", "import transcripts for all of them")
    return common


def _widths(cards: Sequence[Card]) -> dict[str, int]:
    """Widths of the stored features, after checking that all datasets have the same features."""
    widths: dict[str, int] = {}
    owner: dict[str, Card] = {}
    for card in cards:
        for key, width in card.widths.items():
            other = owner.setdefault(key, card)
            widths.setdefault(key, width)
            recipes = other.recipes.get(key), card.recipes.get(key)
            reason = None
            if width != widths[key]:
                reason = f"{other.name} has {widths[key]} per step, {card.name} {width}"
            elif None not in recipes and recipes[0] is not None and recipes[1] is not None:
                reason = recipes[0].difference(recipes[1])
            elif recipes[0] != recipes[1]:
                reason = f"only one of {other.name} and {card.name} says how they are made"
            elif key == "text" and other.text_encoder != card.text_encoder:
                reason = f"{other.name} has those of {other.text_encoder}, {card.name} of {card.text_encoder}"
            if reason:
                raise UserError(f"{key} features differ: {reason}", "import both with the same features")
    return widths


def _texts(trains: Sequence[Split]) -> tuple[str | None, ...]:
    return tuple(text for one in trains for text in one.texts or [None] * len(one))


def _sequences(trains: Sequence[Split], key: str, width: int) -> Ragged:
    """Rows of all splits; missing for a split without the sequence."""
    return Ragged.joined(
        [one.sequences[key] if key in one.sequences else Ragged.from_rows([None] * len(one), width) for one in trains]
    )


def describe_split(split: Split) -> SplitCard:
    """Compute the statistics of a split for a card."""
    values = Counter(np.round(split.labels["M"].astype(np.float64)).tolist())
    present = {key: column.lengths[column.lengths > 0] for key, column in split.sequences.items()}
    return SplitCard(
        utterances=len(split),
        videos=len(np.unique(split.video_ids)),
        label_histogram={f"{label:g}": values[label] for label in sorted(values)},
        lengths={key: (int(n.min()), float(n.mean()), int(n.max())) for key, n in present.items() if len(n)},
        missing={key: len(split) - len(n) for key, n in present.items()},
    )


def temperature_shares(part: npt.NDArray[np.int64], temperature: float) -> npt.NDArray[np.float64]:
    """(N,) probability of drawing each utterance; a dataset is drawn in proportion to its size to the power 1/T.

    Args:
        part: (N,) the dataset of each utterance, from 0.
        temperature: T; 1 draws by size, larger values draw smaller datasets more often.
    """
    sizes = np.bincount(part).astype(np.float64)
    shares = sizes ** (1 / temperature)
    drawn: npt.NDArray[np.float64] = (shares / shares.sum() / sizes)[part]
    return drawn
