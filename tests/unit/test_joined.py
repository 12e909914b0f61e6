"""Several datasets as one to train on."""

import shlex
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from makers_store import store_at, utterance, write
from makers_text import tiny_bert
from makers_transfer import fit, words_and_voices
from sentiprism.data.joined import join_datasets, temperature_shares
from sentiprism.data.prepare import PreparedSplit, prepare
from sentiprism.data.ragged import Ragged
from sentiprism.data.store import load_dataset, load_tuning, verify_dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.cross_corpus import evaluate_on
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.reproduction.command import shortest_command
from sentiprism.training.config import RunConfig
from sentiprism.training.draws import check_draws, draw_shares
from sentiprism.training.train import resume, train
from sentiprism.types import TargetSpec


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """ "one" and "two" of 24 utterances with voices; "texts" of 9 without any, labelled from 0 to 10."""
    with store_at(tmp_path_factory.mktemp("home")) as home:
        tiny_bert(home / "tiny")
        words_and_voices("one")
        words_and_voices("two", seed=1)
        rows = [
            (
                split,
                utterance(
                    f"t{n}", video_id=f"own-{split}{n // 2}", text=f"w{n} w1", labels={"M": n + 1.0}, sequences={}
                ),
            )
            for n, split in enumerate(["train"] * 7 + ["valid", "test"])
        ]
        write(rows, "texts", TargetSpec(low=0, high=10))
    return home


@pytest.fixture(autouse=True)
def _home(store, monkeypatch):
    monkeypatch.setenv("SENTIPRISM_HOME", str(store))


def weights(run, seed=1111):
    return load_file(run.seed_folder(seed) / "model" / "weights.safetensors")


def test_the_trains_of_all_are_joined_and_the_first_ones_valid_and_test_stay():
    joined, one, texts = load_dataset("one,texts"), load_dataset("one"), load_dataset("texts")
    assert joined.name == "one+texts"
    assert len(joined.train) == len(one.train) + len(texts.train) == joined.card.splits["train"].utterances
    assert joined.valid.ids.tolist() == one.valid.ids.tolist()
    assert joined.test.ids.tolist() == one.test.ids.tolist()
    assert joined.train.texts == (*one.train.texts, *texts.train.texts)
    assert joined.train.ids[-1] == "texts:t6"
    assert joined.train.part.tolist() == [0] * len(one.train) + [1] * len(texts.train)
    np.testing.assert_array_equal(joined.train.labels["M"][: len(one.train)], one.train.labels["M"])
    np.testing.assert_allclose(joined.train.labels["M"][-7:], -3 + 0.6 * np.arange(1, 8), rtol=1e-6)
    assert joined.card.joined == (
        "one: 16 utterances of train; its valid selects, its test is evaluated",
        "texts: 7 utterances of train, labels mapped linearly from [0, 10] to [-3, 3]",
    )
    verify_dataset("one,texts")


def test_a_modality_that_one_of_them_lacks_is_masked_there(store):
    joined, one = load_dataset("one,texts"), load_dataset("one")
    run = RunConfig.parse(
        {"model": "lf_dnn", "dataset": "one,texts", "data": {"text": {"encoder": str(store / "tiny")}}}
    )
    features = prepare(joined, run.data)
    batch = PreparedSplit(joined.train, features).batch([0, 20])
    assert batch.audio.present.tolist() == [True, False]
    assert batch.text.present.tolist() == [True, True]
    np.testing.assert_array_equal(batch.audio.values[0].numpy(), one.train.sequences["audio"][0])
    assert joined.card.splits["train"].missing["audio"] == 7


def test_columns_are_joined_as_views_over_chunks():
    rng = np.random.default_rng(0)
    rows = [
        [rng.normal(size=(n, 3)).astype(np.float32) if n else None for n in lengths] for lengths in ([2, 0, 1], [4])
    ]
    parts = [Ragged.from_rows(one, 3) for one in rows]
    both = Ragged.joined(parts)
    assert both.lengths.tolist() == [2, 0, 1, 4]
    for found, wanted in zip(both, [*parts[0], *parts[1]], strict=True):
        np.testing.assert_array_equal(found, wanted)
    assert np.shares_memory(both[3], parts[1][0])
    assert both.subset(np.array([3, 0])).lengths.tolist() == [4, 2]


