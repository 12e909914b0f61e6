"""A recording and a stream of the same sound and pictures have the same utterances and numbers."""

from itertools import pairwise
from types import SimpleNamespace

import numpy as np
import pytest

from makers_analysis import features, saved_model, spec
from makers_media import make_media
from makers_sound import noise
from sentiprism.analysis.analyze import analyze
from sentiprism.analysis.options import Options
from sentiprism.analysis.predictor import load_predictor
from sentiprism.analysis.streaming import utterance
from sentiprism.analysis.streaming.analyzer import StreamAnalyzer
from sentiprism.analysis.streaming.events import Measurement, RecognisedWord, UtteranceEnd, UtteranceStart
from sentiprism.analysis.utterances import Earlier
from sentiprism.errors import UserError
from sentiprism.features.extractors import EXTRACTORS
from sentiprism.media.decode import frames
from sentiprism.media.probe import probe
from sentiprism.report.stills import encode_jpeg

RATE = 16_000
TALK = "mosi_Oz06ZWiO20M_6.mp4"


def stream(sound, size, pictures=(), **settings):
    """Events of a sound in pieces of ``size`` samples."""
    found, left = [], list(pictures)
    with StreamAnalyzer(**settings) as analyzer:
        for first in range(0, len(sound), size):
            while left and left[0][1] < (first + size) / RATE:
                analyzer.add_picture(*left.pop(0))
            found += analyzer.add_sound(sound[first : first + size].astype("<i2").tobytes())
        return [*found, *analyzer.finish()], analyzer


def ends(events):
    return tuple(event.utterance for event in events if isinstance(event, UtteranceEnd))


@pytest.fixture(scope="module")
def reading(two_cities, whisper_base, tmp_path_factory):
    """Seconds of a reading with several pauses, its analysis as a stream, and a model that looks back."""
    folder = tmp_path_factory.mktemp("reading")
    given = features(folder / "text")
    voice = EXTRACTORS["speech"].recipe.with_step("frame", relative=True)
    given = given.model_copy(
        update={"text": given.text.model_copy(update={"context": 1}), "audio": spec(voice), "vision": None}
    )
    model = saved_model(folder / "model", given, "self_mm")
    options = Options(model=str(model), pause=0.4, streaming=True)
    sound = two_cities[: round(10.5 * RATE)]
    file = make_media(folder / "reading.wav", samples=sound)
    return SimpleNamespace(sound=sound, options=options, file=file, analysis=analyze(file, options=options))


def test_a_stream_has_the_utterances_words_and_numbers_of_the_file(reading):
    expected = reading.analysis.utterances
    assert len(expected) >= 3
    assert " ".join(one.text for one in expected).lower().startswith("it was the best of times")
    assert reading.analysis.windows == ()
    assert reading.analysis.recording.language == "en"
    events, _ = stream(reading.sound, 1600, options=reading.options)
    assert ends(events) == expected
    assert [event.at for event in events] == sorted(event.at for event in events)
    for one in reading.analysis.utterances:
        own = [event for event in events if event.number == one.number]
        assert isinstance(own[0], UtteranceStart)
        assert isinstance(own[-1], UtteranceEnd)
        words = tuple(event.text for event in own if isinstance(event, RecognisedWord))
        assert words == tuple(word.text for word in one.words)
        measured = [event for event in own if isinstance(event, Measurement)]
        assert [event.final for event in measured] == [False] * (len(measured) - 1) + [True]
        assert measured[-1].estimate == one.estimate
        assert measured[-1].contributions == one.contributions
        assert len(measured) - 1 >= int(one.end - one.start - 0.2)
        assert max(after.at - before.at for before, after in pairwise(measured)) < 1.7


