"""A study's numbers, against values that are computed by hand."""

from math import isnan, sqrt

import numpy as np
import pytest

from makers_report import classified, nothing, reading, review
from makers_study import observation, summary
from sentiprism.errors import UserError
from sentiprism.report.measurements import csv_parts
from sentiprism.study.contrasts import independent_contrast, mean_curve, mean_interval, paired_contrast
from sentiprism.study.design import Observation, measures_of, natural
from sentiprism.study.study import compare_groups
from sentiprism.study.summary import bin_means, choose_step, coarsen, summarize
from sentiprism.study.tables import recording_table, second_rows, utterance_columns, utterance_rows


def test_a_bin_has_the_mean_of_what_is_said_in_it_by_time():
    found = bin_means([0, 3, 3], [2, 6, 4], [1.0, -1.0, 3.0], np.array([0.0, 2.0, 4.0, 8.0, 10.0]))
    assert found.seconds.tolist() == [2, 2, 2, 0]
    assert found.values[:3].tolist() == [1.0, 1.0, -1.0], "one second of each of two that speak at once"
    assert isnan(found.values[3]), "nobody speaks"


def test_a_summary_keeps_the_reports_numbers_and_its_curves():
    found = summarize(review(120.0))
    assert (found.mean, found.utterances, found.timed) == (review(120.0).summary.mean, 12, True)
    assert sum(found.shares.values()) == pytest.approx(1)
    assert (len(found.relative), found.step, len(found.absolute)) == (20, 5, 24)
    assert sum(found.spoken) == pytest.approx(found.speech)
    spoken = [v * s for v, s in zip(found.absolute, found.spoken, strict=True) if v is not None]
    assert sum(spoken) / sum(found.spoken) == pytest.approx(found.mean, abs=1e-3)
    assert summarize(nothing()).relative == ()
    assert (summarize(reading()).absolute, len(summarize(reading()).relative)) == ((), 20), "no real times"
    classes = summarize(classified())
    assert (classes.mean, classes.relative) == (None, ())
    assert set(classes.shares) == {"negative", "neutral", "positive"}


def test_bins_become_longer_without_losing_time():
    assert [choose_step(seconds) for seconds in (1, 60, 61, 300, 301, 3600, 36_000)] == [1, 1, 5, 5, 10, 60, 600]
    one = summary(1.0, step=1, absolute=(1.0, None, 4.0), spoken=(1.0, 0.0, 0.5))
    assert coarsen(one, 1)[[0, 2]].tolist() == [1.0, 4.0]
    assert coarsen(one, 5).tolist() == [2.0], "(1 · 1 + 4 · 0.5) / 1.5"


def test_an_interval_of_a_mean_is_that_of_resampled_units():
    values = np.repeat([0.0, 1.0], 50)
    mean, low, high = mean_interval(values)
    assert mean == 0.5
    assert (low, high) == pytest.approx((0.5 - 1.96 * 0.05, 0.5 + 1.96 * 0.05), abs=0.015), "standard error 0.05"
    few = mean_interval(values[45:54])
    assert few.mean == pytest.approx(4 / 9)
    assert isnan(few.low), "nine units are too few"
    assert isnan(mean_interval(np.array([])).mean)


def test_a_curve_counts_units_where_they_have_a_value():
    values = np.array([[1.0, np.nan], [3.0, np.nan]] * 6)
    values[:2, 1] = 5.0
    found = mean_curve(values)
    assert found.mean.tolist() == [2.0, 5.0]
    assert found.units.tolist() == [12, 2]
    assert found.low[0] < 2.0 < found.high[0]
    assert isnan(found.low[1])


def test_a_paired_difference_by_hand():
    a = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0])
    b = a - np.array([0.1, 0.3] * 5)
    found = paired_contrast(a, b)
    assert found.difference == pytest.approx(0.2)
    assert found.effect == pytest.approx(0.2 / sqrt(10 * 0.01 / 9))
    assert found.p == 2 / 1024, "of all signs, only these and their opposites are as far from zero"
    assert 0.1 < found.low < 0.2 < found.high < 0.3
    signs = paired_contrast(np.array([1.0, -1.0] * 5), np.zeros(10))
    assert (signs.difference, signs.effect, signs.p) == (0.0, 0.0, 1.0)
    alike = paired_contrast(a, a - 0.1)
    assert isnan(alike.effect), "without spread there is no standardised difference"
    many = paired_contrast(np.repeat(b, 5), np.repeat(a, 5))
    assert many.difference == pytest.approx(-0.2)
    assert many.p == pytest.approx(1 / 10_001), "none of the random signs is as far"


def test_a_difference_of_independent_groups_by_hand():
    a, b = np.arange(10.0), np.arange(10.0) + 2
    found = independent_contrast(b, a)
    deviation = sqrt(82.5 / 9)  # of both, so pooled too
    assert found.difference == 2.0
    assert found.effect == pytest.approx((1 - 3 / 71) * 2 / deviation)
    assert found.low < 0 < found.high
    assert found.p == pytest.approx(0.17, abs=0.03), "t = 1.477 with 18 degrees of freedom has p = 0.157"
    assert independent_contrast(a, a + 20).p < 0.001, "only 2 of 184,756 assignments are as far"
    assert independent_contrast(a, a).p == 1.0


def talks(count: int, *, shift: float = 0.5) -> list[Observation]:
    """Each person before and after, with an own level; after is higher."""
    found = []
    for n in range(count):
        for place, name in enumerate(("before", "after")):
            mean = 0.05 * n + shift * place + 0.01 * (n % 3)
            found.append(observation(f"{n} {name}", mean, person=f"p{n}", condition=name, group="ab"[n % 2]))
    return found


