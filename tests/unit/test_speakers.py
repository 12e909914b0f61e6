"""Who speaks: clusters of voices, names, utterances split at changes, and names in transcripts."""

import json
from itertools import pairwise

import numpy as np
import pytest

from makers_speakers import sentence, voices
from sentiprism.analysis.options import Options
from sentiprism.analysis.transcribe import read_cues, transcribe
from sentiprism.errors import UserError
from sentiprism.media import diarize as diarization
from sentiprism.media.diarize import SpeakerTurn, diarize
from sentiprism.media.speaker_segments import name_speakers
from sentiprism.media.speech import RATE, find_speech
from sentiprism.media.transcripts import read_transcript
from sentiprism.media.types import Cue, Segment, Span
from sentiprism.media.voices import WINDOW, embed_voices, split_windows

A, B, C = [3] * 12, [7] * 12, [5] * 12


def who(turns):
    return [turn.speaker for turn in turns]


def test_speakers_are_numbered_in_the_order_in_which_they_speak():
    turns = diarize(voices(B, A, B, C))
    assert who(turns) == [0, 1, 0, 2]
    assert turns[0].start == 0.0
    assert [round(turn.end - turn.start, 6) for turn in turns] == [pytest.approx(11 * 0.4 + WINDOW)] * 4


def test_a_change_within_speech_is_between_the_middles_of_two_windows():
    first, second = diarize(voices([*A, *A, *B, *B]))
    assert (first.speaker, second.speaker) == (0, 1)
    assert first.end == second.start == pytest.approx(23.5 * 0.4 + WINDOW / 2)


def test_one_voice_stays_one_and_a_given_number_is_kept():
    assert set(who(diarize(voices(A, A, A)))) == {0}
    assert set(who(diarize(voices(A, B, C), 1))) == {0}
    assert set(who(diarize(voices(A, B, C), 2))) == {0, 1}
    assert diarize(voices(A)._replace(windows=(), spans=np.zeros(0, int), vectors=np.zeros((0, 256)))) == ()


def test_a_single_odd_window_and_a_brief_voice_are_no_speakers():
    assert who(diarize(voices([*A, 9, *A]))) == [0]
    assert set(who(diarize(voices(A, [9], B)))) == {0, 1}
    assert set(who(diarize(voices(A, [9], B), 3))) == {0, 1, 2}


def test_a_long_recording_is_clustered_from_a_sample(monkeypatch):
    long = voices(*[A, B, C] * 6)
    expected = who(diarize(long))
    monkeypatch.setattr(diarization, "MOST_CLUSTERED", 10)
    sizes, original = [], diarization._link

    def counted(vectors, most):
        sizes.append(len(vectors))
        return original(vectors, most)

    monkeypatch.setattr(diarization, "_link", counted)
    assert who(diarize(long)) == expected == [0, 1, 2] * 6
    assert sizes == [54]


def test_windows_cover_each_span():
    assert split_windows(Span(1.0, 1.5)) == [Span(1.0, 1.5)]
    found = split_windows(Span(2.0, 4.5))
    assert (found[0].start, found[-1].end) == (2.0, 4.5)
    assert all(one.end - one.start == pytest.approx(WINDOW) for one in found)
    assert np.diff([one.start for one in found]).max() <= 0.4 + 1e-9


def test_an_utterance_is_split_at_the_longest_pause_near_the_change():
    said = sentence("so how was it well I liked it a lot", 0.0, pause_before={4: 0.5})
    turns = [SpeakerTurn(0.0, 2.6, 4), SpeakerTurn(2.6, 6.0, 1)]
    first, second = name_speakers([said], turns)
    assert (first.text, first.speaker) == ("so how was it", "S1")
    assert (second.text, second.speaker) == ("well I liked it a lot", "S2")
    assert (first.end, second.start) == (said.words[3].end, said.words[4].start)


def test_a_short_change_at_the_edge_does_not_split_and_no_words_are_cut_at_the_time():
    turns = [SpeakerTurn(0.0, 4.3, 0), SpeakerTurn(4.3, 9.0, 1)]
    said = sentence("one two three four five six seven eight nine ten", 0.0)
    assert [one.speaker for one in name_speakers([said], turns)] == ["S1"]
    wordless = name_speakers([Segment(1.0, 8.0, ())], turns)
    assert wordless == (Segment(1.0, 4.3, (), speaker="S1"), Segment(4.3, 8.0, (), speaker="S2"))
    assert name_speakers([said], ()) == (said,)


def test_names_follow_the_order_of_utterances_and_the_nearest_turn():
    turns = [SpeakerTurn(5.0, 9.0, 1), SpeakerTurn(12.0, 15.0, 0)]
    found = name_speakers([sentence("hello there", 10.0), sentence("yes indeed so", 12.5)], turns)
    assert [one.speaker for one in found] == ["S1", "S2"]


