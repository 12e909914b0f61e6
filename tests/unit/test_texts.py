"""Texts without a recording: how long they may be, and when that is said."""

import pytest

from makers_analysis import features, saved_model
from sentiprism.analysis.batch import analyze_all
from sentiprism.analysis.inputs import AnalysisTask
from sentiprism.analysis.options import Options
from sentiprism.analysis.texts import MOST_WINDOWS, read_words, spaced
from sentiprism.analysis.time_line import windows
from sentiprism.errors import UserError

LIMIT = "the limit is 18,000, 2 h 0 min of reading; split it into shorter texts"


@pytest.fixture
def longest(tmp_path):
    path = tmp_path / "longest.txt"
    path.write_text("I like it. It is so.\n" * 3000)
    return path


def test_two_hours_of_reading_are_the_limit(longest):
    assert len(read_words(longest, Options()).segments) == 6000
    longest.write_text(longest.read_text() + "more\n")
    with pytest.raises(UserError, match=f"has 18,001 words, {LIMIT}"):
        read_words(longest, Options())


def test_a_text_with_times_may_last_two_hours(tmp_path):
    path = tmp_path / "said.srt"
    path.write_text("1\n00:00:01,000 --> 00:00:02,000\nyes\n\n2\n02:00:01,000 --> 02:00:02,000\nno\n")
    with pytest.raises(UserError, match="lasts 2:00:02, the limit is 2:00:00"):
        read_words(path, Options())


def test_a_text_that_is_too_long_is_refused_before_a_model_is_loaded(tmp_path, home):
    """Its weights are damaged, which nobody notices."""
    untrained = saved_model(tmp_path / "model", features(tmp_path / "text"))
    (untrained / "weights.safetensors").write_bytes(b"damaged")
    path = tmp_path / "long.txt"
    path.write_text("I like it very much.\n" * 100_000)
    task = AnalysisTask(path, tmp_path / "report")
    (outcome,) = analyze_all([task], Options(model=str(untrained)))
    assert outcome.reason == f"{path} has 500,000 words, {LIMIT}"


def test_the_windows_over_a_long_text_are_few(longest):
    options = Options()
    segments = read_words(longest, options).segments
    length = segments[-1].end
    assert len(windows(length, segments, spaced(options, length))) <= MOST_WINDOWS
    assert spaced(options, 60.0) == options


def test_a_table_of_texts_has_the_same_limit(tmp_path):
    table = tmp_path / "reviews.csv"
    table.write_text("text\n" + "I like it. It is so.\n" * 3001)
    with pytest.raises(UserError, match=r"has 18,006 words, the limit is 18,000"):
        read_words(table, Options())
