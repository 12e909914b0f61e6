"""Whole videos are drawn where they are known: utterances of one video resemble each other."""

import shutil

import numpy as np
import pyarrow.parquet as pq
import pytest

from makers_metrics import interval
from sentiprism.evaluation.bootstrap import extreme_share
from sentiprism.evaluation.calibration import _coverage
from sentiprism.evaluation.compare import compare
from sentiprism.evaluation.differences import paired
from sentiprism.evaluation.evaluate import evaluate, load_evaluation
from sentiprism.evaluation.resampling import drawn_over, drawn_videos, draws
from sentiprism.evaluation.robustness import robustness
from sentiprism.metrics import protocol
from sentiprism.metrics.conformal import Calibration
from sentiprism.training.run import Run
from sentiprism.types import TargetSpec

INTENSITY = protocol("intensity")
FOUR = "4 videos (too few for a reliable interval)"


def sample(rng, videos=20, each=8, shared=1.0):
    """Labels, and predictions whose errors have a part that a video's utterances share."""
    video = np.repeat([f"v{i:02d}" for i in range(videos)], each)
    label = rng.normal(0, 1, videos * each)
    error = np.repeat(rng.normal(0, shared, videos), each) + rng.normal(0, 0.3, videos * each)
    return label + error, label, video


def test_a_video_is_drawn_with_all_its_utterances():
    video = np.array(["b", "a", "b", "c", "a", "b"])
    weights = np.concatenate(list(draws(6, 200, 0, video)))
    for name in "abc":
        assert (weights[:, video == name] == weights[:, video == name][:, :1]).all()
    first = weights[:, [1, 0, 3]]  # one utterance of each of a, b and c
    assert (first.sum(axis=1) == 3).all()
    assert len(np.unique(weights.sum(axis=1))) > 1  # videos differ in length


@pytest.mark.parametrize("video", [None, ["a"] * 5, list("abcde")], ids=["unknown", "one", "one each"])
def test_utterances_are_drawn_where_videos_say_nothing(video):
    video = None if video is None else np.array(video)
    assert drawn_videos(video) is None
    assert np.array_equal(next(draws(5, 9, 3, video)), next(draws(5, 9, 3)))


def test_captions_say_over_what_an_interval_is_and_when_that_is_few():
    few, rough = " (too few for a reliable interval)", " (few: intervals are rough)"
    assert drawn_over(None) == "utterances, whose videos are not known"
    assert drawn_over(np.array(["a"] * 5)) == "the utterances of one video"
    assert drawn_over(np.array(list("abcde"))) == f"utterances{few}"
    for count, said in ((2, few), (9, few), (10, rough), (29, rough), (30, "")):
        videos = np.repeat([f"v{i}" for i in range(count)], 2)
        assert drawn_over(videos) == f"{count} videos{said}"


def test_the_interval_is_the_percentiles_of_drawn_videos():
    rng = np.random.default_rng(0)
    prediction, label, video = sample(rng, videos=6, each=5)
    found = interval(prediction, label, INTENSITY, videos=video, resamples=60, level=0.8, seed=4)
    names, values = np.unique(video), []
    for row in np.random.default_rng(4).integers(6, size=(60, 6)):  # the loop the weights stand for
        index = np.concatenate([np.flatnonzero(video == names[number]) for number in row])
        values.append(INTENSITY.compute(prediction[index], label[index])["mae"])
    assert (found["mae"].low, found["mae"].high) == pytest.approx(tuple(np.quantile(values, [0.1, 0.9])))


def test_intervals_over_videos_cover_the_truth_where_those_over_utterances_do_not():
    rng, covered, trials = np.random.default_rng(1), np.zeros(2), 200
    truth = np.mean(np.abs(rng.normal(0, np.sqrt(1 + 0.09), 2_000_000)))
    for trial in range(trials):
        prediction, label, video = sample(rng, videos=40, each=6)
        for i, given in enumerate((video, None)):
            found = interval(prediction, label, protocol("range"), videos=given, resamples=200, seed=trial)["mae"]
            covered[i] += found.low <= truth <= found.high
    assert 0.88 <= covered[0] / trials <= 0.99
    assert covered[1] / trials < 0.75


def test_paired_differences_are_over_videos_too():
    prediction, label, video = sample(np.random.default_rng(2))
    other = prediction + np.repeat(np.random.default_rng(3).normal(0, 0.2, 20), 8)
    one, two = (paired(prediction, other, label, INTENSITY, videos=given)["mae"] for given in (video, None))
    assert one.mean == two.mean
    assert one.high - one.low > 1.5 * (two.high - two.low)


def test_evaluation_draws_the_videos_of_the_split_and_says_so(trained, data):
    found = evaluate(trained, device="cpu")
    stacked, label = found.stacked, data.test.labels["M"]
    everything = INTENSITY.extended()
    assert found.metrics == interval(stacked, label, everything, videos=data.test.video_ids)
    assert found.metrics != interval(stacked, label, everything)
    assert found.drawn_over == found.to_dict()["interval_over"] == FOUR
    assert "over 4 videos" in compare([trained], device="cpu").render("markdown")
    curve = robustness(trained, kinds=["missing"], modalities=["text"], points=2, device="cpu")
    (trained.folder / "robustness-test.json").unlink()
    assert curve.drawn_over == FOUR
    assert tuple(curve.curves[0].points[0]["mae"]) == pytest.approx(tuple(found.metrics["mae"]))


def test_predictions_of_an_earlier_version_get_their_videos_from_the_dataset(trained, data, tmp_path, monkeypatch):
    run = Run(shutil.copytree(trained.folder, tmp_path / "copied"))
    new = evaluate(run, device="cpu")
    for seed in run.finished:
        path = run.seed_folder(seed) / "predictions-test.parquet"
        table = pq.read_table(path)
        assert table["video"].to_pylist() == list(map(str, data.test.video_ids))
        pq.write_table(table.drop_columns(["video"]), path)
    assert load_evaluation(run, device="cpu").metrics == new.metrics
    monkeypatch.setenv("SENTIPRISM_HOME", str(tmp_path / "elsewhere"))  # and where it is not here, by utterance
    alone = load_evaluation(run, device="cpu")
    assert alone.drawn_over == "utterances, whose videos are not known"
    assert alone.metrics["mae"].mean == new.metrics["mae"].mean
    assert alone.metrics != new.metrics


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_of_0_or_100_percent_has_an_interval(share):
    low, high = extreme_share(np.full(2, share), 10)
    open_end = 0.05 ** (1 / 10)
    assert (low, high) == pytest.approx((open_end, 1) if share else (0, 1 - open_end))
    assert extreme_share(np.array([share, 0.5]), 10) is None
    assert extreme_share(np.full(2, share), 0) is None


def test_the_coverage_of_utterances_that_are_all_covered_is_not_certain():
    wide = Calibration.fit(np.array([-9.0, 9.0] * 20), np.zeros(40), TargetSpec(), level=0.9)
    label, videos = np.zeros(12), np.repeat(list("abcd"), 3)
    rows = {"all": np.ones(12, bool)}
    found = _coverage({1: wide}, {1: (label, label, None)}, rows, videos)["all"].coverage
    assert found.mean == 1
    assert (found.low, found.high) == pytest.approx((0.05 ** (1 / 4), 1))
    alone = _coverage({1: wide}, {1: (label, label, None)}, rows, None)["all"].coverage
    assert alone.low == pytest.approx(0.05 ** (1 / 12))
