"""A level that valid is too small for is refused, a coarse one is said, and no calibration is lost by another."""

import json
import shutil

import numpy as np
import pytest

from sentiprism.errors import UserError
from sentiprism.evaluation.calibration import calibrate
from sentiprism.evaluation.predictions_file import read_predictions
from sentiprism.metrics.conformal import check_size, coverage_range, rank
from sentiprism.models import load_model
from sentiprism.training.run import Run


@pytest.fixture
def copied(trained, data, tmp_path) -> Run:
    return Run(shutil.copytree(trained.folder, tmp_path / "copied"))


def times(run):
    return {path: path.stat().st_mtime_ns for path in run.folder.rglob("*") if path.is_file()}


def level_of(run, seed=1111):
    calibration = load_model(run.seed_folder(seed) / "model").calibration
    return calibration and calibration.level


@pytest.mark.parametrize(
    ("count", "level", "scaled", "remedy"),
    [
        (9, 0.9, False, None),
        (8, 0.9, False, "a level of at most 0.88, or calibrate on at least 9 utterances"),
        (99, 0.99, False, None),
        (98, 0.99, False, "a level of at most 0.98, or calibrate on at least 99 utterances"),
        (17, 0.9, True, None),
        (16, 0.9, True, "a level of at most 0.88, or calibrate on at least 17 utterances"),
    ],
)
def test_the_number_of_utterances_bounds_the_level(count, level, scaled, remedy):
    if remedy is None:
        return check_size(count, level, scaled=scaled)
    with pytest.raises(UserError, match=remedy):
        check_size(count, level, scaled=scaled)
    return None


@pytest.mark.parametrize(("n", "level"), [(16, 0.9), (30, 0.8)])
def test_what_is_really_covered_varies_as_it_is_said(n, level):
    """Scores are uniform, so that the one of the rank is the share of new ones that it covers."""
    rng = np.random.default_rng(0)
    covered = [rank(rng.uniform(size=n), level) for _ in range(20_000)]
    assert coverage_range(n, level) == pytest.approx(tuple(np.quantile(covered, [0.05, 0.95])), abs=0.01)


def test_a_level_that_is_too_high_for_valid_is_refused_before_anything_is_written(copied):
    before = times(copied)
    with pytest.raises(UserError, match=r"16 held-out utterances are too few for a level of 0\.99; .* at most 0\.94"):
        calibrate(copied, level=0.99, device="cpu")
    assert times(copied) == before


def test_between_it_is_said_how_coarse_the_interval_is(copied):
    (said,) = calibrate(copied, store=False, device="cpu").remarks
    low, high = coverage_range(16, 0.9)
    assert said == (
        "with only 16 utterances, the true coverage is between "
        f"{100 * low:.0f}% and {100 * high:.0f}% in nine of ten cases, not exactly 90%"
    )


def test_a_calibration_is_not_overwritten_unless_asked_for(copied):
    calibrate(copied, level=0.8, device="cpu")
    before = times(copied)
    for given in ({"level": 0.9}, {"level": 0.8, "scaled": True}):
        with pytest.raises(UserError, match=r"is already calibrated, at a level of 0\.8, not .*`replace`"):
            calibrate(copied, **given, device="cpu")
    again = calibrate(copied, level=0.8, device="cpu")
    assert again.remarks[0] == "this calibration already exists: nothing was written"
    assert times(copied) == before
    assert level_of(copied) == 0.8
    replaced = calibrate(copied, level=0.9, replace=True, device="cpu")
    assert "already" not in " ".join(replaced.remarks)
    assert level_of(copied) == 0.9
    kept = read_predictions(copied.seed_folder(1111) / "predictions-test.parquet")
    assert np.array_equal(kept.bounds["low"], replaced.predictions[0].bounds["low"])


def test_a_seed_that_has_none_yet_gets_one_beside_the_others(copied):
    first = calibrate(copied, level=0.8, device="cpu")
    path = copied.seed_folder(1112) / "model" / "config.json"
    described = json.loads(path.read_text())
    del described["metadata"]["calibration"]
    path.write_text(json.dumps(described))
    other = (copied.seed_folder(1111) / "model" / "config.json").stat().st_mtime_ns
    assert calibrate(copied, level=0.8, device="cpu").calibrations == first.calibrations
    assert level_of(copied, 1112) == 0.8
    assert (copied.seed_folder(1111) / "model" / "config.json").stat().st_mtime_ns == other
