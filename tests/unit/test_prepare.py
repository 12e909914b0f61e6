"""Any source of text, padded and standardised batches, and a spec that is all another split needs."""

import numpy as np
import pytest
import torch

from makers_text import WORDS, tiny_bert
from sentiprism.data.config import DataConfig, TextConfig
from sentiprism.data.dataset import DatasetInfo, Utterance
from sentiprism.data.prepare import PreparedSplit, prepare
from sentiprism.data.ragged import Ragged
from sentiprism.data.store import write_dataset
from sentiprism.errors import UserError
from sentiprism.text.encoders import load_backbone, load_tokenizer, longest, vocabulary
from sentiprism.types import FeatureSpec, ModalitySpec, TargetSpec

CLS, SEP, W0 = 2, 3, 57
"""Ids of the tiny encoder; word ``wN`` is W0 + N."""
TEXTS = ["w1 w2 w3", None, "w4", "  ", "w5 w6 w7 w8 w9"]


@pytest.fixture(scope="module")
def encoder(tmp_path_factory):
    return str(tiny_bert(tmp_path_factory.mktemp("encoder") / "tiny"))


def ids_of(text):
    return [CLS, *(W0 + int(word[1:]) for word in text.split()), SEP]


def make(*, texts=True, ids=False, features=None, shift=0.0, target=None, name="small", **card):
    """Five utterances a split; audio is a known function of the row, vision is missing in row 1."""
    utterances = []
    for offset, split in enumerate(("train", "valid", "test")):
        rng = np.random.default_rng(offset)
        for row, text in enumerate(TEXTS):
            sequences = {"audio": rng.normal(offset * shift, 1, (row + 2, 3)).astype(np.float32)}
            if row != 1:
                sequences["vision"] = rng.normal(size=(9 - row, 4)).astype(np.float32)
            if text and text.strip() and ids:
                sequences["token_ids"] = np.array(ids_of(text), np.int32)
            if features and text:
                sequences["text"] = rng.normal(size=(2 + row, features)).astype(np.float32)
            labels = {"M": 1.0 if target else row / 2 - 1} | ({} if target else {"T": 0.5})
            words = text if texts else None
            utterances.append((split, Utterance(f"{split}{row}", f"{split}{row}", words, labels, sequences)))
    info = DatasetInfo(title="t", source="test", target=target or TargetSpec(), protocol="intensity", **card)
    return write_dataset(name, utterances, info, replace=True)


def settings(encoder, normalize="none", **text):
    return DataConfig(text=TextConfig(encoder=encoder, **text), normalize=normalize)


def prepared(dataset, config, split="test"):
    return PreparedSplit(dataset.split(split), prepare(dataset.tuning(), config))


def same(a, b):
    for one, two in zip(a[:3], b[:3], strict=True):
        assert torch.equal(one.values, two.values)
        assert torch.equal(one.mask, two.mask)
    assert a.labels.keys() == b.labels.keys()
    assert all(torch.equal(a.labels[k], b.labels[k]) for k in a.labels)
    assert torch.equal(a.index, b.index)


def test_transcripts_become_token_ids(home, encoder):
    dataset, config = make(), settings(encoder)
    spec = prepare(dataset.tuning(), config)
    assert (spec.text.kind, spec.text.encoder) == ("tokens", encoder)
    assert spec.text.width == len(load_tokenizer(encoder)) == W0 + WORDS
    assert (spec.audio.kind, spec.audio.width, spec.vision.width) == ("features", 3, 4)
    data = PreparedSplit(dataset.test, spec)
    batch = data.batch([2, 0, 1, 3])
    assert batch.text.values.dtype == torch.int64
    assert batch.text.values.tolist() == [[*ids_of("w4"), 0, 0], ids_of("w1 w2 w3"), [0] * 5, [0] * 5]
    assert batch.text.mask.sum(1).tolist() == [3, 5, 0, 0]
    assert batch.index.tolist() == [2, 0, 1, 3]
    assert batch.labels["M"].tolist() == [0.0, -1.0, -0.5, 0.5]
    assert batch.labels["M"].dtype == torch.float32
    assert batch.labels["T"].tolist() == [0.5] * 4
    assert batch.vision.present.tolist() == [True, True, False, True]
    assert data.lengths.tolist() == [5, 0, 3, 0, 7]
    assert len(data) == 5


