"""Transcripts made to hurt: each is one line that says where, and costs neither memory nor time."""

import json
import os
from pathlib import Path

import pytest

from sentiprism.errors import UserError
from sentiprism.media import transcripts
from sentiprism.media.transcripts import MOST_BYTES, read_transcript

ONE = "1\n00:00:01,000 --> 00:00:02,000\nfine\n\n2\n"
VTT = "WEBVTT\n\n00:05.000 --> 00:06.000\nfine\n\n"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("negative.srt", ONE + "-00:00:01,000 --> 00:00:02,000\nx", "line 6: .* is not a line of cue times"),
        ("reversed.srt", ONE + "00:00:09,000 --> 00:00:08,000\nx", "line 6: it ends at 8 s, before"),
        (
            "backwards.vtt",
            VTT + "00:02.000 --> 00:03.000\nx",
            "line 6: it starts at 2 s, before the previous one at 5 s",
        ),
        ("letters.srt", ONE + "00:00:0\u0663,0x0 --> 00:00:02,000\nx", "line 6: .* is not a line of cue times"),
        ("huge.srt", ONE + f"{'9' * 5000}:00:00,000 --> 00:00:02,000\nx", "line 6: .* is not a line of cue times"),
        ("half.srt", ONE + "00:00:01,000 --> \nx", "line 6: .* is not a line of cue times"),
        ("no_times.srt", "just words", "no_times.srt has no line with the times of a cue"),
        ("line.txt", "short\n" + "word " * 2_000_000, "line 2 has more than 1000000 characters"),
        ("many.txt", ("word " * 100_000 + "\n") * 9, "line 9: there is too much text for a recording"),
        ("deep.json", "[" * 1_000_000, "nested too deeply"),
        ("broken.json", '{"segments": [\n{"text": }]}', "is not JSON: .* line 2"),
        ("nan.json", '[{"text": "a", "start": NaN, "end": 1}]', "entry 1: 'nan' is not a time"),
        ("digits.json", '[{"text": "a", "start": 1%s, "end": 1}]' % ("0" * 4000), "entry 1: .* not a time"),
        ("more_digits.json", '[{"text": "a", "start": 1%s, "end": 1}]' % ("0" * 5000), "is not JSON"),
        ("infinite.json", '[{"text": "a", "start": 0, "end": 1e999}]', "entry 1: 'inf' is not a time"),
        ("negative.json", '["a", {"text": "a", "start": -1, "end": 1}]', "entry 2: '-1' is not a time"),
        ("text.json", '[{"text": "a", "start": "0", "end": 1}]', "entry 1: '0' is not a time"),
        ("true.json", '[{"text": "a", "start": true, "end": 1}]', "entry 1: 'True' is not a time"),
        ("reversed.json", '[{"text": "a", "start": 2, "end": 1}]', "entry 1: it ends at 1 s, before"),
        ("numbers.json", "[1, 2]", "entry 1 has no text"),
        ("number.json", '{"segments": 5}', "entry 1 has no text"),
        ("object.json", '{"segments": [{"text": {"a": 1}}]}', "entry 1 has no text"),
        ("lines.txt", "\n" * 1_000_001, "has more than 1,000,000 lines"),
        ("surrogate.json", '[{"text": "a\\ud800b"}]', "half of a surrogate pair"),
        ("twice.json", '[{"text": "a", "text": "b"}]', "one object has the key 'text' twice"),
    ],
)
def test_hostile_transcript_is_one_line(name: str, text: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=told) as caught:
        read_transcript(path)
    assert name in caught.value.cause
    assert len(str(caught.value).splitlines()) == 1
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x00\x01\x02" * 100, "not text: it has NUL bytes"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "not text: it has NUL bytes"),
        (b"\x89PNG\r\n\x1a\n" + bytes(range(1, 256)) * 3, "not text: it has control characters"),
        (b"\xff\xfea", "not UTF-16 text"),
        ("[\ud800]".encode("utf-16-le", "surrogatepass").join((b"\xff\xfe", b"")), "not UTF-16 text"),
    ],
)
def test_what_is_no_text_is_named(content: bytes, told: str, tmp_path: Path) -> None:
    path = tmp_path / "image.srt"
    path.write_bytes(content)
    with pytest.raises(UserError, match=rf"image\.srt is {told}"):
        read_transcript(path)


def test_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "large.txt"
    with path.open("wb") as file:
        file.truncate(100 * MOST_BYTES)
    with pytest.raises(UserError, match=r"the limit for a transcript is 34 MB"):
        read_transcript(path)


@pytest.mark.parametrize("piece", ["<", "<a", "{\\", "<b><", "&lt;", "1 --> ", "<v "])
def test_markup_that_never_closes_takes_no_long_time(piece: str, tmp_path: Path) -> None:
    path = tmp_path / "open.srt"
    path.write_text(ONE + "00:00:03,000 --> 00:00:04,000\n" + piece * (900_000 // len(piece)))
    assert read_transcript(path)[0].text == "fine"


def test_markup_hidden_in_entities_stays_text(tmp_path: Path) -> None:
    path = tmp_path / "a.vtt"
    path.write_text(VTT + "00:07.000 --> 00:08.000\n&lt;script&gt;alert(1)&lt;/script&gt;<script>")
    assert read_transcript(path)[1].text == "<script>alert(1)</script>"


def test_overlapping_cues_are_both_kept(tmp_path: Path) -> None:
    path = tmp_path / "two.json"
    path.write_text(json.dumps([{"text": "a", "start": 0, "end": 9}, {"text": "b", "start": 1, "end": 2}]))
    assert [cue.text for cue in read_transcript(path)] == ["a", "b"]


@pytest.mark.parametrize("target", ["/dev/zero", "/dev/stdin", "/proc/self/environ", "fifo"])
def test_what_is_no_file_is_refused_at_once(target: str, tmp_path: Path) -> None:
    path = tmp_path / "talk.srt"
    os.mkfifo(path) if target == "fifo" else path.symlink_to(target)
    with pytest.raises(UserError, match=r"talk\.srt is not a regular file; save the transcript as a file first"):
        read_transcript(path)


@pytest.mark.parametrize(
    "text", ['["a", "b", "c", "d"]', '[{"words": [{"word": "a"}, {"word": "b"}, {"word": "c"}, {"word": "d"}]}]']
)
def test_entries_are_counted_wherever_they_are(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transcripts, "MOST_LINES", 3)
    path = tmp_path / "many.json"
    path.write_text(text)
    with pytest.raises(UserError, match=r"many\.json has more than 3 entries; give the transcript of one recording"):
        read_transcript(path)
