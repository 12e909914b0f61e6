"""Transcripts as people have them: what is said and when, whatever the file is called."""

import json
from pathlib import Path

import pytest

from sentiprism.errors import UserError
from sentiprism.media.transcripts import read_transcript
from sentiprism.media.types import Cue

SRT = """1
00:00:01,000 --> 00:00:02,500
<i>It was</i> the best
of times,

2
00:00:03,000 --> 00:00:04,000
{\\an8}it was the worst &amp; best.
"""
SAID = (Cue("It was the best of times,", 1.0, 2.5), Cue("it was the worst & best.", 3.0, 4.0))


def given(folder: Path, text: str | bytes, name: str = "talk.srt") -> tuple[Cue, ...]:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_transcript(path)


@pytest.mark.parametrize("name", ["talk.srt", "talk.txt", "talk.json", "talk"])
def test_subrip_is_known_by_its_content(name: str, tmp_path: Path) -> None:
    assert given(tmp_path, SRT, name) == SAID


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_encodings_and_line_ends_change_nothing(encoding: str, ends: str, tmp_path: Path) -> None:
    mark = "\ufeff" if encoding in {"utf-16-le", "utf-16-be"} else ""
    text = (mark + SRT.replace("best\nof", "café\nof").replace("\n", ends)).encode(encoding)
    assert given(tmp_path, text) == (Cue("It was the café of times,", 1.0, 2.5), SAID[1])


def test_curly_quotes_of_an_old_windows_file_are_kept(tmp_path: Path) -> None:
    assert given(tmp_path, "it\u2019s café".encode("cp1252"), "a.txt") == (Cue("it\u2019s café"),)


def test_subrip_without_empty_lines_or_with_too_many_loses_no_word(tmp_path: Path) -> None:
    assert given(tmp_path, SRT.replace("\n\n", "\n")) == SAID
    assert given(tmp_path, SRT.replace("best\nof", "best\n\nof")) == SAID


def test_webvtt_leaves_out_what_is_not_said(tmp_path: Path) -> None:
    text = """WEBVTT - a talk
Kind: captions

STYLE
::cue { color: papayawhip }

NOTE this is
nobody's speech

first words
00:01.500 --> 00:02.000 align:start position:10%
<v.loud Roger Bingham>We are in <c.yellow.bg_blue>New&nbsp;York</c>\u200e City

100:00:00.000 --> 100:00:01.000
- I <3 it, <b>really</b>
"""
    said = (Cue("We are in New York City", 1.5, 2.0, "Roger Bingham"), Cue("- I <3 it, really", 360_000.0, 360_001.0))
    assert given(tmp_path, text, "talk.vtt") == said
    assert given(tmp_path, text, "talk.txt") == said


def test_captions_that_roll_up_are_read_once(tmp_path: Path) -> None:
    text = """WEBVTT

00:00:00.000 --> 00:00:02.000
no<00:00:00.500><c> no</c>

00:00:02.000 --> 00:00:02.010
no no

00:00:02.010 --> 00:00:04.000
no no
yes<00:00:03.000><c> maybe</c>
"""
    assert [cue.text for cue in given(tmp_path, text, "a.vtt")] == ["no no", "yes maybe"]
    plain = text.replace("<00:00:00.500><c> no</c>", " no").replace("<00:00:03.000><c> maybe</c>", "")
    assert [cue.text for cue in given(tmp_path, plain, "a.vtt")] == ["no no", "no no", "no no yes"], "said three times"


def test_plain_text_has_no_times(tmp_path: Path) -> None:
    assert given(tmp_path, "[Applause] It was\n\nthe  best --> ever \n", "a.txt") == (
        Cue("[Applause] It was"),
        Cue("the best --> ever"),
    )


WORDS = [{"word": " It", "start": 0.1, "end": 0.2, "probability": 0.9}, {"word": " was", "start": 0.2, "end": 0.4}]
TIMED = (Cue("It", 0.1, 0.2), Cue("was", 0.2, 0.4))


@pytest.mark.parametrize(
    ("document", "said"),
    [
        ({"text": "It was", "segments": [{"text": " It was", "start": 0.1, "end": 0.4, "words": WORDS}]}, TIMED),
        ({"segments": [{"id": 3, "text": " It was", "start": 0.1, "end": 0.4}]}, (Cue("It was", 0.1, 0.4),)),
        ({"segments": [{"text": "It", "words": []}]}, (Cue("It"),)),
        ({"text": "It was", "words": WORDS}, TIMED),
        ([{"text": "It", "start": 0.1, "end": 0.2}, {"text": "was", "start": 0.2, "end": 0.4}], TIMED),
        ([{"word": "It"}, "was"], (Cue("It"), Cue("was"))),
        ({"segments": [{"words": [{"word": "in"}, WORDS[0]]}]}, (Cue("in"), Cue("It", 0.1, 0.2))),
        ({"text": "It was"}, (Cue("It was"),)),
        (
            {"format": 1, "utterances": [{"start": 0, "end": 1, "text": None, "words": []}, {"words": WORDS}]},
            TIMED,
        ),
    ],
)
@pytest.mark.parametrize("name", ["a.json", "a.txt"])
def test_json_of_many_programs(document: object, said: tuple[Cue, ...], name: str, tmp_path: Path) -> None:
    assert given(tmp_path, json.dumps(document, indent=1), name) == said


def test_our_own_analysis_is_read(tmp_path: Path) -> None:
    from sentiprism.report.schema import Estimate, UtterancePart, WordPart

    words = (WordPart(text="It", start=0.1, end=0.2), WordPart(text="was", start=0.2, end=0.4))
    part = UtterancePart(
        number=1,
        start=0.1,
        end=0.4,
        text="It was",
        words=words,
        estimate=Estimate(value=0.0),
        base=0.0,
        contributions={},
        present=(),
    )
    assert given(tmp_path, json.dumps({"utterances": [part.model_dump(mode="json")]}), "a.json") == TIMED


@pytest.mark.parametrize("text", [" \n\n", "WEBVTT\n", "[]", '{"segments": []}', "1\n00:01 --> 00:02\n\n"])
def test_transcript_without_words_is_named(text: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"talk.srt has no words"):
        given(tmp_path, text)


def test_missing_and_empty_files_and_folders_are_named(tmp_path: Path) -> None:
    (tmp_path / "empty.srt").touch()
    for path, told in (
        (tmp_path / "none.srt", "no file"),
        (tmp_path, "is a folder"),
        (tmp_path / "empty.srt", "empty"),
    ):
        with pytest.raises(UserError, match=told):
            read_transcript(path)
