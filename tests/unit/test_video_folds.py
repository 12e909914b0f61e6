"""A stored dataset in folds by video, and the trap of pooling them."""

from dataclasses import replace

import numpy as np
import pytest

from makers_store import utterance, write
from makers_text import tiny_bert
from makers_transfer import fit, words_and_voices
from sentiprism.data.joined import join_datasets
from sentiprism.data.names import parse_fold, without_fold
from sentiprism.data.store import load_dataset, load_tuning, verify_dataset
from sentiprism.errors import UserError
from sentiprism.evaluation.cross_corpus import describe_exposure
from sentiprism.evaluation.within import WITHIN, resample_within, within_videos
from sentiprism.reproduction.cross_validation import train_folds
from sentiprism.reproduction.folds import stem
from sentiprism.reproduction.results import gather, page
from sentiprism.training.config import RunConfig
from sentiprism.training.experiments import default_settings


def noise(name, *, videos=12, clips=25, seed=0):
    """Features that say nothing of the label, which is a video's own mean and as much again of each clip."""
    rng = np.random.default_rng(seed)
    rows = []
    for video, mean in enumerate(rng.normal(0, 1, videos)):
        for clip in range(clips):
            label = float(np.clip(mean + rng.normal(0, 1), -3, 3))
            fields = {"video_id": f"v{video}", "text": None, "labels": {"M": label}}
            sequences = {"audio": rng.normal(size=(3, 4)).astype(np.float32)}
            split = ("train", "valid", "test")[video % 3]
            rows.append((split, utterance(f"v{video}_{clip}", sequences=sequences, **fields)))
    return write(rows, name)


def test_names_of_folds():
    assert parse_fold("mosi@2of6") == ("mosi", "2/6")
    assert parse_fold("mosi") is None
    assert without_fold("mosi@12of100") == "mosi"
    assert stem("raw@2of6+mosi", 2) == "raw+mosi"
    assert stem("raw@12of20", 2) == "raw@12of20"
    assert default_settings("mdf", "mosi@1of6,other") == default_settings("mdf", "mosi") != {}
    config = RunConfig.parse({"model": "mdf", "dataset": "mosi@1of6"})
    assert describe_exposure(config, "mosi") == "mosi is one of its training datasets"


def test_every_utterance_of_whatever_split_is_tested_once_and_no_video_is_in_two(home):
    whole = noise("own", clips=3)
    tested = []
    for fold in (1, 2, 3, 4):
        data = load_dataset(f"own@{fold}of4")
        videos = [set(data.split(split).video_ids.tolist()) for split in ("train", "valid", "test")]
        assert sum(map(len, videos)) == len(set.union(*videos)) == 12
        tested += data.test.ids.tolist()
        assert (data.card.fold, data.card.splits["test"].utterances) == (f"{fold}/4", len(data.test))
        assert data.card.content != whole.card.content
    every = {str(one) for split in ("train", "valid", "test") for one in whole.split(split).ids}
    assert (len(tested), set(tested)) == (len(every), every)
    row = data.train.ids.tolist().index(whole.valid.ids[0]) if whole.valid.ids[0] in data.train.ids else None
    assert row is not None
    np.testing.assert_array_equal(data.train.sequences["audio"][row], whole.valid.sequences["audio"][0])
    assert data.train.labels["M"][row] == whole.valid.labels["M"][0]
    verify_dataset("own@1of4", test=False)


@pytest.mark.parametrize(("name", "message"), [("own@5of4", "there is no fold 5/4"), ("own@1of13", "13 folds of 12")])
def test_folds_that_are_not_there_are_refused(home, name, message):
    noise("own", clips=2)
    with pytest.raises(UserError, match=message):
        load_dataset(name)


def test_a_search_takes_no_fold(home):
    noise("own", clips=2)
    with pytest.raises(UserError, match="own@1of4 is a fold of a dataset; search on a dataset that was imported"):
        load_tuning("own@1of4")


