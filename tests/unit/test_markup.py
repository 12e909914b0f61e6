"""How numbers and times are written: one way for the page, the terminal and the tables."""

import pytest

from sentiprism.cli.terminal_summary import format_estimate
from sentiprism.report.schema import Estimate, ModelFacts
from sentiprism.report.wording import signed as on_the_page
from sentiprism.tables import clock, duration, signed
from sentiprism.types import TargetSpec


def test_what_rounds_to_zero_has_no_sign():
    assert [signed(value) for value in (-0.0, -0.004, 0.004, -0.006, 1.5)] == ["0.00", "0.00", "0.00", "-0.01", "+1.50"]
    assert signed(-0.04, 1) == "0.0"
    assert on_the_page(-0.004) == "0.00"
    assert on_the_page(-1.5) == "\u22121.50"
    estimate = Estimate(value=-0.001, low=-0.04, high=0.9)
    assert format_estimate(estimate, ModelFacts(name="m", model="m", target=TargetSpec())) == "0.00 [0.0, +0.9]"


@pytest.mark.parametrize(
    ("seconds", "time", "length"),
    [
        (0.0, "0:00", "0.0 s"),
        (59.6, "0:59", "59.6 s"),
        (59.96, "0:59", "59.9 s"),
        (59.9997, "1:00", "1 min 0 s"),
        (119.7, "1:59", "1 min 59 s"),
        (3599.9, "59:59", "59 min 59 s"),
        (3723.0, "1:02:03", "1 h 2 min"),
    ],
)
def test_a_time_and_a_length_are_cut_off_alike(seconds, time, length):
    assert clock(seconds) == time
    assert duration(seconds) == length