def test_what_the_first_one_is_measured_on_is_not_learned_from_another():
    one, two = load_dataset("one"), load_dataset("two")
    videos = two.train.video_ids.astype(object)
    videos[:4], videos[4:8] = one.test.video_ids[0], one.valid.video_ids[0]
    joined = join_datasets([one, replace(two, train=replace(two.train, video_ids=videos.astype(str)))])
    assert len(joined.train) == len(one.train) + len(two.train) - 8
    assert "; 8 utterances of videos in valid and test of one are left out" in joined.card.joined[1]


def test_a_dataset_that_has_nothing_to_add_is_refused():
    """Its share of the draws would be 0 to a power, of 0 utterances."""
    one, two = load_dataset("one"), load_dataset("two")
    videos = np.full(len(two.train), one.test.video_ids[0])
    with pytest.raises(UserError, match="every utterance of train of two is of a video in valid or test of one; leave"):
        join_datasets([one, replace(two, train=replace(two.train, video_ids=videos))])


def test_languages_that_differ_are_noted():
    one, two = load_dataset("one"), load_dataset("two")
    joined = join_datasets([one, replace(two, card=two.card.model_copy(update={"language": "zh"}))])
    assert joined.card.language == "en"
    assert joined.card.joined[1].endswith("; it is in Chinese, one in English: models are recorded with the latter")
    assert "English" not in join_datasets([one, two]).card.joined[1]


def test_the_encoder_and_the_vocabulary_are_those_of_whichever_has_some():
    """The first dataset has voices alone: what is known of the second one's text is known of both."""
    one, two = load_dataset("one"), load_dataset("two")
    one = replace(one, train=replace(one.train, texts=None))
    size = len(two.train)
    for key, known, rows, width in (
        ("token_ids", {"vocabulary": "bert-base-uncased"}, [np.arange(3)] * size, 0),
        ("text", {"text_encoder": "bert"}, [np.ones((2, 4), np.float32)] * size, 4),
    ):
        sequences = {**two.train.sequences, key: Ragged.from_rows(rows, width)}
        widths = {**two.card.widths, **({key: width} if width else {})}
        card = two.card.model_copy(update={**known, "widths": widths})
        other = replace(two, card=card, train=replace(two.train, texts=None, sequences=sequences))
        joined = join_datasets([one, other])
        (field,) = known
        assert getattr(joined.card, field) == known[field]
        assert joined.train.sequences[key].lengths.tolist()[len(one.train) :] == [len(rows[0])] * size
        assert joined.train.sequences[key].lengths.tolist()[: len(one.train)] == [0] * len(one.train)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"target": TargetSpec(kind="classes", classes=("a", "b"))},
            r"two has other labels than one: a, b, not \[-3, 3\]",
        ),
        ({"widths": {"audio": 9}}, "audio features differ: one has 5 per step, two 9"),
        ({"name": "one"}, "one,one names a dataset twice"),
    ],
)
def test_what_does_not_fit_is_refused(change, reason):
    one, two = load_dataset("one"), load_dataset("two")
    with pytest.raises(UserError, match=reason):
        join_datasets([one, replace(two, card=two.card.model_copy(update=change))])


def test_texts_have_a_form_in_common():
    one, two = load_dataset("one"), load_dataset("two")
    ids = Ragged.from_rows([np.arange(3)] * len(two.train), 0)
    other = replace(two, train=replace(two.train, texts=None, sequences={**two.train.sequences, "token_ids": ids}))
    with pytest.raises(UserError, match="no form of text in common"):
        join_datasets([one, other])


