"""Damage is what it says, the same for an utterance wherever it stands, and only of the modality that is named."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from makers_store import utterance, write
from makers_text import tiny_bert
from sentiprism.data.augment import Augmentation, standard_deviations
from sentiprism.data.config import DataConfig, TextConfig
from sentiprism.data.corruption import Corruption, chance, corrupt, possible_kinds, word_errors
from sentiprism.data.dataset import Split
from sentiprism.data.prepare import PreparedSplit, prepare
from sentiprism.data.ragged import Ragged
from sentiprism.errors import UserError
from sentiprism.types import FeatureSpec, ModalitySpec

N, SPEC = 200, FeatureSpec(text=ModalitySpec(kind="features", width=3), audio=ModalitySpec(kind="features", width=2))


def split(n: int = N, texts=None) -> Split:
    """Audio of row i is i + 1 everywhere, in 1 to 8 steps; every tenth row lacks it. Text is 1 to 4 steps of noise."""
    rng = np.random.default_rng(0)
    ids = np.array([f"v{i}" for i in range(n)])
    audio = [None if i % 10 == 9 else np.full((i % 8 + 1, 2), i + 1, np.float32) for i in range(n)]
    text = [rng.normal(size=(i % 4 + 1, 3)).astype(np.float32) for i in range(n)]
    sequences = {"text": Ragged.from_rows(text), "audio": Ragged.from_rows(audio, 2)}
    return Split("test", ids, ids, texts, {"M": np.zeros(n, np.float32)}, sequences)


@pytest.fixture(scope="module")
def data() -> PreparedSplit:
    return PreparedSplit(split(), SPEC)


def rows(data: PreparedSplit) -> list[np.ndarray]:
    return [np.array(data.rows("audio")[i]) for i in range(len(data))]


@pytest.mark.parametrize("kind", ["missing", "swap", "noise", "frames", "delay"])
def test_an_utterance_is_damaged_alike_in_any_batch_and_nothing_else_is(data, kind):
    bad = corrupt(data, Corruption(kind, "audio", 0.5), np.ones(2))
    whole, clean = bad.batch(range(N)), data.batch(range(N))
    assert torch.equal(whole.text.values, clean.text.values)
    assert torch.equal(whole.text.mask, clean.text.mask)
    assert whole.audio.values.shape != clean.audio.values.shape or not torch.equal(
        whole.audio.values, clean.audio.values
    )
    for i in (0, 7, 42, 199):
        alone, T = bad.batch([i]).audio, int(bad.steps("audio")[i])
        assert torch.equal(alone.values[0, :T], whole.audio.values[i, :T])
        assert alone.mask.sum() == whole.audio.mask[i].sum() == T


def test_the_order_of_the_split_changes_nothing_of_an_utterance(data):
    order = np.random.default_rng(1).permutation(N)
    other = split()
    other = replace(
        other,
        ids=other.ids[order],
        sequences={k: Ragged.from_rows([v[i] for i in order]) for k, v in other.sequences.items()},
    )
    for kind in ("missing", "frames", "noise"):  # a swap is with another of the split
        one, two = (corrupt(d, Corruption(kind, "audio", 0.5), np.ones(2)) for d in (data, PreparedSplit(other, SPEC)))
        assert all(np.array_equal(rows(one)[i], rows(two)[n]) for n, i in enumerate(order))


def test_missing_strikes_the_share_it_says_and_grows(data):
    found = [corrupt(data, Corruption("missing", "audio", p)).steps("audio") == 0 for p in (0, 0.3, 0.7, 1)]
    clean = data.steps("audio") == 0
    assert found[0].tolist() == clean.tolist()
    assert found[3].all()
    assert all((a <= b).all() for a, b in pairwise(found))  # who is struck stays struck
    assert found[1][~clean].mean() == pytest.approx(0.3, abs=0.1)
    assert ((chance(data.split.ids, "missing", "audio") < 0.3) | clean).tolist() == found[1].tolist()


def test_swapped_audio_is_another_utterances(data):
    bad = rows(corrupt(data, Corruption("swap", "audio", 1.0)))
    source = [row[0, 0] - 1 if len(row) else None for row in bad]
    assert all(n != i for i, n in enumerate(source))
    assert all(len(row) == int(n) % 8 + 1 for row, n in zip(bad, source, strict=True) if n is not None)
    half = rows(corrupt(data, Corruption("swap", "audio", 0.5)))
    struck = chance(data.split.ids, "swap", "audio") < 0.5
    clean = rows(data)
    assert all(np.array_equal(half[i], (bad if struck[i] else clean)[i]) for i in range(N))


def test_noise_has_the_deviation_it_says(data):
    deviation = np.array([2.0, 0.5])
    clean, bad = (np.concatenate(rows(d)) for d in (data, corrupt(data, Corruption("noise", "audio", 1.5), deviation)))
    assert (bad - clean).std(axis=0) == pytest.approx(1.5 * deviation, rel=0.1)
    twice = np.concatenate(rows(corrupt(data, Corruption("noise", "audio", 3.0), deviation)))
    assert np.allclose(twice - clean, 2 * (bad - clean), atol=1e-3)  # the same draws, scaled


def test_noise_is_in_deviations_of_what_a_standardised_model_sees():
    mean, std = (3.0, 4.0), (2.0, 5.0)
    spec = FeatureSpec(audio=ModalitySpec(kind="features", width=2, mean=mean, std=std))
    prepared = PreparedSplit(split(), spec)
    bad = corrupt(prepared, Corruption("noise", "audio", 1.0), np.array(std))
    apart = (bad.batch(range(N)).audio.values - prepared.batch(range(N)).audio.values)[
        prepared.batch(range(N)).audio.mask
    ]
    assert apart.std(dim=0).tolist() == pytest.approx([1.0, 1.0], rel=0.1)


def test_dropped_frames_leave_the_others_in_order():
    long = Ragged.from_rows([np.arange(400, dtype=np.float32)[:, None].repeat(2, 1)])
    one = replace(split(1), sequences={"audio": long})
    data = PreparedSplit(one, FeatureSpec(audio=SPEC.audio))
    some, more = (rows(corrupt(data, Corruption("frames", "audio", p)))[0][:, 0] for p in (0.25, 0.75))
    assert len(some) / 400 == pytest.approx(0.75, abs=0.07)
    assert (np.diff(some) > 0).all()
    assert set(more) < set(some)
    assert corrupt(data, Corruption("frames", "audio", 1.0)).steps("audio").tolist() == [0]


def test_delay_by_hand():
    """Five steps 1 to 5, late by 0.4 of five = 2: two of zeros, then 1 2 3."""
    one = replace(split(1), sequences={"audio": Ragged.from_rows([np.arange(1, 6, dtype=np.float32)[:, None]])})
    data = PreparedSplit(one, FeatureSpec(audio=ModalitySpec(kind="features", width=1)))
    assert rows(corrupt(data, Corruption("delay", "audio", 0.4)))[0].ravel().tolist() == [0, 0, 1, 2, 3]
    assert not rows(corrupt(data, Corruption("delay", "audio", 1.0)))[0].any()


def test_what_cannot_be_damaged_is_refused(data):
    with pytest.raises(UserError, match="words is not possible for"):
        corrupt(data, Corruption("words", "text", 0.1))
    with pytest.raises(UserError, match=r"strength 1\.5"):
        corrupt(data, Corruption("missing", "audio", 1.5))
    with pytest.raises(UserError, match="the dataset lacks it"):
        corrupt(data, Corruption("missing", "vision", 0.5))
    tokens = FeatureSpec(text=ModalitySpec(kind="tokens", width=9, encoder="minilm"))
    assert possible_kinds(tokens, "text") == ("missing", "swap", "words")
    ids = FeatureSpec(text=ModalitySpec(kind="tokens", width=9, encoder="minilm", source="ids"))
    assert possible_kinds(ids, "text") == ("missing", "swap")


def test_word_errors_come_at_the_rate_and_kinds_they_say():
    spoken = " ".join(f"w{n}" for n in range(400))
    one = split(30, texts=(spoken, None, "", *[spoken] * 27))
    heard = word_errors(one, 0.3)
    assert heard[1:3] == (None, "")
    kept = [sum(word in set(text.split()) for word in spoken.split()) for text in (heard[0], *heard[3:])]
    # a word is gone by substitution or deletion: 2 / 3 of 0.3; some come back as another's wrong word
    assert np.mean(kept) / 400 == pytest.approx(0.8 + 0.2 * (1 - np.exp(-0.2)), abs=0.02)
    lengths = [len(text.split()) for text in (heard[0], *heard[3:])]
    assert np.mean(lengths) == pytest.approx(400, rel=0.02)  # as many inserted as deleted
    assert word_errors(one, 0.0) == one.texts
    assert word_errors(one, 0.3) == heard
    assert word_errors(one, 0.3, seed=1) != heard


def test_a_word_that_is_wrong_stays_wrong_at_a_higher_rate():
    words = [f"w{n}" for n in range(200)]
    one = split(2, texts=(" ".join(words), " ".join(f"other{n}" for n in range(200))))
    low, high = (set(word_errors(one, rate)[0].split()) & set(words) for rate in (0.1, 0.4))
    assert len(high) < len(low) < 200


# train batches


def augment(**config) -> Augmentation:
    return Augmentation(PreparedSplit(split(), SPEC), DataConfig(**config), seed=5)


def test_nothing_asked_is_nothing_done(data):
    made = augment().batch(np.arange(N), 0, 0, 0)
    assert all(torch.equal(a, b) for a, b in zip(made.audio, data.batch(range(N)).audio, strict=True))


def test_modality_dropout_leaves_every_utterance_something(data):
    made, clean = augment(modality_dropout=0.5).batch(np.arange(N), 3, 1, 0), data.batch(range(N))
    there, left = (np.stack([b.text.present, b.audio.present], axis=1) for b in (clean, made))
    assert (left <= there).all()
    assert left.any(axis=1).all()
    # each is lost at 1/2, but of both one stays: one is lost in 1/4 + 1/8 of the whole utterances
    whole = there.all(axis=1)
    assert (~left[whole]).mean() == pytest.approx(0.375, abs=0.08)
    assert left[~whole].tolist() == there[~whole].tolist()
    assert torch.equal(made.labels["M"], clean.labels["M"])


def test_dropout_of_one_modality_leaves_the_others(data):
    made = augment(modality_dropout={"audio": 0.9}).batch(np.arange(N), 0, 0, 0)
    assert made.text.present.all()
    assert made.audio.present.float().mean() < 0.2


def test_train_noise_is_in_deviations_of_train(data):
    made, clean = augment(feature_noise=0.5).batch(np.arange(N), 0, 0, 0), data.batch(range(N))
    apart = (made.audio.values - clean.audio.values)[clean.audio.mask]
    wanted = 0.5 * standard_deviations(data.split, SPEC)["audio"]
    assert apart.std(dim=0).numpy() == pytest.approx(wanted, rel=0.1)


def test_train_damage_depends_on_the_position_and_not_on_the_batch():
    made = augment(modality_dropout=0.5, feature_noise=0.3)
    whole = made.batch(np.arange(N), 2, 4, 0)
    part = made.batch(np.array([11, 4, 120]), 2, 4, 0)
    for n, i in enumerate((11, 4, 120)):
        T = int(part.audio.mask[n].sum())
        assert torch.equal(part.audio.mask[n, :T], whole.audio.mask[i, :T])
        assert torch.equal(part.audio.values[n, :T], whole.audio.values[i, :T])
    for position in ((2, 5, 0), (3, 4, 0), (2, 4, 1)):
        assert not torch.equal(made.batch(np.arange(N), *position).text.mask, whole.text.mask)


def test_a_number_stands_for_every_modality():
    assert DataConfig(modality_dropout=0.2).modality_dropout == {"text": 0.2, "audio": 0.2, "vision": 0.2}
    assert DataConfig(modality_dropout=0).modality_dropout == {}
    with pytest.raises(UserError, match="below 1"):
        DataConfig.parse({"modality_dropout": 1.0})


def test_swapped_words_bring_the_context_that_has_room_beside_them(home, tmp_path):
    encoder = str(tiny_bert(tmp_path / "encoder"))
    texts = [" ".join(f"w{n}" for n in range(length)) for length in (50, 50, 2)]
    rows = [
        (split, utterance(f"{split}_{n}", video_id=split, text=text, labels={"M": 0.0}))
        for split in ("train", "valid", "test")
        for n, text in enumerate(texts)
    ]
    dataset = write(rows, "told")
    text = TextConfig(encoder=encoder, context=2, max_tokens=60)
    clean = PreparedSplit(dataset.test, prepare(dataset.tuning(), DataConfig(text=text)))
    found = corrupt(clean, Corruption("swap", "text", 1.0))
    assert found.rows("text").lengths.tolist() != clean.rows("text").lengths.tolist()
    pairs = {(len(clean.rows("text")[n]), len(clean.context[n])) for n in range(3)}
    assert {(len(found.rows("text")[n]), len(found.context[n])) for n in range(3)} <= pairs