def test_the_same_persons_in_two_conditions_are_paired():
    found = compare_groups([*talks(12), observation("alone", 0.0, person="x", condition="before")], "condition")
    assert [group.name for group in found.groups] == ["after", "before"]
    assert [str(group.units) for group in found.groups] == ["12 persons", "13 persons"]
    (difference,) = found.differences
    assert difference.design == "paired"
    assert [str(one) for one in difference.units] == ["12 persons"] * 2
    assert difference.left_out == 1
    assert difference.contrast.difference == pytest.approx(0.5)
    assert difference.holm == difference.contrast.p == 2 / 4096


def test_different_persons_are_independent_and_a_person_counts_once():
    found = compare_groups(talks(24), "group")
    (difference,) = found.differences
    assert difference.design == "independent"
    assert [str(one) for one in difference.units] == ["12 persons"] * 2
    first = found.groups[0]
    assert (first.recordings, len(first.values)) == (24, 12)
    assert first.values[0] == pytest.approx(0.25), "the mean of before and after"
    assert any("Each person counts once" in note for note in found.notes)


def test_p_values_are_corrected_for_all_pairs():
    three = [
        observation(f"{n}{g}", n / 10 + s, group=g) for n in range(12) for g, s in (("a", 0), ("b", 0.1), ("c", 3))
    ]
    found = compare_groups(three, "group")
    p = [one.contrast.p for one in found.differences]
    assert [(one.a, one.b) for one in found.differences] == [("a", "b"), ("a", "c"), ("b", "c")]
    assert found.differences[0].holm == p[0]
    assert found.differences[1].holm == pytest.approx(3 * p[1])
    assert found.differences[2].holm == pytest.approx(3 * p[2])
    assert any("treated as independent" in note for note in found.notes)


@pytest.mark.parametrize(
    ("observations", "by", "reason"),
    [
        (talks(9), "condition", "9 persons in both: too few for a paired test (10 are needed)"),
        (talks(18), "group", "9 persons in one group: too few for a test"),
        ([observation(str(n), 1.0, group="ab"[n % 2]) for n in range(18)], "group", "9 recordings in one group"),
    ],
)
def test_too_few_is_said_instead_of_a_number(observations, by, reason):
    (difference,) = compare_groups(observations, by).differences
    assert difference.contrast is None
    assert isnan(difference.holm)
    assert difference.reason.startswith(reason)


def test_what_cannot_be_compared_is_left_out_and_said():
    others = [Observation("x", {"group": "a"}, summary(1.0, model="another")), observation("silent", None, group="a")]
    found = compare_groups([*talks(3), *others, observation("y", 1.0)], "group")
    assert found.recordings == 6
    assert [note.partition(":")[0] for note in found.notes[:3]] == [
        "1 recording analysed with another model",
        "1 recording without an utterance",
        "1 recording without a value of group",
    ]
    many = [observation(str(n), 1.0, group=f"g{n}") for n in range(7)]
    assert compare_groups(many, "group").differences == ()
    with pytest.raises(UserError, match="group has 51 values"):
        compare_groups([observation(str(n), 1.0, group=f"g{n}") for n in range(51)], "group")
    with pytest.raises(UserError, match="no recording has an analysed utterance"):
        compare_groups([])
    with pytest.raises(UserError, match="'x' is not a measure"):
        compare_groups(talks(2), measure="x")


def test_all_recordings_together_and_shares_of_the_time():
    found = compare_groups(talks(6), measure="share of positive")
    assert [(group.name, group.recordings, group.mean.mean) for group in found.groups] == [("", 12, 0.75)]
    assert found.middle == 0.0
    assert found.differences == ()
    assert measures_of(talks(1))[0] == "sentiment"
    assert sorted(["session 10", "session 2", "Session 1", "²"], key=natural) == [
        "Session 1",
        "session 2",
        "session 10",
        "²",
    ]


def test_texts_alone_are_compared_without_a_curve_over_seconds():
    texts = [Observation(str(n), {"group": "ab"[n % 2]}, summary(0.1 * n, absolute=())) for n in range(8)]
    found = compare_groups(texts, "group")
    assert [group.recordings for group in found.groups] == [4, 4]
    assert found.groups[0].mean.mean == pytest.approx(0.3)


def test_tables_are_tidy_and_hold_no_formula():
    rows = [("=1+1", {"group": "@x"}, summary(0.5)), ("b", {}, None)]
    columns, body = recording_table(rows, ["group", "-free"])
    made = "".join(csv_parts(columns, [body]))
    assert made.splitlines() == [
        "recording,group,'-free,model,duration,utterances,speech,firm,sentiment,share_negative,share_neutral,share_positive",
        "'=1+1,'@x,,starter: from −3 (most negative) to +3 (most positive),20.0,4,20.0,1.0,0.5,0.0,0.25,0.75",
        "b,,,,,,,,,,,",
    ]
    columns = utterance_columns(review())
    body = utterance_rows("talk", {"group": "a"}, ["group"], review(), columns)
    assert len(body) == 12
    assert dict(zip(["recording", "group", *columns], body[1], strict=True))["text"] == review().utterances[1].text
    other = utterance_rows("talk", {}, [], classified(), columns)
    assert other[0][1 + columns.index("value")] is None, "a model of classes has no value"
    seconds = list(second_rows("talk", {"group": "a"}, ["group"], review(12.5)))
    assert len(seconds) == 13
    assert seconds[0][:3] == ["talk", "a", 0]
    assert list(second_rows("talk", {}, [], classified())) == []
    assert "".join(csv_parts(["x", "y"], [[["a", 1]], [], [["b", 2]]])) == "x,y\na,1\nb,2\n", "no line of nothing"
