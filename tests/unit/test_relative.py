"""Features less a person's resting level: in a dataset by video, in an analysis by recording."""

import csv

import numpy as np
import pytest

from makers_analysis import saved_model, spec
from makers_media import make_media
from makers_sound import noise, talk
from sentiprism.analysis.adapt import extract_options
from sentiprism.analysis.analyze import analyze
from sentiprism.analysis.extract import extract
from sentiprism.analysis.options import Options
from sentiprism.analysis.perceive import Tracks
from sentiprism.analysis.predictor import load_predictor
from sentiprism.analysis.recording import ExtractedRecording
from sentiprism.analysis.resting import Part, note_short, resting_levels
from sentiprism.analysis.sequences import Sequences
from sentiprism.analysis.utterances import subtract_resting
from sentiprism.data.store import load_dataset
from sentiprism.errors import UserError
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.features.track import Track
from sentiprism.media.types import Segment, Span
from sentiprism.types import FeatureSpec

RATE = 16_000
SPEECH = EXTRACTORS["speech"].recipe
LEVELS = [column for column, unit in enumerate(SPEECH.units) if unit == "dB"]


@pytest.fixture
def recordings(home, tmp_path):
    """Two clips of one video, two utterances of another recording, and one for each other split."""
    folder = tmp_path / "clips"
    folder.mkdir()
    sounds = {"a1": talk(2.0, RATE), "a2": talk(3.0, RATE) // 2, "b": talk(6.0, RATE) // 3, "v": talk(2.0, RATE)}
    for name, sound in sounds.items():
        make_media(folder / f"{name}.wav", samples=sound)
    rows = [
        ("a1", "a1", "a", "train", 0, 2.0),
        ("a2", "a2", "a", "train", 0, 3.0),
        ("b1", "b", "b", "train", 0.5, 2.5),
        ("b2", "b", "b", "train", 3.0, 6.0),
        ("v", "v", "v", "valid", 0, 2.0),
        ("t", "v", "t", "test", 0, 1.0),
    ]
    with (tmp_path / "labels.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "file", "video_id", "split", "start", "end", "text", "label"])
        writer.writerows([*row, "words", 1] for row in rows)
    return folder


def dataset(recordings, name="mine", **options):
    given = {"audio": "speech", "vision": "none", "relative": True, **options}
    labels = recordings.with_name("labels.csv")
    extract(recordings, name, labels=labels, options=given, low=-3, high=3)
    return load_dataset(name)


@pytest.mark.parametrize("per", ["frame", "utterance"])
def test_the_level_is_the_median_over_all_utterances_of_the_video(recordings, per):
    plain = dataset(recordings, "plain", relative=False, per=per).train.sequences["audio"]
    frames = dataset(recordings, "frames", relative=False).train.sequences["audio"]
    made = dataset(recordings, per=per)
    assert made.card.recipes["audio"] == SPEECH.with_step(per, relative=True)
    for rows in ((0, 1), (2, 3)):
        level = np.median(np.concatenate([frames[row] for row in rows]), axis=0)
        for row in rows:
            np.testing.assert_allclose(made.train.sequences["audio"][row], plain[row] - level, rtol=1e-4, atol=1e-4)
    assert "4 of 4 videos have less than 10 s of speech for a resting level" in made.card.warnings


def test_the_gain_of_a_recording_is_no_part_of_what_is_left(recordings):
    """One recording, once half as loud: of columns in dB only the resting level moves."""
    swell = noise(2.0, RATE, 8000) * np.linspace(0.2, 1.0, 2 * RATE)
    found = []
    for name, gain in (("loud", 1.0), ("soft", 0.5)):
        make_media(recordings / "v.wav", samples=np.rint(swell * gain).astype(np.int16))
        found.append(dataset(recordings, name).valid.sequences["audio"][0][:, LEVELS])
    np.testing.assert_allclose(found[0], found[1], atol=0.1)
    assert found[0].std() > 1


def test_an_analysis_takes_the_level_of_the_utterances_as_a_dataset_does(recordings, tmp_path):
    made = dataset(recordings)
    kind = EXTRACTORS["speech"]()
    features = FeatureSpec(audio=spec(made.card.recipes["audio"]))
    track = kind(talk(6.0, RATE) // 3)
    segments = (Segment(0.5, 2.5, ()), Segment(3.0, 6.0, ()))
    tracks, notes = subtract_resting(Tracks(audio=track), segments, features)
    for row, segment in zip((2, 3), segments, strict=True):
        np.testing.assert_allclose(tracks.audio.of(segment, "frame"), made.train.sequences["audio"][row], atol=1e-4)
    assert notes == ["The model compares a person with their own resting level, which is based on only 5.0 s."]
    plain = FeatureSpec(audio=spec(SPEECH))
    assert subtract_resting(Tracks(audio=track), segments, plain) == (Tracks(audio=track), [])


def test_each_face_has_a_level_of_its_own():
    rng = np.random.default_rng(0)
    recipe = EXTRACTORS["face"].recipe.with_step("frame", relative=True)
    width = len(recipe.columns)
    faces = tuple(Track(np.arange(100) / 10, rng.normal(n, 1, (100, width)).astype(np.float32)) for n in (3, -3))
    segments = (Segment(0, 4, ()), Segment(5, 10, ()))
    tracks, _ = subtract_resting(Tracks(faces=faces), segments, FeatureSpec(vision=spec(recipe)))
    for face in tracks.faces:
        inside = np.concatenate([face.between(Span(one.start, one.end)) for one in segments])
        np.testing.assert_allclose(np.median(inside, axis=0), 0, atol=1e-5)


def test_a_model_of_relative_features_says_where_there_is_little_to_compare_with(recordings, tmp_path):
    given = FeatureSpec(audio=spec(SPEECH.with_step("frame", relative=True)))
    model = saved_model(tmp_path / "model", given, "lf_dnn")
    assert load_predictor(model).extractors["audio"].recipe == SPEECH
    said = tmp_path / "said.vtt"
    said.write_text("WEBVTT\n\n00:00.000 --> 00:02.000\nwords.\n\n00:03.000 --> 00:06.000\nmore.\n")
    options = Options(model=str(model), asr="none")
    short = analyze(recordings / "b.wav", transcript=said, options=options)
    assert any(note.startswith("The model compares a person with their own resting level") for note in short.notes)
    absolute = saved_model(tmp_path / "absolute", FeatureSpec(audio=spec(SPEECH)), "lf_dnn")
    other = analyze(recordings / "b.wav", transcript=said, options=Options(model=str(absolute), asr="none"))
    assert other.utterances[0].estimate.value != pytest.approx(short.utterances[0].estimate.value, abs=1e-6)
    assert not any("resting level" in note for note in other.notes)


def test_adapting_a_model_of_relative_features_extracts_such():
    relative = FeatureSpec(audio=spec(SPEECH.with_step("frame", relative=True)))
    assert extract_options(relative, {}, "given").relative
    assert not extract_options(FeatureSpec(audio=spec(SPEECH)), {}, "given").relative


def face(start, end, level):
    """A face seen from ``start`` to ``end`` seconds, ten times a second, with values around ``level``."""
    times = np.arange(round(start * 10), round(end * 10)) / 10
    return Track(times, (level + np.sin(times * 7))[:, None].astype(np.float32))


def test_a_dataset_takes_the_level_of_each_face_as_an_analysis_does(monkeypatch):
    """Of two people in one recording, each one speaks once; both are always visible in the second utterance."""
    faces = (face(0, 10, 5.0), face(6, 10, -5.0))
    spans = {"a": Span(0, 5), "b": Span(6, 10), "c": Span(20, 21)}
    segments = {name: Segment(*span, ()) for name, span in spans.items()}
    recipe = EXTRACTORS["face"].recipe.with_step("frame", relative=True)
    features = FeatureSpec(vision=spec(recipe))

    late = (faces[1], face(0, 5.5, 5.0))  # one after the other: each utterance has a face of its own
    for seen, chosen in ((faces, {"a": 0, "b": 0}), (late, {"a": 1, "b": 0})):
        expected, _ = subtract_resting(Tracks(faces=seen), tuple(segments.values()), features)
        sequences = Sequences(
            dict.fromkeys(spans, "one"), {"one": ExtractedRecording(None, segments)}, {}, lambda _: "frame", None
        )
        monkeypatch.setattr(sequences, "_tracks", lambda _, seen=seen: ({}, list(seen)))
        sequences.subtract_resting(list(spans), ["video"] * 3)
        for name, number in chosen.items():
            inside = expected.faces[number].of(segments[name], "frame")
            np.testing.assert_allclose(sequences.of(name)["vision"], inside, atol=1e-5)
            assert seen is faces or abs(np.median(inside)) < 0.1
        assert sequences.of("c") == {}


def test_clips_of_one_video_share_the_level_of_the_face_seen_longest():
    first = Part([Span(0, 4)], faces=(face(0, 1, 9.0), face(0, 4, 1.0)))
    second = Part([Span(0, 8)], faces=(face(0, 8, 3.0),))
    shared = np.median(np.concatenate([first.faces[1].values, second.faces[0].values]), axis=0)
    levels = resting_levels([first, second])
    np.testing.assert_allclose(levels[0].faces[0], np.median(first.faces[0].values, axis=0))
    np.testing.assert_allclose(levels[0].faces[1], shared)
    np.testing.assert_allclose(levels[1].faces[0], shared)


def test_nothing_has_no_level():
    assert resting_levels([]) == []
    assert resting_levels([Part([Span(0, 1)])])[0].of(None) == {}
    unseen = Part([Span(0, 1)], [Track(np.zeros(0), np.zeros((0, 4), np.float32))], [face(2, 3, 1.0)])
    assert resting_levels([unseen])[0].of(0) == {}
    assert note_short([]) == []


def test_stored_features_have_no_level_that_is_known_here(recordings, tmp_path):
    ids = np.array(["a1", "a2", "b1", "b2", "v", "t"])
    columns = np.array(EXTRACTORS["action_units"].recipe.columns)
    np.savez(tmp_path / "units.npz", id=ids, columns=columns, vision=np.zeros((6, 35), np.float32))
    with pytest.raises(UserError, match=r"resting level of units\.npz is not known here; extract without `relative`"):
        extract(
            recordings,
            "no",
            labels=recordings.with_name("labels.csv"),
            options={"relative": True, "per": "utterance"},
            vision_features=tmp_path / "units.npz",
            low=-3,
            high=3,
        )