def test_long_texts_are_cut_and_keep_their_final_separator(home, encoder):
    cut = [CLS, W0 + 5, W0 + 6, SEP]
    for dataset in (make(), make(texts=False, ids=True, vocabulary=vocabulary(encoder))):
        values = prepared(dataset, settings(encoder, max_tokens=4)).batch([4]).text.values
        assert values.tolist() == [cut]


def test_stored_ids_give_the_batches_of_their_transcripts(home, encoder):
    config = settings(encoder)
    from_text = prepared(make(), config).batch(range(5))
    from_ids = prepared(make(texts=False, ids=True, vocabulary=vocabulary(encoder)), config).batch(range(5))
    same(from_text, from_ids)
    assert from_ids.text.present.sum() == 3


def test_ids_of_another_vocabulary_give_way_to_stored_features_or_are_refused(home, encoder):
    foreign = {"texts": False, "ids": True, "vocabulary": "bert-base-chinese"}
    spec = prepare(make(features=6, text_encoder="bert-base-chinese", **foreign).tuning(), settings(encoder)).text
    assert (spec.kind, spec.width, spec.encoder) == ("features", 6, "bert-base-chinese")
    for dataset, source in [(make(**foreign), "auto"), (make(features=6, **foreign), "ids")]:
        with pytest.raises(UserError, match="bert-base-chinese"):
            prepare(dataset.tuning(), settings(encoder, source=source))


def test_an_encoder_that_is_not_there_is_no_reason_to_take_other_text(home, tmp_path):
    dataset = make(texts=False, ids=True, features=6, vocabulary="bert-base-uncased")
    with pytest.raises(UserError, match="nowhere"):
        prepare(dataset.tuning(), settings(str(tmp_path / "nowhere")))


def test_without_an_encoder_only_stored_features_count(home):
    assert prepare(make().tuning(), settings(None)).text is None
    dataset = make(features=6)
    batch = prepared(dataset, settings(None)).batch([0, 1])
    assert batch.text.values.shape == (2, 2, 6)
    assert torch.equal(batch.text.values[0], torch.tensor(dataset.test.sequences["text"][0]))
    assert batch.text.present.tolist() == [True, False]


def test_a_modality_the_dataset_lacks_is_empty_and_masked(home):
    batch = prepared(make(), settings(None)).batch([3, 1])
    assert batch.text.values.shape == (2, 1, 0)
    assert batch.text.mask.tolist() == [[False], [False]]
    with pytest.raises(UserError, match="no text features"):
        prepare(make().tuning(), settings(None, source="features"))


def test_frozen_hidden_states_are_those_of_the_encoder(home, encoder):
    config = settings(encoder, mode="frozen")
    dataset = make(features=6)
    spec = prepare(dataset.tuning(), config).text
    assert (spec.kind, spec.width, spec.encoder) == ("features", 32, encoder)
    data = prepared(dataset, config)
    batch = data.batch(range(5))
    assert batch.text.mask.sum(1).tolist() == [5, 0, 3, 0, 7]
    with torch.no_grad():
        states = load_backbone(encoder)(input_ids=torch.tensor([ids_of("w4")])).last_hidden_state[0]
    assert torch.allclose(batch.text.values[2, :3], states, atol=1e-5)
    assert (batch.text.values[2, 3:] == 0).all()
    assert data.lengths.tolist() == [9, 3, 7, 6, 7]  # the longest modality


def test_the_source_asked_for_is_taken(home, encoder):
    dataset = make(ids=True, features=32, vocabulary=vocabulary(encoder), text_encoder=encoder)
    stored = torch.tensor(dataset.test.sequences["text"][0])
    batch = prepared(dataset, settings(encoder, mode="frozen", source="features")).batch([0])
    assert torch.equal(batch.text.values[0], stored)
    for source in ("raw", "ids", "auto"):
        made = prepared(dataset, settings(encoder, mode="frozen", source=source)).batch([0])
        assert made.text.values.shape == (1, 5, 32)
        assert not torch.equal(made.text.values[0, :2], stored)