def test_videos_left_out_are_not_learned_from_under_another_name_of_the_dataset(home):
    """The rest of the corpus beside a part of it that has voices: no utterance twice, none of a video left out."""
    noise("raw", videos=6, clips=2)
    rows = [
        (split, utterance(f"v{video}_{clip}", video_id=f"v{video}", text="some words", sequences={}))
        for split, videos in (("train", range(8)), ("valid", [8]), ("test", [9]))
        for video in videos
        for clip in range(3)
    ]
    write(rows, "texts")
    joined, alone = load_dataset("raw@1of3,texts"), load_dataset("raw@1of3")
    held = {*alone.test.video_ids.tolist(), *alone.valid.video_ids.tolist()}
    assert len(held) == 4
    assert not held & {*joined.train.video_ids.tolist()}
    plain = [str(one).removeprefix("texts:") for one in joined.train.ids]
    assert len(set(plain)) == len(plain) == 4 + 2 + 2 * 3  # raw's, clip 2 of its two videos, videos 6 and 7
    assert "8 utterances of train" in joined.card.joined[1]
    assert "; 12 utterances of videos in valid and test of raw@1of3 are left out" in joined.card.joined[1]
    assert "; 4 that train of raw@1of3 has too are left out" in joined.card.joined[1]
    assert joined.card.fold == "1/3"


def test_another_ones_utterances_of_the_same_name_in_another_video_are_kept(home):
    one, two = words_and_voices("one"), words_and_voices("two", seed=1)
    videos = np.char.add("x", two.train.video_ids.astype(str))
    same = replace(two, train=replace(two.train, ids=one.train.ids, video_ids=videos))
    assert len(join_datasets([one, same]).train) == len(one.train) + len(two.train)


def test_pooled_predictions_of_noise_are_anticorrelated_and_centred_ones_are_not(home, tmp_path):
    """The trap that folds by video lay for r: train's mean is the lower the higher that of the video left out."""
    noise("own")
    given = {"out": tmp_path / "runs", "device": "cpu", "quiet": True}
    (whole,) = train_folds("ridge", "own", 12, **given).values()
    trained = [(folder / "summary.json").stat().st_mtime_ns for folder in whole.folders]
    assert train_folds("ridge", "own", 12, **given) == {"whole": whole}
    assert [(folder / "summary.json").stat().st_mtime_ns for folder in whole.folders] == trained
    found = gather([tmp_path / "runs"], device="cpu").shown
    (one,) = found
    again = whole.evaluate()
    np.testing.assert_array_equal(again.stacked, one.evaluation.stacked)
    assert again.within[2:] == one.evaluation.within[2:]
    assert again.to_dict()["pearson_within_videos"]["mean"] == one.evaluation.within.mean
    assert one.evaluation.dataset == "own, 12 folds by video"
    assert one.evaluation.metrics["pearson"].mean < -0.2
    assert abs(one.evaluation.within.mean) < 0.12  # two standard deviations of r on 300 utterances
    assert np.isnan(one.evaluation.constant.metrics["pearson"].mean)
    assert one.command == "sentiprism train ridge --dataset own --seeds 1 --folds 12"
    text = page(found)
    assert "r within videos ↑" in text
    assert "below 0 for noise" in text


def test_r_within_videos_of_noise_is_zero_on_average_and_finds_what_is_there():
    rng = np.random.default_rng(0)
    videos = np.repeat(np.arange(12), 25)
    pooled, within = [], []
    for _ in range(200):
        label = rng.normal(0, 1, 12)[videos] + rng.normal(0, 1, 300)
        others = (label.sum() - np.bincount(videos, label)) / 275  # the mean of train when a video is left out
        prediction = others[videos] + rng.normal(0, 0.1, 300)
        pooled.append(np.corrcoef(prediction, label)[0, 1])
        within.append(within_videos(prediction, label, videos))
    assert np.mean(pooled) < -0.3
    assert abs(np.mean(within)) < 0.02  # five standard errors of the mean
    two = np.stack([others[videos] + rng.normal(size=12)[videos] + label, rng.normal(size=300)])
    found = resample_within(two, label, videos)
    assert found.values[WITHIN] == pytest.approx([1, within_videos(two[1], label, videos)])
    assert np.isnan(within_videos(others[videos], label, videos))


@pytest.mark.parametrize(("name", "count"), [("own@1of4", 4), ("own", 2)])
def test_what_cannot_be_split_into_folds_is_refused(home, name, count):
    with pytest.raises(UserError, match="give 3 or more of a whole dataset"):
        train_folds("ridge", name, count)


def test_a_run_on_a_fold_beside_texts_is_measured_on_the_fold(home, tmp_path):
    tiny_bert(home / "tiny")
    words_and_voices("one")
    words_and_voices("two", seed=1)
    run = fit("one@1of3,two", tmp_path / "run", home / "tiny")
    assert run.environment["dataset"]["fold"] == "1/3"
    assert run.config.dataset == "one@1of3,two"
    assert run.load_dataset(verify=False).test.ids.tolist() == load_dataset("one@1of3").test.ids.tolist()