def test_a_temperature_draws_small_datasets_oftener():
    part = np.repeat([0, 1], [900, 100])
    for temperature, share in ((1, 0.1), (2, 100**0.5 / (900**0.5 + 100**0.5)), (1e6, 0.5)):
        shares = temperature_shares(part, temperature)
        assert shares.sum() == pytest.approx(1)
        assert shares[part == 1].sum() == pytest.approx(share, abs=1e-4)
    joined, base = load_dataset("one,texts"), {"model": "lf_dnn", "dataset": "one,texts"}
    config = RunConfig.parse({**base, "data": {"temperature": 2}})
    assert draw_shares(joined.train, joined.card.target, RunConfig.parse(base)) is None
    np.testing.assert_allclose(
        draw_shares(joined.train, joined.card.target, config), temperature_shares(joined.train.part, 2)
    )
    with pytest.raises(UserError, match=r"data\.temperature is for several datasets"):
        check_draws(load_dataset("one").train, config)
    balanced = RunConfig.parse({**base, "data": {"temperature": 2}, "optim": {"sampler": "balanced"}})
    with pytest.raises(UserError, match="both set how utterances are drawn"):
        check_draws(joined.train, balanced)


@pytest.mark.parametrize(
    ("data", "name"),
    [({"temperature": 2}, "data.temperature"), ({"text": {"context": 1, "context_dropout": 0.5}}, "data.text.")],
)
def test_a_closed_form_has_no_draws(store, tmp_path, data, name):
    text = {"encoder": str(store / "tiny"), "mode": "frozen", "max_tokens": 60, **data.get("text", {})}
    with pytest.raises(UserError, match=f"ridge is fitted in closed form, where {name}.* has no effect"):
        train("ridge", "one,two", settings={"data": {**data, "text": text}}, out=tmp_path / "run", device="cpu")
    assert not (tmp_path / "run").exists()


def test_a_run_on_two_is_measured_on_the_first_and_resumes(store, tmp_path):
    options = {"settings": {"data": {"temperature": 3}}}
    run = fit("one,texts", tmp_path / "run", store / "tiny", **options)
    both = fit("one,texts", tmp_path / "both", store / "tiny", seeds=2, settings={"data": {"temperature": 3}})
    alone = fit("one", tmp_path / "alone", store / "tiny")
    assert any(not torch.equal(weights(run)[name], tensor) for name, tensor in weights(alone).items())
    resume(run.folder, seeds=2, device="cpu", quiet=True)
    assert all(torch.equal(weights(run, 1112)[name], tensor) for name, tensor in weights(both, 1112).items())
    found = evaluate(run, device="cpu")
    assert found.dataset == "one+texts"
    assert found.predictions[0].ids.tolist() == load_dataset("one").test.ids.tolist()
    words = shlex.split(shortest_command(run.config))
    assert words[words.index("--dataset") + 1] == "one,texts"
    np.testing.assert_array_equal(evaluate_on(run, "one,texts", device="cpu").stacked, found.stacked)
    assert run.environment["dataset"]["name"] == "one+texts"


def test_a_run_is_evaluated_on_one_dataset(store, tmp_path):
    run = fit("one", tmp_path / "run", store / "tiny")
    with pytest.raises(UserError, match=r"^two,texts are several datasets; evaluate on one at a time$"):
        evaluate_on(run, "two,texts", device="cpu")


def test_folders_of_datasets_name_a_run_and_are_found_from_elsewhere(store, tmp_path, monkeypatch):
    monkeypatch.chdir(store / "datasets")
    run = fit("../datasets/one,../datasets/two", None, store / "tiny")
    assert run.name.startswith("lf_dnn-one+two-")
    assert run.config.dataset == f"{store / 'datasets' / 'one'},{store / 'datasets' / 'two'}"
    assert run.environment["dataset"]["name"] == "one+two"
    folder = run.folder.resolve()
    monkeypatch.chdir(tmp_path)
    assert resume(folder, seeds=2, device="cpu", quiet=True).finished == (1111, 1112)
    words = shlex.split(shortest_command(run.config))
    assert words[words.index("--dataset") + 1] == "one,two"


def test_a_search_takes_one_dataset():
    with pytest.raises(UserError, match="one,two are several datasets; search on the first of them"):
        load_tuning("one,two")
    with pytest.raises(UserError, match="no dataset is called 'tow'"):
        load_dataset("one,tow")
