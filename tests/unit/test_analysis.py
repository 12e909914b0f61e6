"""Summary, windows, curves: what is made of answers and tracks."""

from threading import Event
from typing import ClassVar

import numpy as np
import pytest

from makers_analysis import features, saved_model
from makers_media import grey, make_media
from sentiprism.analysis.options import Options
from sentiprism.analysis.parts import Parts
from sentiprism.analysis.perceive import perceive
from sentiprism.analysis.predictor import Predictor
from sentiprism.analysis.time_line import split_evenly, windows
from sentiprism.analysis.transcribe import is_timed, read_cues, transcribe
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.features.extractors.base import AudioExtractor, Shown, VisionExtractor
from sentiprism.features.face_choice import are_several, rank_faces
from sentiprism.features.track import Track
from sentiprism.features.track_extraction import face_tracks
from sentiprism.media.decode import frames, sound
from sentiprism.media.probe import probe
from sentiprism.media.transcripts import read_transcript
from sentiprism.media.types import Cue, Segment, Span, Word
from sentiprism.recipe import Recipe
from sentiprism.report.curves import POINTS, make_curves
from sentiprism.report.schema import Estimate, UtterancePart
from sentiprism.report.statistics import summarise
from sentiprism.types import TargetSpec


def part(number: int, start: float, end: float, value: float, text: float = 0.0, audio: float = 0.0) -> UtterancePart:
    return UtterancePart(
        number=number, start=start, end=end, text=None, estimate=Estimate(value=value), base=0.0,
        contributions={"text": text, "audio": audio}, present=("text",),
    )  # fmt: skip


def test_the_summary_weighs_by_seconds():
    found = summarise([part(1, 0, 6, 2.0, 1.0, -0.5), part(2, 6, 8, -1.0, -2.0), part(3, 8, 10, 0.4)], TargetSpec())
    assert found.mean == pytest.approx((6 * 2 - 2 + 0.8) / 10)
    assert (found.positive, found.negative, found.neutral) == pytest.approx((0.6, 0.2, 0.2))
    assert (found.highest, found.lowest, found.speech) == (1, 2, 10)
    assert found.contributions == pytest.approx({"text": (6 + 4) / 10, "audio": 0.3})


def test_an_utterance_counts_once_whatever_the_number_of_its_faces():
    found = summarise([part(1, 0, 6, 2.0), part(2, 0, 6, 1.0), part(3, 6, 8, 0.0)], TargetSpec())
    assert found.speech == 8
    assert found.mean == pytest.approx((3 * 2 + 3 * 1) / 8)


def test_neutral_is_a_sixth_of_any_range():
    found = summarise([part(1, 0, 1, 5.8), part(2, 1, 2, 5.9)], TargetSpec(low=0, high=10))
    assert (found.neutral, found.positive) == pytest.approx((0.5, 0.5))
    assert summarise([], TargetSpec()).mean is None


def test_a_mean_word_stands_for_an_unseen_one():
    track = Track(np.arange(10) / 10 + 0.05, np.arange(10, dtype=np.float32)[:, None])
    words = (Word("a", 0.0, 0.3), Word("b", 0.31, 0.33), Word("c", 0.5, 1.0))
    found = track.of(Segment(0.0, 1.0, words), "word")
    assert found[:, 0].tolist() == pytest.approx([1.0, 3.0, 7.0])
    assert track.of(Segment(0.0, 1.0, words), "utterance")[0, 0] == pytest.approx(4.5)
    assert track.of(Segment(0.2, 0.4, ()), "frame")[:, 0].tolist() == [2.0, 3.0]
    assert track.of(Segment(5, 6, (Word("d", 5, 6),)), "word").shape == (0, 1)


def test_the_face_that_is_seen_longest_speaks():
    def seen(*times: float) -> Track:
        return Track(np.array(times), np.zeros((len(times), 1), np.float32))

    faces = [seen(0, 1, 2, 3), seen(8, 9), seen(2, 3, 4, 5, 9)]
    assert rank_faces(faces, Span(0, 4)) == [0, 2]
    assert rank_faces(faces, Span(4, 10)) == [1, 2] or rank_faces(faces, Span(4, 10)) == [2, 1]
    assert rank_faces(faces, Span(20, 30)) == []


