"""Recordings, texts, transcripts, and the tables of `extract`."""

import json
import os
import shutil
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np

from makers_attacks import DEEP, NOT_A_FILE, Case, content, special, specials

ANALYZE = ("analyze", "v.wav", "--transcript", "t.srt", "--asr", "none")


def tone(path: Path) -> None:
    """A second of a tone."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes((8000 * np.sin(np.arange(16_000) / 6)).astype("<i2").tobytes())


def sound(here: Path) -> None:
    tone(here / "v.wav")


def srt(data: str | bytes, name: str = "t.srt") -> Callable[[Path], object]:
    return lambda here: (sound(here), content(name, data)(here))


def cue(text: str, times: str = "00:00:00,000 --> 00:00:01,000") -> str:
    return f"1\n{times}\n{text}\n"


def words(name: str) -> tuple[str, ...]:
    return ("analyze", "v.wav", "--transcript", name, "--asr", "none")


JSONS = {
    "nested 100,000 deep": DEEP,
    "not JSON": "{segments",
    "a number": "[1]",
    "times that are texts": '[{"text": "a", "start": "x", "end": "y"}]',
    "times that are not finite": '[{"text": "a", "start": NaN, "end": 1}]',
    "times that are infinite": '[{"text": "a", "start": 0, "end": Infinity}]',
    "times that are reversed": '[{"text": "a", "start": 2, "end": 1}]',
    "a time of 10^300": '[{"text": "a", "start": 0, "end": 1e300}]',
    "negative times": '[{"text": "a", "start": -5, "end": 1}]',
    "a text that is a number": '[{"text": 3, "start": 0, "end": 1}]',
    "no text": '[{"start": 0, "end": 1}]',
    "nothing": "[]",
}

CASES = [
    *specials("transcripts", "t.srt", ANALYZE, sound, skip=("a folder",)),
    Case(
        "transcripts",
        "a folder without any",
        ANALYZE,
        "no transcript in t.srt",
        lambda here: (sound(here), (here / "t.srt").mkdir()),
    ),
    Case("transcripts", "NUL bytes", ANALYZE, r"t\.srt", srt(cue("a\0b"))),
    Case("transcripts", "random bytes", ANALYZE, r"t\.srt", srt(os.urandom(5000))),
    Case("transcripts", "no times", ANALYZE, r"t\.srt", srt("A good film.\n")),
    Case("transcripts", "times of letters", ANALYZE, r"t\.srt", srt(cue("x", "00:00:aa,000 --> 00:00:01,000"))),
    Case("transcripts", "reversed times", ANALYZE, r"t\.srt", srt(cue("x", "00:00:02,000 --> 00:00:01,000"))),
    Case("transcripts", "no words", ANALYZE, r"t\.srt", srt(cue(" "))),
    Case("transcripts", "a line of two million letters", ANALYZE, r"t\.srt", srt(cue("x" * 2_000_000))),
    Case("transcripts", "40 MB", ANALYZE, r"t\.srt", srt("x\n" * 20_000_000)),
    Case(
        "transcripts",
        "none for any recording",
        ("analyze", "d", "--transcript", "e", "--asr", "none"),
        "e ",
        lambda here: ((here / "d").mkdir(), tone(here / "d/v.wav"), (here / "e").mkdir()),
    ),
    *(
        Case("transcripts", f"JSON, {name}", words("t.json"), r"t\.json", srt(text, "t.json"))
        for name, text in JSONS.items()
    ),
    Case(
        "transcripts",
        "JSON, half of a surrogate pair",
        words("t.json"),
        "surrogate",
        srt(json.dumps([{"text": "film \ud800", "start": 0, "end": 1}]), "t.json"),
    ),
    *[
        Case("recordings", kind, ("analyze", "v.mp4"), NOT_A_FILE, make)
        for kind, make in special("v.mp4").items()
        if kind != "a folder"
    ],
    Case("recordings", "a folder of nothing", ("analyze", "v.mp4"), "v.mp4", lambda here: (here / "v.mp4").mkdir()),
    Case("recordings", "text by a recording's name", ("analyze", "v.mp4"), r"v\.mp4", content("v.mp4", "x" * 1000)),
    Case("recordings", "zeros", ("analyze", "v.mp4"), r"v\.mp4", content("v.mp4", bytes(100_000))),
    Case(
        "recordings",
        "a playlist that names other files",
        ("analyze", "v.mp4"),
        r"v\.mp4",
        content("v.mp4", "#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"),
    ),
    Case(
        "recordings",
        "a sound that is cut short",
        ("analyze", "v.wav"),
        r"v\.wav",
        lambda here: (sound(here), os.truncate(here / "v.wav", 60)),
    ),
    Case("recordings", "a name with ESC", ("analyze", "\x1b[31m.mp4"), r"\\x1b", content("\x1b[31m.mp4", "x")),
    Case("recordings", "nothing at all", ("analyze",), "PATH|argument"),
    Case("recordings", "a text of nothing", ("analyze", "t.txt"), r"t\.txt", content("t.txt", " \n\n")),
    Case(
        "recordings",
        "a text of 100,000 sentences",
        ("analyze", "t.txt"),
        r"t\.txt",
        content("t.txt", "It is a good film. " * 100_000),
    ),
    Case(
        "recordings",
        "a text of /dev/zero",
        ("analyze", "t.txt"),
        NOT_A_FILE,
        lambda here: (here / "t.txt").symlink_to("/dev/zero"),
    ),
]

EXTRACT = ("extract", "d", "--labels", "t.csv", "--dataset", "mine", "--low", "-3", "--high", "3", "--asr", "none")
HEAD = "id,video_id,file,start,end,text,label,split\n"
ROWS = "a,a,a.wav,0,1,good,1,train\nb,b,b.wav,0,1,bad,-1,valid\nc,c,c.wav,0,1,fine,0,test\n"


def recordings(table: str) -> Callable[[Path], object]:
    def made(here: Path) -> None:
        (here / "d").mkdir()
        tone(here / "d/a.wav")
        for name in "bc":
            shutil.copy(here / "d/a.wav", here / f"d/{name}.wav")
        content("t.csv", table)(here)

    return made


def row(text: str) -> Callable[[Path], object]:
    return recordings(HEAD + ROWS + text + "\n")


REFUSED = {
    "a recording that is not there": ("x.wav", "d,d,x.wav,0,1,x,0,train"),
    "a recording outside of the folder": ("t.csv", "d,d,../t.csv,0,1,x,0,train"),
    "a time that is a word": ("soon", "d,d,a.wav,soon,1,x,0,train"),
    "a time that is nan": ("nan", "d,d,a.wav,nan,1,x,0,train"),
    "a time in full-width digits": ("start|\uff11", "d,d,a.wav,\uff11,2,x,0,train"),
    "a time with an underscore": ("1_0", "d,d,a.wav,0,1_0,x,0,train"),
    "a negative time": ("-1", "d,d,a.wav,-1,1,x,0,train"),
    "an end before its start": ("'d'", "d,d,a.wav,1,0.5,x,0,train"),
    "an end and no start": ("'d'|start", "d,d,a.wav,,1,x,0,train"),
    "an infinite end": ("inf", "d,d,a.wav,0,inf,x,0,train"),
    "a label off the range": ("range", "d,a,a.wav,0.2,0.8,x,9,train"),
    "an id twice": ("'a'", "a,a,a.wav,0,1,x,0,train"),
    "a video in two splits": ("'a'", "d,a,a.wav,0,1,x,0,test"),
}
"""Rows that cannot be extracted, and what the refusal names."""

CASES += [
    *(Case("extract", name, EXTRACT, says, row(text)) for name, (says, text) in REFUSED.items()),
    *specials("extract", "t.csv", EXTRACT, lambda here: recordings("x")(here) or (here / "t.csv").unlink()),
    Case(
        "extract",
        "no recordings",
        EXTRACT,
        "d",
        lambda here: ((here / "d").mkdir(), content("t.csv", HEAD + ROWS)(here)),
    ),
    Case("extract", "no folder", EXTRACT, "d", content("t.csv", HEAD + ROWS)),
    Case("extract", "a split without utterances", EXTRACT, "test", recordings(HEAD + ROWS.replace("test", "train"))),
    Case("extract", "an unknown extractor", (*EXTRACT, "--audio", "speach"), "'speech'", recordings(HEAD + ROWS)),
    Case(
        "extract", "an extractor of the other modality", (*EXTRACT, "--audio", "face"), "face", recordings(HEAD + ROWS)
    ),
    Case(
        "extract",
        "a dataset of nothing",
        (*EXTRACT, "--audio", "none", "--vision", "none"),
        "text|features|nothing",
        recordings("id,video_id,file,label,split\na,a,a.wav,1,train\nb,b,b.wav,0,valid\nc,c,c.wav,0,test\n"),
    ),
    Case("extract", "a language that is none", (*EXTRACT, "--language", "klingon"), "klingon", recordings(HEAD + ROWS)),
    Case(
        "extract",
        "a name that is taken",
        (*EXTRACT[:5], "tiny", *EXTRACT[6:]),
        "exists already",
        recordings(HEAD + ROWS),
    ),
]