def test_the_spec_says_which_of_two_stored_forms_a_frozen_encoder_meant(home, encoder):
    card = {"vocabulary": vocabulary(encoder), "text_encoder": encoder}
    dataset = make(texts=False, ids=True, features=32, **card)
    stored = torch.tensor(dataset.test.sequences["text"][0])
    for source, taken in (("auto", "ids"), ("ids", "ids"), ("features", "features")):
        spec = prepare(dataset.tuning(), settings(encoder, mode="frozen", source=source, max_tokens=20))
        assert (spec.text.kind, spec.text.width, spec.text.source) == ("features", 32, taken)
        assert spec.text.max_tokens == (20 if taken == "ids" else None)
        values = PreparedSplit(dataset.test, spec).batch([0]).text.values[0]
        assert len(values) == (5 if taken == "ids" else len(stored))
        assert torch.equal(values[: len(stored)], stored) == (taken == "features")


def test_without_a_limit_texts_are_cut_where_the_encoder_ends(home, encoder):
    utterances = [(s, Utterance(s, s, "w1 " * 600, {"M": 0.0})) for s in ("train", "valid", "test")]
    dataset = write_dataset(
        "long", utterances, DatasetInfo(title="t", source="t", target=TargetSpec(), protocol="intensity")
    )
    spec = ModalitySpec(kind="tokens", width=W0 + WORDS, encoder=encoder)
    assert PreparedSplit(dataset.test, FeatureSpec(text=spec)).lengths.tolist() == [longest(encoder)]


def test_token_ids_are_never_made_of_features(encoder):
    assert ModalitySpec(kind="tokens", width=9, encoder=encoder).source == "raw"
    assert ModalitySpec(kind="features", width=9).source == "features"
    with pytest.raises(UserError, match="not from features"):
        ModalitySpec.parse({"kind": "tokens", "width": 9, "encoder": encoder, "source": "features"})


@pytest.mark.parametrize("text", [{}, {"mode": "frozen"}, {"source": "ids"}, {"source": "features"}])
def test_a_reloaded_spec_gives_the_same_batches(home, encoder, text):
    dataset = make(ids=True, features=6, vocabulary=vocabulary(encoder))
    config = settings(encoder, "train", **text)
    spec = prepare(dataset.tuning(), config)
    again = FeatureSpec.model_validate_json(spec.model_dump_json())
    assert again == spec
    for split in (dataset.train, dataset.test):
        same(PreparedSplit(split, spec).batch([4, 1, 0]), PreparedSplit(split, again).batch([4, 1, 0]))


def test_standardisation_uses_the_train_split_alone(home, encoder):
    dataset = make(shift=50.0, features=6)
    config = settings(None, "train")
    spec = prepare(dataset.tuning(), config)
    steps = np.concatenate([dataset.train.sequences["audio"][i] for i in range(5)]).astype(np.float64)
    assert spec.audio.mean == pytest.approx(steps.mean(0))
    assert spec.audio.std == pytest.approx(steps.std(0))
    assert spec.text.mean is not None
    batch = PreparedSplit(dataset.test, spec).batch([0, 1, 2])
    raw = torch.tensor(dataset.test.sequences["audio"][1])
    expected = (raw - torch.tensor(spec.audio.mean)) / torch.tensor(spec.audio.std)
    assert torch.allclose(batch.audio.values[1, :3], expected, rtol=1e-5)
    assert (batch.audio.values[~batch.audio.mask] == 0).all()
    train = PreparedSplit(dataset.train, spec).batch(range(5)).audio
    assert train.values[train.mask].mean(0).tolist() == pytest.approx([0] * 3, abs=1e-5)
    assert train.values[train.mask].std(0, correction=0).tolist() == pytest.approx([1] * 3, abs=1e-5)