def test_faces_that_are_seen_at_once_are_several():
    def seen(*times: float) -> Track:
        return Track(np.array(times), np.zeros((len(times), 1), np.float32))

    together = [seen(0.0, 0.1, 0.2, 0.3, 0.4), seen(0.2, 0.3, 0.4)]
    assert are_several(together, Span(0, 1))
    assert not are_several(together, Span(0, 0.2))
    assert not are_several([seen(0.0, 0.1, 0.2), seen(0.3, 0.4)], Span(0, 1)), "another shot"
    assert not are_several(together[:1], Span(0, 1))
    assert not are_several([], Span(0, 1))


def test_windows_slide_over_what_is_spoken():
    words = tuple(Word(f"w{n}", n + 0.1, n + 0.9) for n in range(10, 20))
    found = windows(60.0, (Segment(10, 20, words),), Options(window=10, hop=5))
    assert [(one.start, one.end) for one in found] == [(5, 15), (10, 20), (15, 25)]
    assert [len(one.words) for one in found] == [5, 10, 5]
    (only,) = windows(4.0, (Segment(0, 4, words),), Options(window=10, hop=2))
    assert (only.start, only.end) == (0, 4)
    assert windows(60.0, (), Options()) == ()


def test_stretches_cover_the_recording():
    found = split_evenly(31.0, 15.0)
    assert len(found) == 3
    assert found[0].start == 0
    assert found[-1].end == 31
    assert all(one.end - one.start <= 15 for one in found)


def test_a_text_is_read_at_a_readers_pace():
    found = read_cues((Cue("One two three. Four five."), Cue("Six!")), Options())
    assert [one.text for one in found] == ["One two three.", "Four five.", "Six!"]
    assert [one.start for one in found] == pytest.approx([0, 1.2, 2.0])


def test_a_timed_transcript_needs_no_sound_and_no_recogniser():
    heard = transcribe(None, (Cue("um hello there", 1.0, 2.5), Cue("bye", 4.0, 4.5)), Options(asr="none"))
    assert [word.text for one in heard.segments for word in one.words] == ["um", "hello", "there", "bye"]
    assert heard.transcript == "given, with times"
    assert heard.segments[0].start >= 1.0
    assert any("no sound" in note for note in heard.notes)


def test_silence_is_no_speech():
    heard = transcribe(np.zeros(16_000 * 3, np.int16), None, Options(asr="none"))
    assert heard.segments == ()
    assert heard.notes == ("No speech was found in the sound.",)


class Pitch(AudioExtractor):
    """Two columns, one of which is defined where the other says so."""

    name = "pitch"
    sample_rate = 16_000
    recipe = Recipe(extractor="pitch", columns=("f0", "voiced"), units=("log Hz", "1"), rate=10.0)
    shown: ClassVar = {"f0": Shown("pitch", "voiced"), "voiced": Shown("voicing")}

    def __call__(self, sound: np.ndarray) -> Track:
        return Track(np.arange(len(sound)) / self.sample_rate, np.zeros((len(sound), 2), np.float32))


def test_a_curve_has_holes_where_its_column_is_not_defined():
    track = Track(np.array([0.0, 0.1, 0.2]), np.array([[np.log(100), 1], [4, 0], [np.log(140), 0.8]], np.float32))
    pitch, voicing = make_curves(Pitch(), track)
    assert pitch.values == (pytest.approx(100), None, pytest.approx(140))
    assert voicing.values == pytest.approx((1.0, 0.0, 0.8))
    assert (pitch.title, pitch.unit, pitch.modality, pitch.times) == ("pitch", "Hz", "audio", (0.0, 0.1, 0.2))
    assert make_curves(Pitch(), Track(track.times[:0], track.values[:0])) == []


