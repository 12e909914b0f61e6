"""Agreement of action units with other programs' tables: reading them, people left out, intervals over people."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from sentiprism.errors import UserError
from sentiprism.features.extractors.action_units import ActionUnits
from sentiprism.features.extractors.face import Face
from sentiprism.features.track import Track
from tools.faces import agreement
from tools.faces.agreement import Clip, compare
from tools.faces.fit import correlate, predict_left_out, within
from tools.faces.reference import read_table

OPENFACE = (
    "frame, timestamp, confidence, success, AU12_r, AU12_c\n1,0,0.98,1,0.5,0\n2,0.033,0.2,0,4,1\n3,0.067,0.98,1,1.5,1\n"
)
PYFACEAU = "frame,timestamp,success,AU12_r\n0,0.0,True,0.5\n1,0.033,False,4\n2,0.067,True,1.5\n"
PY_FEAT = (
    "FaceRectWidth,FaceRectHeight,AU12,AU43,frame\n"
    "10,10,0.9,0,0\n90,90,0.5,0.1,0\n,,,,1\n90,90,1.5,0.2,2\n10,10,0.9,0,2\n"  # two faces, none, two
)
PEOPLE = 6


@pytest.mark.parametrize("text", [OPENFACE, PYFACEAU, PY_FEAT], ids=["openface", "pyfaceau", "py-feat"])
def test_tables_of_other_programs(text: str, tmp_path: Path) -> None:
    (tmp_path / "clip.csv").write_text(text)
    found = read_table(tmp_path / "clip.csv", 30.0).at(np.array([0.01, 0.06, 0.2]))
    assert found["AU12"] == pytest.approx([0.5, 1.5, np.nan], nan_ok=True)
    assert set(found) == {"AU12", "AU43"} if text is PY_FEAT else {"AU12"}


def test_other_tables_are_refused(tmp_path: Path) -> None:
    (tmp_path / "clip.csv").write_text("frame,smile\n0,1\n")
    with pytest.raises(UserError, match="is not a table of action units"):
        read_table(tmp_path / "clip.csv", 30.0)
    (tmp_path / "clip.csv").write_text(PY_FEAT)
    with pytest.raises(UserError, match="is not a table of action units"):
        read_table(tmp_path / "clip.csv", None)
    (tmp_path / "clip.csv").write_text("timestamp,AU12_r\n0,much\n")
    with pytest.raises(UserError, match="not of numbers"):
        read_table(tmp_path / "clip.csv", 30.0)


@pytest.fixture(scope="module")
def clips() -> list[Clip]:
    """Six people; the reference's AU12 is our smile, AU15 another column, AU04 noise; each with an offset."""
    rng = np.random.default_rng(0)
    found = []
    for person in range(PEOPLE):
        face = rng.uniform(0, 0.6, (80, len(Face.recipe.columns))).astype(np.float32)
        units = ActionUnits().derive(Track(np.arange(80.0), face)).values
        ours = {f"AU{n}": units[:, ActionUnits.recipe.columns.index(f"AU{n}_r")] for n in ("04", "12", "15")}
        theirs = {
            "AU12": ours["AU12"] + rng.normal(0, 0.1, 80) + 3 * person,
            "AU15": 4.0 * face[:, Face.recipe.columns.index("mouth_shrug_upper")] + 3 * person,
            "AU04": rng.normal(0, 1, 80) + 3 * person,
            "AU24": rng.normal(0, 1, 80),  # not one of ours
        }
        theirs["AU12"][:5] = np.nan
        found.append(Clip(f"p{person}", face, {unit: np.float64(column) for unit, column in ours.items()}, theirs))
    return found


def test_fit_on_others_finds_what_the_map_lacks_and_nothing_in_noise(clips: list[Clip]) -> None:
    noise, smile, frown = compare(clips)
    assert (noise.unit, smile.unit, frown.unit) == ("AU04", "AU12", "AU15")
    assert (noise.count, smile.count) == (PEOPLE * 80, PEOPLE * 75)
    assert smile.within.r > 0.9
    assert smile.r.r < 0.5  # offsets of people hide it in r over all frames
    assert smile.within.low < smile.within.r < smile.within.high
    assert abs(frown.within.r) < 0.3
    assert frown.fitted.r > 0.95
    assert abs(noise.fitted.r) < 0.2
    assert abs(noise.within.r) < 0.2


def test_nothing_of_a_person_is_used_for_that_person(clips: list[Clip]) -> None:
    columns = np.concatenate([clip.face for clip in clips]).astype(np.float64)
    target = np.concatenate([clip.theirs["AU15"] for clip in clips])
    people = np.repeat([clip.person for clip in clips], 80)
    changed = np.where(people == "p2", np.random.default_rng(1).permutation(target), target)
    before, after = (predict_left_out(columns, one, people) for one in (target, changed))
    assert np.array_equal(before[people == "p2"], after[people == "p2"])
    assert not np.array_equal(before, after)
    assert np.isnan(predict_left_out(columns[:160], target[:160], people[:160])).all()  # two people are too few


def test_correlation_is_pearsons_over_people() -> None:
    rng = np.random.default_rng(2)
    people = np.repeat([f"p{n}" for n in range(20)], 10)
    one = rng.normal(0, 1, 200)
    other = one + rng.normal(0, 1, 200)
    found = correlate(one, other, people)
    assert found.r == pytest.approx(np.corrcoef(one, other)[0, 1])
    assert found.low < found.r < found.high
    assert str(correlate(one, np.zeros(200), people)) == "–"
    assert within(np.array([1.0, 3.0, 5.0]), np.array(["a", "a", "b"])).tolist() == [-1, 1, 0]


@pytest.mark.usefixtures("face_landmarker")
def test_command_on_a_real_clip(
    shared_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(shared_data / "clips/pyfeat_single_face.mp4", tmp_path / "man_1.mp4")
    monkeypatch.setattr(sys, "argv", ["agreement", str(tmp_path), "action_units"])
    assert agreement.main() == 0
    rows = {line.split(" | ")[0]: line for line in capsys.readouterr().out.splitlines()}
    assert rows["| AU12"] == "| AU12 | 24 | 1.00 | 1.00 | – |"
    monkeypatch.setattr(sys, "argv", ["agreement", str(tmp_path), "speech"])
    assert agreement.main() == 2
    assert "has no action unit" in capsys.readouterr().err