@pytest.mark.parametrize("value", [0, 21, -1, True, None, 1.5, "two", "01", ""])
def test_other_numbers_of_speakers_are_refused(value):
    with pytest.raises(UserError, match="speakers should be auto, off, or a whole number from 1 to 20"):
        Options.parse({"speakers": value})


def test_numbers_of_speakers_may_be_numbers_or_texts():
    assert [Options(speakers=one).speakers for one in (2, "2", "auto", "off")] == ["2", "2", "auto", "off"]


def test_names_in_webvtt_and_json_are_read(tmp_path):
    path = tmp_path / "a.vtt"
    path.write_text(
        "WEBVTT\n\n00:01.000 --> 00:03.000\n<v Ann>So, how was it?</v>\n\n"
        "00:03.000 --> 00:07.000\n<v.loud Ben>Good.</v> <v Ann>Why?\n\n00:08.000 --> 00:09.000\n(laughs)\n",
        encoding="utf-8",
    )
    found = read_transcript(path)
    assert found[0] == Cue("So, how was it?", 1.0, 3.0, "Ann")
    assert [(one.text, one.speaker) for one in found[1:]] == [("Good.", "Ben"), ("Why?", "Ann"), ("(laughs)", None)]
    assert found[1].end == found[2].start == pytest.approx(3 + 4 * 5 / 9)
    path = tmp_path / "a.json"
    words = [{"word": "Hi", "start": 0, "end": 1}, {"word": "you", "start": 1, "end": 2, "speaker": "B"}]
    path.write_text(json.dumps({"segments": [{"speaker": "A", "words": words}, {"text": "bye", "speaker": 0}]}))
    assert [one.speaker for one in read_transcript(path)] == ["A", "B", "0"]


def test_names_in_a_transcript_win_and_split_utterances():
    cues = (Cue("it was fine", 0.0, 1.5, "Ann"), Cue("I think so too", 1.5, 3.0, "Ben"))
    for speakers in ("off", "auto", "2"):
        found = transcribe(np.zeros(3 * RATE, np.int16), cues, Options(asr="none", speakers=speakers))
        assert [(one.text, one.speaker) for one in found.segments] == [
            ("it was fine", "Ann"),
            ("I think so too", "Ben"),
        ]
        assert ("The speakers are those that the transcript names." in found.notes) == (speakers != "off")
    assert [one.speaker for one in read_cues((Cue("Hi. You?", speaker="Ann"), Cue("Me")), Options())] == [
        *("Ann", "Ann"), None,
    ]  # fmt: skip


def test_without_speech_nothing_is_named_and_it_is_said():
    found = transcribe(None, (Cue("it was fine", 0.0, 1.5),), Options(asr="none", speakers="auto"))
    assert [one.speaker for one in found.segments] == [None]
    assert "Without speech in the sound, speakers cannot be told apart." in found.notes


def test_one_reader_is_one_speaker_at_any_level(two_cities, voice_encoder):
    options = Options(asr="none", speakers="auto")
    found = transcribe(two_cities[: 25 * RATE], None, options)
    assert {one.speaker for one in found.segments} == {"S1"}
    assert [note for note in found.notes if "told apart by voice" in note]
    piece = two_cities[: 4 * RATE]
    spans = find_speech(piece)
    quiet = embed_voices((piece // 4).astype(np.int16), spans)
    assert np.sum(quiet.vectors * embed_voices(piece, spans).vectors, axis=1).min() > 0.99
    assert np.allclose(np.linalg.norm(quiet.vectors, axis=1), 1.0, atol=1e-5)


def test_two_real_speakers_by_turns_are_told_apart(shared_data, two_cities, voice_encoder):
    """A reader, and a reviewer of CMU-MOSI, in turns of seven seconds: most of the time is right."""
    from makers_speech import heard

    other = heard(shared_data / "clips" / "mosi_03bSnISJMiM_1.wav")
    parts = [two_cities[: 8 * RATE], other, two_cities[8 * RATE : 14 * RATE], other]
    edges = np.cumsum([0, *map(len, parts)]) / RATE
    told = []
    found = transcribe(np.concatenate(parts), None, Options(asr="none", speakers="2"), told.append)
    assert {one.speaker for one in found.segments} == {"S1", "S2"}
    wrong = 0.0
    for one in found.segments:
        for n, (start, end) in enumerate(pairwise(edges)):
            shared = min(one.end, end) - max(one.start, start)
            wrong += max(shared, 0.0) * (one.speaker != ("S1", "S2")[n % 2])
    assert wrong < 0.2 * sum(one.end - one.start for one in found.segments)
    assert told == sorted(told)
    assert told
