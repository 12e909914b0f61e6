"""The dataset of the second starter: each utterance has what it really has, and folds leave videos out."""

from pathlib import Path

import numpy as np
import pytest

from sentiprism.data.dataset import Dataset, DatasetInfo, Utterance
from sentiprism.data.store import write_dataset
from sentiprism.errors import UserError
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.features.track import Track
from sentiprism.types import TargetSpec
from tools.starter.dataset import FACE
from tools.starter.trimodal import build, left_out

WHISPER, FACES, UNITS = (EXTRACTORS[name].recipe for name in ("whisper", "face", "action_units"))
VIDEOS = ("a", "b", "c")


def recorded(name: str, rows: list[tuple[str, str, str]], vision) -> Dataset:
    """A stored dataset of (split, id, video) with random voices and faces."""
    draw = np.random.default_rng(0)

    def made():
        for split, own, video in rows:
            sequences = {"audio": draw.normal(size=(4, 512)), "vision": draw.random((3, len(vision.columns)))}
            floats = {key: value.astype(np.float32) for key, value in sequences.items()}
            yield split, Utterance(own, video, None, {"M": 1.0}, floats)

    info = DatasetInfo(
        title="t",
        source="s",
        target=TargetSpec(low=-3, high=3),
        protocol="intensity",
        recipes={"audio": WHISPER, "vision": vision},
    )
    return write_dataset(name, made(), info, replace=True)


@pytest.fixture
def data(home, tmp_path) -> Path:
    """Labels of MOSI and MOSEI; clips of three videos of MOSI's train; two actors."""
    mosi = [f"{video}_{n},{video},{n},said {n},{n / 2},train" for video in VIDEOS for n in (1, 2)]
    mosi += ["x_1,x,1,more,0.5,valid", "y_1,y,1,end,-0.5,test"]
    mosei = ["m_1,m,1,one,1,train", "n_1,n,1,two,1,valid", "o_1,o,1,six,0,test"]
    for name, lines in {"mosi": mosi, "mosei": mosei}.items():
        (tmp_path / name).mkdir()
        table = "\n".join(["id,video_id,clip_id,text,label,split", *lines]) + "\n"
        (tmp_path / name / "labels.csv").write_text(table, encoding="utf-8")
    recorded("clips", [("train" if v == "a" else "valid" if v == "b" else "test", f"{v}_1", v) for v in VIDEOS], FACES)
    recorded("actors", [("train", "t1", "A1"), ("valid", "t2", "A2"), ("test", "t3", "A3")], UNITS)
    return tmp_path


def faces(clips: Dataset) -> list:
    """Frames of the first two clips."""
    return [clips.train.sequences["vision"][n] for n in range(2)]


def having(split) -> dict[str, tuple[bool, bool, bool]]:
    """Which of text, voice and face each utterance has."""
    there = [split.sequences[key].lengths > 0 for key in ("audio", "vision")]
    texts = [text is not None for text in split.texts]
    return {str(own): (texts[n], bool(there[0][n]), bool(there[1][n])) for n, own in enumerate(split.ids)}


def test_each_utterance_has_what_its_source_has(data):
    made = build(data, "clips", "actors")
    train = having(made.train)
    assert train["mosi_raw:a_1"] == train["mosi_raw:b_1"] == train["mosi_raw:c_1"] == (True, True, True)
    assert train["mosi:a_2"] == train["mosei:m_1"] == (True, False, False)
    assert train["ravdess:t1"] == (False, True, True)
    assert "mosi:a_1" not in train, "a clip takes the place of its text"
    assert having(made.valid)["ravdess:t2"] == (False, True, True)
    assert made.card.recipes["vision"].difference(FACE.with_step("utterance", relative=True)) is None
    assert made.train.sequences["vision"].lengths.max() == 1


def test_a_fold_leaves_whole_videos_out_with_all_their_texts(data):
    made = build(data, "clips", "actors", "2/3")
    assert {own for own in having(made.test) if own.startswith("mosi")} == {"mosi_raw:b_1", "mosi:b_2", "mosi:y_1"}
    assert not {own for own in having(made.train) if ":b_" in own}
    assert made.card.fold == "2/3"


def test_it_can_be_made_without_the_actors(data):
    made = build(data, "clips", None)
    assert not [own for own in having(made.train) if own.startswith("ravdess")]


def test_folds_are_disjoint_and_cover_all_videos():
    videos = [f"v{n}" for n in range(12)]
    folds = [left_out(videos, f"{n}/6") for n in range(1, 7)]
    assert sorted(video for fold in folds for video in fold) == sorted(videos)
    assert left_out(videos, None) == set()


@pytest.mark.parametrize("fold", ["0/6", "7/6", "1", "1/13", "a/b"])
def test_what_is_no_fold_is_refused(fold):
    with pytest.raises(UserError, match="is not a fold of 12 videos"):
        left_out([f"v{n}" for n in range(12)], fold)


def test_clips_that_mosi_has_not_are_refused(data):
    recorded("others", [("train", "z_1", "z"), ("valid", "b_1", "b"), ("test", "c_1", "c")], FACES)
    with pytest.raises(UserError, match="clips that are not in MOSI: mosi:z_1"):
        build(data, "others", None)


def test_another_face_is_refused(data):
    recorded("spoken", [("train", "a_1", "a"), ("valid", "b_1", "b"), ("test", "c_1", "c")], WHISPER)
    with pytest.raises(UserError, match="has no action units"):
        build(data, "spoken", None)


def test_voices_and_faces_are_less_the_median_of_their_video(data):
    rows = [("train", "a_1", "a"), ("train", "a_2", "a"), ("valid", "b_1", "b"), ("test", "c_1", "c")]
    clips = recorded("clips", rows, FACES)
    made = build(data, "clips", None)
    at = {str(own): n for n, own in enumerate(made.train.ids)}
    voices = [np.asarray(clips.train.sequences["audio"][n]) for n in range(2)]
    level = np.median(np.concatenate(voices), axis=0)
    for n, own in enumerate(("mosi_raw:a_1", "mosi_raw:a_2")):
        np.testing.assert_allclose(made.train.sequences["audio"][at[own]], voices[n] - level, atol=1e-5)
    frames = [
        EXTRACTORS["expression"]().derive(Track(np.arange(3.0), np.asarray(face))).values for face in faces(clips)
    ]
    wanted = frames[0].mean(axis=0) - np.median(np.concatenate(frames), axis=0)
    np.testing.assert_allclose(np.asarray(made.train.sequences["vision"][at["mosi_raw:a_1"]])[0], wanted, atol=1e-5)


def test_features_that_are_relative_already_are_refused(data):
    recorded(
        "relative",
        [("train", "a_1", "a"), ("valid", "b_1", "b"), ("test", "c_1", "c")],
        FACES.with_step("frame", relative=True),
    )
    with pytest.raises(UserError, match="relative is relative to the person already"):
        build(data, "relative", None)
