"""Of fewer than ten videos nothing is claimed: no p-value, no mark, and a footnote says so wherever one would stand."""

import csv
import io
import json
import shutil
from math import isnan

import numpy as np
import pytest

from makers_ablation import measure, paper
from sentiprism.cli.evidence import compare as compare_command
from sentiprism.cli.evidence import robustness as robustness_command
from sentiprism.cli.run import measured
from sentiprism.evaluation.bootstrap import mixed, resample
from sentiprism.evaluation.compare import compare
from sentiprism.evaluation.constant import is_better
from sentiprism.evaluation.differences import pair_scores, paired
from sentiprism.evaluation.evaluate import evaluate
from sentiprism.evaluation.resampling import units_of
from sentiprism.evaluation.robustness import robustness
from sentiprism.evaluation.robustness_curves import kept
from sentiprism.metrics import protocol
from sentiprism.reproduction.results import gather, page
from sentiprism.tables import jsonable
from sentiprism.training.run import Run

__all__ = ["measure", "paper"]

FOUR = "too few videos (4) to test whether a model is better than the constant predictor or another model"
INTENSITY = protocol("intensity")


@pytest.fixture
def two(trained, data, tmp_path) -> tuple[Run, Run]:
    """A run on a dataset with four videos in test, and a copy of it that a test may write to."""
    return trained, Run(shutil.copytree(trained.folder, tmp_path / "runs" / "again"))


def plain(text: str) -> str:
    """Captions, however they are wrapped."""
    return " ".join(text.split())


# what is drawn


def test_units_are_videos_or_utterances_where_videos_say_nothing():
    for videos, expected in (
        (None, (12, "utterances")),
        (np.repeat([f"v{i}" for i in range(4)], 3), (4, "videos")),
        (np.array([f"v{i}" for i in range(12)]), (12, "utterances")),
        (np.array(["v"] * 12), (1, "videos")),
    ):
        assert units_of(videos, 12) == expected
    assert [units_of(None, count).too_few for count in (9, 10)] == ["utterances (9)", ""]


@pytest.mark.parametrize(("videos", "told"), [(9, False), (10, True)])
def test_p_is_defined_from_ten_videos_on(videos, told):
    video = np.repeat([f"v{i}" for i in range(videos)], 6)
    label = np.random.default_rng(0).normal(0, 1, len(video))
    found = paired(label, -label, label, INTENSITY, videos=video, resamples=200)
    assert all(isnan(one.p) is isnan(one.holm) is (not told) for one in found.values())
    assert is_better(found["mae"], INTENSITY) is (True if told else None)
    assert found["mae"].high < 0
    assert found["mae"].cells()[2] == ("p = 0.010" if told else "p = –")


def test_utterances_count_where_videos_are_not_known():
    label = np.linspace(-3, 3, 9)
    assert isnan(paired(label, -label, label, INTENSITY, resamples=50)["mae"].p)
    label = np.linspace(-3, 3, 10)
    assert paired(label, -label, label, INTENSITY, resamples=50)["mae"].p < 0.1


def test_a_mean_of_metrics_is_over_as_few_videos():
    label, video = np.linspace(-3, 3, 20), np.repeat(list("abcd"), 5)
    drawn = [resample(one, label, INTENSITY, videos=video, resamples=20) for one in (label, -label)]
    assert isnan(pair_scores(mixed(drawn, [0.5, 0.5]), drawn[1])["mae"].p)


# wherever a claim would stand


def test_evaluate_does_not_know_whether_it_is_better(two):
    found = evaluate(two[0], device="cpu")
    assert found.constant.better is None
    assert found.mark == ""
    told = jsonable(found.to_dict())["constant"]
    assert told["better"] is told["difference"]["p"] is told["difference"]["holm"] is None


def test_the_report_of_a_training_says_of_which_split(two, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    measured(two[0], "cpu")
    shown = capsys.readouterr().out
    for split in ("valid", "test"):
        assert FOUR.replace("(4)", f"(4) of {split}") in plain(shown)
    assert "‡" not in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_a_comparison_has_no_p_in_any_format(two, capsys):
    found = compare(two, device="cpu")
    assert found.tests == 0
    for form in ("markdown", "html", "latex"):
        text = found.render(form)
        assert FOUR in text
        assert "‡" not in text
        assert "ddagger" not in text
        assert "tests, Holm" not in text
        assert "p = –" in text or "p = --" in text
    *_, last = csv.DictReader(io.StringIO(found.render("csv")))
    assert (last["p"], last["p_holm"], last["better_than_constant"]) == ("", "", "")
    assert last["difference"] != ""
    compare_command([one.folder for one in two], device="cpu")
    shown = plain(capsys.readouterr().out)
    assert FOUR in shown
    assert "p = –" in shown
    for claim in ("Holm: p corrected", "interval and p by", "‡"):
        assert claim not in shown


def test_many_videos_have_all_of_it(trained_many, many, tmp_path, capsys):
    copy = shutil.copytree(trained_many.folder, tmp_path / "copy")
    compare_command([trained_many.folder, copy], device="cpu")
    shown = plain(capsys.readouterr().out)
    assert "95% interval and p by paired bootstrap over the same 12 videos" in shown
    assert "p corrected over all metrics and runs of this table (8 tests, Holm)" in shown
    assert "too few videos" not in shown


def test_the_page_of_results_says_so_below_each_table(two):
    folders = [two[0].folder, two[1].folder]
    found = gather(folders, reference="mdf", device="cpu").shown
    text = page(found)
    assert f"- {FOUR}: no mark, no p-value" in text
    assert "‡" not in text


def test_a_published_table_says_so(measure, data):
    found = measure()
    assert found.names()[1:] == [line.row.name for line in found.lines]
    assert any(FOUR in remark for remark in found.remarks())
    (told,) = {json.dumps(row["measured"]["constant"]["better"]) for row in found.to_dict()["rows"] if row["measured"]}
    assert told == "null"


def test_damage_says_so(two, tmp_path, capsys):
    run = two[1]
    robustness_command(run.folder, kinds=["missing"], count=2, device="cpu")
    shown = plain(capsys.readouterr().out)
    assert FOUR in shown
    assert "‡" not in shown
    for curve in kept(run).curves:
        assert curve.better == (None, None, None)
        assert curve.too_few == "videos (4)"
    assert FOUR in page(gather([run.folder], device="cpu").shown)


def test_what_an_earlier_version_claimed_of_few_videos_is_not_repeated(two):
    run = two[1]
    robustness(run, kinds=["missing"], modalities=["text"], points=2, device="cpu")
    path = run.folder / "robustness-test.json"
    told = json.loads(path.read_text())
    for curve in told["curves"]:
        curve["better"] = [True, False, False]
        del curve["too_few"], curve["seed"]
    path.write_text(json.dumps(told))
    old = kept(run)
    assert old.curves[0].better == (None, None, None)
    assert "‡" not in old.curves[0].cells(-1, "mae", 1)[0]
    assert any(FOUR in note for note in old.notes())