@pytest.mark.parametrize("name", EXTRACTORS)
def test_every_curve_has_a_unit_that_people_read(name):
    extractor = EXTRACTORS[name]()
    empty = Track(np.array([0.0]), np.ones((1, len(extractor.recipe.columns)), np.float32))
    for curve in make_curves(extractor, empty):
        assert curve.unit not in {"", "1", "log"}, curve.title
        if "–" in curve.unit:
            assert curve.unit.endswith(f" {curve.scale[0]:g}–{curve.scale[1]:g}"), curve.title


def test_a_long_curve_is_thinned_by_means():
    T = 2 * POINTS + 1
    values = np.stack([np.log(np.arange(1, T + 1)), np.ones(T)], axis=1).astype(np.float32)
    pitch, _ = make_curves(Pitch(), Track(np.arange(T) / 10, values))
    assert len(pitch.values) <= POINTS
    assert pitch.values[0] == pytest.approx(2.0, rel=1e-3)  # of 1, 2 and 3
    assert pitch.times[0] == pytest.approx(0.1)


def test_a_text_with_times_keeps_them(tmp_path):
    (tmp_path / "said.srt").write_text("1\n00:00:05,000 --> 00:00:06,000\nOne two.\n")
    cues = read_transcript(tmp_path / "said.srt")
    (found,) = read_cues(cues, Options())
    assert (found.start, found.end) == (5.0, 6.0)
    assert is_timed(cues)
    assert not is_timed((Cue("One"),))
    assert not is_timed(())


def test_a_picture_may_go_on_where_its_sound_ends():
    heard = transcribe(np.zeros(16_000, np.int16), (Cue("a b", 20, 21), Cue("c d", 29, 40)), Options(), length=30.0)
    assert [(one.start, one.end) for one in heard.segments] == [(20, 21), (29, 30)]


def test_the_transcript_of_another_recording_is_doubted(shared_data, whisper_base):
    speech = sound(probe(shared_data / "clips" / "mosi_03bSnISJMiM_1.wav"))
    options = Options(asr=str(whisper_base), language="en")
    right = transcribe(speech, (Cue("anyhow it was really good"),), options)
    assert right.notes == ()
    wrong = transcribe(speech, (Cue("the landlord painted seven garden chairs"),), options)
    assert wrong.notes == ("The transcript hardly matches the speech: is it that of this recording?",)


def test_the_decoder_ends_where_a_face_cannot_be_read(tmp_path, monkeypatch, home):
    media = probe(make_media(tmp_path / "grey.mp4", images=[grey(90)] * 30))
    given = []

    def watched(*words):
        given.append(frames(*words))
        return given[0]

    def fail(self, pictures):
        next(iter(pictures))
        raise RuntimeError("no")

    monkeypatch.setattr("sentiprism.features.track_extraction.frames", watched)
    monkeypatch.setattr("sentiprism.features.extractors.face.Face.__call__", fail)
    with pytest.raises(RuntimeError, match="no"):
        face_tracks(media, EXTRACTORS["face"]())
    assert given[0].gi_frame is None  # closed


class Watching(Predictor):
    """Knows when its libraries have been imported."""

    def import_libraries(self, *, words):
        super().import_libraries(words=words)
        self.calls.append(words)
        self.imported.set()


class WaitingFaces(VisionExtractor):
    """Faces that are found once libraries have been imported."""

    name = "waiting"
    recipe = Recipe(extractor="waiting", columns=("a",), units=("1",))

    def __call__(self, pictures):
        assert len(list(pictures)) == 10
        assert self.imported.wait(60)
        return []


@pytest.mark.parametrize("faces", ["take longer", "end first"])
def test_libraries_of_the_prediction_are_imported_while_faces_are_found(faces, tmp_path, home):
    longer = faces == "take longer"
    path = make_media(tmp_path / "grey.mkv", images=[grey(90)] * 30 * longer, samples=np.zeros(16_000, np.int16))
    predictor = Watching(saved_model(tmp_path / "model", features(tmp_path / "bert")), "cpu")
    predictor.calls, predictor.imported = [], Event()
    predictor.extractors["vision"] = WaitingFaces()
    WaitingFaces.imported = predictor.imported
    perceive(probe(path), None, predictor, Options(asr="none", words=False), Parts())
    assert predictor.calls == [False] * longer