def test_contextual_features_are_left_as_they_are(home, encoder):
    dataset = make(features=6, text_encoder="bert-base-uncased")
    spec = prepare(dataset.tuning(), settings(None, "train"))
    assert spec.text.mean is None
    assert spec.vision.mean is not None
    assert prepare(dataset.tuning(), settings(encoder, "train")).text.mean is None
    assert prepare(dataset.tuning(), settings(encoder, "none")).vision.mean is None


def test_prepare_never_sees_a_test_split(home, encoder):
    dataset, config = make(), settings(encoder, "train", mode="frozen")
    assert prepare(dataset.tuning(), config) == prepare(dataset, config)
    assert not hasattr(dataset.tuning(), "test")


def test_a_sample_does_not_depend_on_its_neighbours(home, encoder):
    data = prepared(make(), settings(encoder, "train"))
    alone, among = data.batch([2]), data.batch([4, 2, 0])
    for one, many in zip(alone[:3], among[:3], strict=True):
        steps = int(one.mask.sum())
        assert int(many.mask[1].sum()) == steps
        assert torch.equal(many.values[1, :steps], one.values[0, :steps])
        assert (many.values[1, steps:] == 0).all()


def test_classes_are_int64(home):
    target = TargetSpec(kind="classes", classes=("no", "yes"))
    labels = prepared(make(target=target), settings(None)).batch([0, 1]).labels
    assert labels["M"].dtype == torch.int64
    assert labels["M"].tolist() == [1, 1]


def test_what_is_there_is_named_and_may_be_taken_away(home, encoder):
    dataset = make()
    split = PreparedSplit(dataset.valid, prepare(dataset.tuning(), settings(encoder)))
    rest = ["text+audio+vision", "audio", "text+audio+vision", "audio+vision", "text+audio+vision"]
    assert split.present(("vision", "text", "audio")).tolist() == rest
    assert split.only(("text",)).present(("text", "audio", "vision")).tolist() == ["text", "", "text", "", "text"]


def test_a_modality_another_split_lacks_is_missing_there(home, encoder):
    dataset, config = make(), settings(encoder)
    spec = prepare(dataset.tuning(), config)
    bare = type(dataset.test)("test", dataset.test.ids, dataset.test.video_ids, None, dataset.test.labels, sequences={})
    batch = PreparedSplit(bare, spec).batch([0, 4])
    assert batch.audio.values.shape == (2, 1, 3)
    assert batch.text.values.shape == (2, 1)
    assert not any(sequence.mask.any() for sequence in batch[:3])


def test_other_widths_and_ids_off_the_vocabulary_are_refused(home, encoder):
    dataset, config = make(texts=False, ids=True, vocabulary=vocabulary(encoder)), settings(encoder)
    spec = prepare(dataset.tuning(), config)
    narrow = spec.model_copy(update={"audio": spec.audio.model_copy(update={"width": 2})})
    with pytest.raises(UserError, match=r"test: audio has 3 features per step.* 2"):
        PreparedSplit(dataset.test, narrow)
    dataset.test.sequences["token_ids"] = Ragged.from_rows([np.array([CLS, 9_999, SEP])] * 5, 0)
    with pytest.raises(UserError, match="9999"):
        PreparedSplit(dataset.test, spec)


def test_contradicting_settings_are_refused():
    for wrong in ({"encoder": None, "source": "raw"}, {"max_tokens": 2}, {"source": "audio"}):
        with pytest.raises(UserError):
            TextConfig.parse(wrong)


def test_a_modality_that_train_lacks_is_left_out(home, encoder):
    utterances = []
    for split in ("train", "valid", "test"):
        for row in range(3):
            sequences = {"audio": np.ones((2, 3), np.float32)}
            if split != "train":
                sequences["vision"] = np.ones((2, 4), np.float32)
            words = "  " if split == "train" else "w1"
            utterances.append((split, Utterance(f"{split}{row}", f"{split}{row}", words, {"M": 0.5}, sequences)))
    dataset = write_dataset(
        "late", utterances, DatasetInfo(title="t", source="test", target=TargetSpec(), protocol="intensity")
    )
    assert prepare(dataset.tuning(), settings(encoder)).present() == ("audio",)