@pytest.mark.parametrize("forgets", ["resting level", "context"])
def test_utterances_are_predicted_with_those_before_them(reading, monkeypatch, forgets):
    def less(parts, context):
        return Earlier((), context) if forgets == "resting level" else Earlier(parts, ())

    monkeypatch.setattr(utterance, "Earlier", less)
    events, _ = stream(reading.sound, 1600, options=reading.options, interim=False)
    found, expected = ends(events), reading.analysis.utterances
    assert found[0].estimate == expected[0].estimate
    later = zip(found[1:], expected[1:], strict=True)
    assert all(one.estimate.value != other.estimate.value for one, other in later)


def test_a_busy_stream_leaves_out_provisional_measurements_alone(reading):
    events = []
    with StreamAnalyzer(options=reading.options) as analyzer:
        for first in range(0, len(reading.sound), 3001):
            events += analyzer.add_sound(reading.sound[first : first + 3001], waiting=5.0)
        events += analyzer.finish()
    assert ends(events) == reading.analysis.utterances
    assert all(event.final for event in events if isinstance(event, Measurement))


def test_a_talking_face_in_jpegs_is_as_the_file(clips, whisper_base, minilm, home):
    media = probe(clips / TALK)
    (expected,) = analyze(clips / TALK, options={"streaming": True}).utterances
    predictor = load_predictor("starter")
    from sentiprism.media.decode import sound

    heard, seen = np.asarray(sound(media)), list(frames(media))
    given = {"predictor": predictor, "thin": False, "interim": False}
    (same,) = ends(stream(heard, 1600, [(frame.image, frame.time) for frame in seen], **given)[0])
    assert same == expected
    assert expected.present == ("text", "audio", "vision")
    jpegs = [(encode_jpeg(frame), frame.time) for frame in seen]
    jpegs[20] = (jpegs[20][0][:500], jpegs[20][1])
    events, analyzer = stream(heard, 1600, jpegs, **given)
    (near,) = ends(events)
    assert (near.start, near.end, near.text) == (expected.start, expected.end, expected.text)
    assert near.estimate.value == pytest.approx(expected.estimate.value, abs=0.1)
    assert analyzer.pictures == (len(jpegs), 1, 0)
    (other,) = analyze(clips / TALK).utterances  # one turn and one sentence: only features of the voice differ
    assert (other.start, other.end, other.text) == (expected.start, expected.end, expected.text)
    assert other.estimate.value == pytest.approx(expected.estimate.value, abs=0.01)


def test_silence_and_noise_have_no_events(options):
    quiet = np.concatenate([np.zeros(3 * RATE, np.int16), noise(3.0, RATE), np.zeros(RATE // 3, np.int16)])
    assert stream(quiet, 1600, options=options)[0] == []


def test_a_gap_in_the_time_stamps_ends_an_utterance(reading):
    with StreamAnalyzer(options=reading.options, interim=False) as analyzer:
        events = list(analyzer.add_sound(reading.sound[: 2 * RATE]))
        assert [event.type for event in events] == ["utterance.start"]
        events += analyzer.add_sound(reading.sound[2 * RATE : 3 * RATE], 10.0)
        assert analyzer.seconds == 11.0
    (end,) = [event for event in events if isinstance(event, UtteranceEnd)]
    assert end.utterance is not None
    assert end.end <= 2.2


def test_what_a_stream_lacks_is_refused(options, tmp_path, clips):
    with pytest.raises(UserError, match="one estimate for each utterance"):
        StreamAnalyzer(options=options.model_copy(update={"face": "all"}))
    with pytest.raises(UserError, match="an utterance of 60 s is too long for a stream"):
        StreamAnalyzer(options=options.model_copy(update={"longest": 60.0}))
    text = tmp_path / "a.txt"
    text.write_text("Fine.")
    with pytest.raises(UserError, match="a stream has sound and no transcript"):
        analyze(text, options={"streaming": True})
    with pytest.raises(UserError, match="a stream has sound and no transcript"):
        analyze(clips / TALK, transcript=text, options={"streaming": True})
