"""Agreement of raters: by hand, against other programs, and from a table."""

import json
from math import isnan
from pathlib import Path

import numpy as np
import pytest

from sentiprism.cli.agreement import LEVELS as OF_THE_COMMAND
from sentiprism.data.importers.ratings import read_ratings
from sentiprism.errors import UserError
from sentiprism.metrics.raters import (
    LEVELS,
    bland_altman,
    intraclass_correlation,
    krippendorff_alpha,
    measure_agreement,
)

RECORDED = json.loads((Path(__file__).parents[1] / "golden" / "agreement.json").read_text("utf-8"))
"""What pingouin and krippendorff compute; golden/make_agreement.py has recorded it."""
NAN = float("nan")


@pytest.mark.parametrize("name", RECORDED["tables"])
def test_it_is_what_other_programs_compute(name):
    theirs = RECORDED["tables"][name]
    ratings = np.array(theirs["ratings"], float)
    for level, alpha in theirs["alpha"].items():
        assert krippendorff_alpha(ratings, level) == pytest.approx(alpha, abs=1e-12)
    found = intraclass_correlation(ratings)
    for ours, given in ((found.single, theirs["single"]), (found.average, theirs["average"])):
        assert ours.value == pytest.approx(given[0], abs=1e-12)
        assert list(ours[1:]) == pytest.approx(given[1:], abs=2e-6), "pingouin rounds its bounds"
    pair = bland_altman(ratings[:, 0], ratings[:, 1])
    assert {key: getattr(pair, key) for key in theirs["bland_altman"]} == pytest.approx(theirs["bland_altman"])


def test_alpha_by_hand():
    # two raters, three utterances, ratings 1 1 | 1 2 | 2 2: of six ratings three are 1 and three are 2
    # D_o = 2/6 (one of three pairs differs, in both orders), D_e = 2*3*3/(6*5) = 0.6, alpha = 1 - (1/3)/0.6 = 4/9
    assert krippendorff_alpha([[1, 1], [1, 2], [2, 2]], "nominal") == pytest.approx(4 / 9)
    # the third rater has rated the first utterance alone; the fourth utterance has one rating, which is left out
    # D_o = 2/7, D_e = 2*4*3/(7*6) = 4/7, alpha = 1/2
    gaps = [[1, 1, 1], [1, 2, NAN], [2, 2, NAN], [9, NAN, NAN]]
    assert krippendorff_alpha(gaps, "interval") == pytest.approx(1 / 2)


def test_what_is_undefined_is_not_a_number():
    assert isnan(krippendorff_alpha([[1, NAN], [NAN, 2]])), "no utterance has two ratings"
    assert isnan(krippendorff_alpha([[2, 2], [2, 2]])), "all ratings are equal"
    for ratings in ([[2, 2], [2, 2]], [[1, 2]], [[1], [2]], [[1, NAN], [2, NAN]]):
        assert isnan(intraclass_correlation(ratings).single.value)
    assert isnan(bland_altman([1, NAN], [2, 3]).high), "one difference has no standard deviation"
    assert isnan(measure_agreement(np.empty((0, 2))).alpha)


def test_perfect_agreement_is_one_and_a_constant_shift_lowers_it():
    same = intraclass_correlation([[1, 1], [2, 2], [3, 3]])
    assert same.single == same.average == (1.0, 1.0, 1.0)
    # MS of utterances 2, of raters 6, residual 0; ICC(2,1) = 2/(2 + 2*6/3) = 1/3, ICC(2,k) = 2/(2 + 6/3) = 1/2
    shifted = intraclass_correlation([[1, 3], [2, 4], [3, 5]])
    assert (shifted.single.value, shifted.average.value) == pytest.approx((1 / 3, 1 / 2))


def test_limits_of_agreement_by_hand():
    pair = bland_altman([3, 2, NAN, 1], [1, 2, 5, -3])  # differences 2, 0, 4
    assert (pair.bias, pair.std) == (2, 2)
    assert (pair.low, pair.high) == pytest.approx((2 - 3.92, 2 + 3.92))
    assert pair.means.tolist() == [2, 2, -1]


def test_the_levels_of_the_command_are_those_of_the_library():
    assert OF_THE_COMMAND == LEVELS


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_a_table_is_read_by_pass_with_gaps(tmp_path):
    path = write(
        tmp_path / "r.csv", "id,pass,rater,value,comment\na,full,R1,1,\na,full,R2,,?\nb,full,R2,-0.5,\na,text,R1,2,\n"
    )
    read = read_ratings(path)
    assert read["full"].raters == ("R1", "R2")
    assert read["full"].utterances == ("a", "b")
    np.testing.assert_array_equal(read["full"].values, [[1, NAN], [NAN, -0.5]])
    assert read["text"].values.tolist() == [[2]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id,rater\na,b\n", "no column 'value'"),
        ("id,rater,value\na,R1,1\na,R1,2\n", "'R1' has rated 'a' twice"),
        ("id,rater,value\n", "no rows"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path, text, said):
    with pytest.raises(UserError, match=said):
        read_ratings(write(tmp_path / "r.csv", text))
