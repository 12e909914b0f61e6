"""The utterances before as a second segment: whose they are, how they are cut, and what an encoder makes of them."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from makers_text import ids, pad, rows_of, tiny_bert, tiny_mpnet
from sentiprism.data.augment import Augmentation
from sentiprism.data.config import DataConfig, TextConfig
from sentiprism.data.context import describe_order, rows_before
from sentiprism.data.dataset import Dataset, DatasetInfo, Split, Utterance
from sentiprism.data.prepare import PreparedSplit, prepare
from sentiprism.data.store import write_dataset
from sentiprism.errors import UserError
from sentiprism.nn.text import TextEncoder
from sentiprism.text.encoders import load_backbone, load_tokenizer, vocabulary
from sentiprism.text.frozen import encode_frozen
from sentiprism.types import FeatureSpec, ModalitySpec, Sequence, TargetSpec

TEXTS = {"v_1": "w1 w2 w3", "v_2": "w4 w5", "v_10": "w6 w7 w8 w9", "u_1": "w10", "v_3": None}
"""In the order of a file; the clips of v are 1, 2, 3, 10."""


@pytest.fixture(scope="module", params=["bert", "mpnet"])
def encoder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    make = {"bert": tiny_bert, "mpnet": tiny_mpnet}[request.param]
    return str(make(tmp_path_factory.mktemp("encoders") / request.param))


def split(*names: str, videos: list[str] | None = None, texts: tuple[str | None, ...] | None = None) -> Split:
    ids_ = np.array(names)
    owners = np.array(videos or [name[0] for name in names])
    return Split("test", ids_, owners, texts, {"M": np.zeros(len(names), np.float32)}, {})


def stored(name: str = "told", *, as_ids: str | None = None) -> Dataset:
    """Of `TEXTS`, in every split under other names; as token ids of an encoder where one is named."""

    def one(part: str, key: str, text: str | None) -> Utterance:
        sequences = {}
        if as_ids and text:
            sequences = {"token_ids": np.array(load_tokenizer(as_ids)(text)["input_ids"], np.int32)}
        return Utterance(f"{part}{key}", f"{part}{key[0]}", None if as_ids else text, {"M": 0.5}, sequences)

    rows = [(part, one(part, key, text)) for part in ("train", "valid", "test") for key, text in TEXTS.items()]
    known = {"vocabulary": vocabulary(as_ids)} if as_ids else {}
    info = DatasetInfo(title="t", source="s", target=TargetSpec(), protocol="intensity", **known)
    return write_dataset(name, rows, info, replace=True)


def read(encoder: str, dataset: Dataset | None = None, **text: object) -> PreparedSplit:
    dataset = stored() if dataset is None else dataset
    config = DataConfig(text=TextConfig(**{"encoder": encoder, "max_tokens": 40, "context": 2, **text}))
    return PreparedSplit(dataset.test, prepare(dataset.tuning(), config))


# whose words they are


@pytest.mark.parametrize(
    ("names", "videos", "expected"),
    [
        (("v_10", "v_2", "v_1"), None, [[2, 1], [2], []]),
        (("-x_82_7645", "-x_119_919", "-x_8_5"), ["-x"] * 3, [[2], [2, 0], []]),  # MOSEI: 8.5, 82.7645 and 119.919 s
        (("v_1_10", "v_1_2", "v_1_1"), None, [[2, 1], [2], []]),  # counted in parts: 1.1 = 1.10 as a decimal
        (("v_12.5", "v_12.25", "v_2.75"), None, [[2, 1], [2], []]),
        (("v$_$2", "v$_$10", "v$_$1"), None, [[2], [2, 0], []]),
        (("v_b", "v_a", "v_2"), None, [[], [0], [0, 1]]),  # not all are numbers: as they are given
        (("v_1", "u_2", "v_2", "u_1"), None, [[], [3], [0], []]),
    ],
)
def test_what_comes_before_is_of_the_same_video_by_clip_number(names, videos, expected):
    found = rows_before(split(*names, videos=videos), 9)
    assert [list(rows) for rows in found] == expected
    assert [list(rows) for rows in rows_before(split(*names, videos=videos), 1)] == [rows[-1:] for rows in expected]


def test_datasets_that_are_learned_from_together_keep_their_own_videos_and_order():
    one = replace(split("v_1", "v_2", "b:v_10", "b:v_2", "b:v_1", videos=["v"] * 5), part=np.array([0, 0, 1, 1, 1]))
    assert [list(rows) for rows in rows_before(one, 1)] == [[], [0], [3], [4], []]


def test_a_card_says_what_the_order_is_known_by(home):
    assert describe_order(stored()) == "by clip_id, read as a number"
    numbered, named, single = split("v_1", "v_2"), split("v_a", "v_b"), split("v_1", "u_1")

    def order(*splits: Split) -> str | None:
        return describe_order(Dataset(stored().card, *splits))

    assert order(named, named, named) == "as it was imported"
    assert order(numbered, named, named) == "by clip_id, read as a number, in 1 of 3 videos; else as it was imported"
    assert order(single, single, single) is None


# how they are read


def test_both_segments_are_the_tokenizers_own_pair_format(home, encoder):
    data, tokenizer = read(encoder), load_tokenizer(encoder)
    batch = data.batch(range(5))
    pairs = [("w1 w2 w3", None), ("w4 w5", "w1 w2 w3"), ("w6 w7 w8 w9", "w4 w5"), ("w10", None), (None, None)]
    for row, (own, before) in enumerate(pairs):
        first = batch.text.values[row][batch.text.mask[row]].tolist()
        second = batch.context.values[row][batch.context.mask[row]].tolist()
        assert first == (tokenizer(own)["input_ids"] if own else [])
        assert first + second == (tokenizer(own, before)["input_ids"] if before else first)
    read_together = batch.text.mask.sum(dim=1) + batch.context.mask.sum(dim=1)
    assert data.lengths.tolist() == read_together.tolist()  # batches are grouped by what is read


def test_stored_ids_have_the_context_of_their_transcripts(home, encoder):
    from_text, from_ids = read(encoder).batch(range(5)), read(encoder, stored("ids", as_ids=encoder)).batch(range(5))
    for one, two in zip((*from_text.text, *from_text.context), (*from_ids.text, *from_ids.context), strict=True):
        assert torch.equal(one, two)


def test_the_utterance_is_kept_first_and_the_context_cut_from_its_far_end(home, encoder):
    """Row 2 says w6 w7 w8 w9 after w1 w2 w3 and w4 w5."""
    tokenizer = load_tokenizer(encoder)
    around = len(tokenizer("a", "b")["input_ids"]) - 2
    own = len(tokenizer("w6 w7 w8 w9")["input_ids"])
    dataset = stored()
    for room, expected in [(9, "w1 w2 w3 w4 w5"), (4, "w2 w3 w4 w5"), (1, "w5"), (0, "")]:
        found = read(encoder, dataset, context=3, max_tokens=4 + around + room).batch([2])
        assert int(found.text.mask.sum()) == own
        words = found.context.values[found.context.mask]
        assert tokenizer.decode(words, skip_special_tokens=True) == expected
    first, *words, last = tokenizer("w6 w7")["input_ids"]
    assert read(encoder, dataset, max_tokens=4).batch([2]).text.values.tolist() == [[first, *words, last]]


def test_without_context_all_is_as_it_was(home, encoder):
    plain, dataset = TextConfig(encoder=encoder), stored()
    assert (plain.context, plain.max_tokens) == (0, 50)
    for mode in ("tune", "frozen"):
        data = read(encoder, dataset, mode=mode, context=0)
        assert data.batch(range(5)).context is None
        assert data.features.text == ModalitySpec(
            kind="tokens" if mode == "tune" else "features",
            width=data.features.text.width,
            encoder=encoder,
            source="raw",
            max_tokens=40,
        )


# what an encoder makes of them


def test_the_encoder_reads_the_pair_and_gives_the_utterances_own_states(encoder):
    tokenizer, backbone = load_tokenizer(encoder), load_backbone(encoder)
    module = TextEncoder(ModalitySpec(kind="tokens", width=len(tokenizer), encoder=encoder)).eval()
    pairs = [("w1 w2", "w3 w4 w5"), ("w6 w7 w8", "w9"), ("w1", None)]
    own = [tokenizer(first)["input_ids"] for first, _ in pairs]
    both = [tokenizer(*pair)["input_ids"] if pair[1] else tokenizer(pair[0])["input_ids"] for pair in pairs]
    context = [whole[len(first) :] for whole, first in zip(both, own, strict=True)]
    with torch.no_grad():
        found = module(pad(*own, to=9), context=pad(*context, to=11)).values
        alone = module(pad(*own)).values
        for row, (first, second) in enumerate(pairs):
            given = tokenizer(first, second, return_tensors="pt") if second else tokenizer(first, return_tensors="pt")
            expected = backbone(**given).last_hidden_state[0, : len(own[row])]
            torch.testing.assert_close(found[row, : len(own[row])], expected, atol=1e-5, rtol=0)
            assert found[row, len(own[row]) :].abs().max() == 0
    assert found.shape == (3, 9, 32)  # the context has no step of its own
    assert (found[:2, :3] - alone[:2, :3]).abs().max() > 1e-3
    torch.testing.assert_close(found[2, :3], alone[2, :3], atol=1e-5, rtol=0)


def test_an_utterance_does_not_depend_on_the_others_nor_on_garbage(tmp_path):
    module = TextEncoder(ModalitySpec(kind="tokens", width=1157, encoder=str(tiny_bert(tmp_path / "tiny")))).eval()
    own, context = pad(ids(1, 2), [], ids(3, 4, 5, 6)), pad([60, 61, 3], [62, 3], [])
    dirty = context._replace(values=context.values.masked_fill(~context.mask, 10**9))
    with torch.no_grad():
        found = module(own, context=context).values
        assert torch.equal(found, module(own, context=dirty).values)
        assert found[1].abs().max() == 0  # no text, whatever was said before
        for row in (0, 2):
            steps = int(own.mask[row].sum())
            alone, before = (Sequence(part.values[[row]], part.mask[[row]]) for part in (own, context))
            one = module(alone, context=before).values
            torch.testing.assert_close(found[row, :steps], one[0, :steps], atol=1e-5, rtol=0)


def test_a_frozen_encoder_gives_the_states_of_one_that_is_tuned(home, encoder):
    dataset = stored()
    frozen, tuned = (read(encoder, dataset, mode=mode) for mode in ("frozen", "tune"))
    module = TextEncoder(tuned.features.text).eval()
    given, made = tuned.batch(range(5)), frozen.batch(range(5))
    with torch.no_grad():
        expected = module(given.text, context=given.context).values
    assert torch.equal(made.text.mask, given.text.mask)
    torch.testing.assert_close(made.text.values, expected, atol=1e-5, rtol=0)
    assert made.context is None


def test_context_is_part_of_the_key_that_states_are_kept_by(home, encoder):
    row, other = np.array(load_tokenizer(encoder)("w1 w2")["input_ids"], np.int32), np.array([60, 61], np.int32)
    kept = home / "cache" / "text"
    alone = encode_frozen(encoder, [row])
    encode_frozen(encoder, [row], context=[other[:0]])
    assert len(list(kept.glob("*/[!.]*"))) == 1  # no context, no other states
    first = encode_frozen(encoder, [row], context=[other])
    second = encode_frozen(encoder, [row], context=[other[::-1]])
    assert len(list(kept.glob("*/[!.]*"))) == 3
    (alone,), (first,), (second,) = rows_of(alone), rows_of(first), rows_of(second)
    assert alone.shape == first.shape == (4, 32)
    assert not np.array_equal(first, alone)
    assert not np.array_equal(first, second)
    longer = np.array(load_tokenizer(encoder)("w1 w2")["input_ids"] + [60], np.int32)
    encode_frozen(encoder, [longer], context=[other[1:]])  # the same ids, cut elsewhere
    assert len(list(kept.glob("*/[!.]*"))) == 4


# train batches


@pytest.mark.parametrize("mode", ["tune", "frozen"])
def test_context_dropout_reads_some_utterances_by_themselves(home, encoder, mode):
    dataset = stored()
    data, alone = read(encoder, dataset, mode=mode), read(encoder, dataset, mode=mode, context=0)
    rows, seen = np.arange(5), {True: 0, False: 0}

    def text(batch) -> torch.Tensor:
        return batch.text.values[1] if mode == "frozen" else batch.context.mask[1]

    def draw(share: float, step: int):
        config = DataConfig(text=TextConfig(encoder=encoder, context=2, context_dropout=share, mode=mode))
        return Augmentation(data, config, 3).batch(rows, 0, step, 0)

    whole = text(data.batch(rows))
    without = text(alone.batch(rows)) if mode == "frozen" else torch.zeros_like(whole)
    for step in range(60):
        found = text(draw(0.3, step))
        left_out = not torch.equal(found, whole)
        seen[left_out] += 1
        assert torch.equal(found, without[: len(found)] if left_out else whole) or mode == "tune"
        assert bool(found.any()) != left_out or mode == "frozen"
    assert 8 <= seen[True] <= 28
    assert torch.equal(text(draw(0.0, 0)), whole)
    again = [draw(0.3, 7) for _ in range(2)]
    assert torch.equal(text(again[0]), text(again[1]))


def test_context_dropout_leaves_other_draws_as_they_are(home, encoder):
    data = read(encoder)
    given = {"text": {"encoder": encoder, "context": 2}, "modality_dropout": 0.5}
    plain, dropped = (
        Augmentation(data, DataConfig.parse({**given, "text": {**given["text"], **more}}), 3)
        for more in ({}, {"context_dropout": 0.5})
    )
    for step in range(20):
        one, two = (each.batch(np.arange(5), 0, step, 0) for each in (plain, dropped))
        assert torch.equal(one.text.mask, two.text.mask)


# settings


def test_the_default_length_grows_with_the_utterances_that_are_read():
    assert TextConfig(context=2).max_tokens == 150
    assert TextConfig(context=2, max_tokens=60).max_tokens == 60
    assert TextConfig(context=30).max_tokens == 512
    assert TextConfig.parse(TextConfig(context=1).model_dump(), "settings").max_tokens == 100


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"encoder": None, "context": 1}, "context needs an encoder"),
        ({"source": "features", "context": 1}, "context needs an encoder"),
        ({"context_dropout": 0.2}, "context_dropout needs context"),
        ({"context": -1}, "at least 0"),
        ({"context": 1, "context_dropout": 1}, "below 1"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given, message):
    with pytest.raises(UserError, match=message):
        TextConfig.parse(given, "settings")


def test_stored_text_features_have_no_context_to_read(home, encoder: str) -> None:
    words = {"text": np.ones((2, 3), np.float32)}
    ids = [(part, f"{part}{n}") for part in ("train", "valid", "test") for n in range(2)]
    rows = [(part, Utterance(name, part, None, {"M": 0.5}, words)) for part, name in ids]
    made = write_dataset("glove", rows, DatasetInfo(title="t", source="s", target=TargetSpec(), protocol="intensity"))
    with pytest.raises(UserError, match="stored text features"):
        prepare(made.tuning(), DataConfig(text=TextConfig(encoder=encoder, context=1)))


def test_a_split_without_texts_has_no_context(home, encoder: str, tmp_path: Path) -> None:
    spec = read(encoder).features
    bare = split("v_1", "v_2")
    batch = PreparedSplit(bare, FeatureSpec(text=spec.text)).batch([0, 1])
    assert not batch.text.present.any()
    assert not batch.context.present.any()
