"""Recordings that are none, that are too much, that are damaged: one line each."""

import os
import struct
from pathlib import Path

import numpy as np
import pytest

from makers_media import av, grey, make_media, sine, sparse_wav
from sentiprism.errors import UserError
from sentiprism.media.decode import frames, sound
from sentiprism.media.limits import Limits
from sentiprism.media.probe import probe


def line(path: Path, limits: Limits | None = None) -> str:
    """What `probe` says of a file, and of nothing else."""
    with pytest.raises(UserError) as raised:
        probe(path, limits or Limits())
    said = str(raised.value)
    assert said.isprintable()
    return said.replace(str(path), "FILE")


def film(path: Path, **options: object) -> Path:
    """One second of picture and sound."""
    images = [grey(20 + 7 * i) for i in range(30)]
    return make_media(path, images=images, samples=sine(1, 16000), **{"audio_codec": "aac", **options})


def write(path: Path, content: bytes | str) -> Path:
    """A file."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


PLAYLISTS = {
    "ffconcat": "ffconcat version 1.0\nfile '{secret}'\n",
    "hls": "#EXTM3U\n#EXT-X-VERSION:3\n#EXTINF:1,\nfile://{secret}\n#EXT-X-ENDLIST\n",
    "pls": "[playlist]\nFile1={secret}\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nm=video 5004 RTP/AVP 96\n",
    "dash": '<?xml version="1.0"?>\n<MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>{secret}</BaseURL></MPD>',
}


@pytest.mark.parametrize("kind", PLAYLISTS)
def test_playlists_are_not_followed(tmp_path: Path, kind: str) -> None:
    secret = film(tmp_path / "secret.mp4")
    path = write(tmp_path / "a.mp4", PLAYLISTS[kind].format(secret=secret))
    assert line(path).startswith("FILE is a playlist: a list of other files, which are not opened; ")


def test_ffmpeg_itself_would_follow(tmp_path: Path) -> None:
    secret = film(tmp_path / "secret.mp4")
    path = write(tmp_path / "a.mp4", PLAYLISTS["ffconcat"].format(secret=secret.name))
    with av.open(str(path)) as file:
        assert len(file.streams) == 2


def test_a_film_that_names_another_file(tmp_path: Path) -> None:
    """A QuickTime reference movie: its samples are said to be in another file, which is there."""
    secret = make_media(tmp_path / "secret.mov", samples=sine(1, 16000))
    own, name = b"\0\0\0\x0curl \0\0\0\x01", str(secret).encode()
    content = secret.read_bytes()
    assert content.count(own) == 1
    alias = bytes(150) + struct.pack(">HH", 2, len(name)) + name + bytes(len(name) % 2) + b"\xff\xff\0\0"
    alias = struct.pack(">I", 12 + len(alias)) + b"alis" + bytes(4) + alias
    grown, at = len(alias) - len(own), content.index(own)
    reference = bytearray(content.replace(own, alias))
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):  # that hold it
        start = content.rindex(box, 0, at) - 4
        reference[start : start + 4] = struct.pack(">I", struct.unpack_from(">I", content, start)[0] + grown)
    data = content.index(b"mdat") + 4
    reference[data : data + 32000] = bytes(32000)
    path = write(tmp_path / "a.mov", bytes(reference))
    with av.open(str(path), options={"enable_drefs": "1", "use_absolute_path": "1"}) as file:
        assert any(frame.to_ndarray().any() for frame in file.decode(audio=0))  # a reader may be told to follow
    assert line(path).startswith("FILE has no picture and no sound, only a header")  # ours is not


NOT_MEDIA: dict[str, tuple[bytes, str]] = {
    "text": (b"It was the best of times, it was the worst of times.\n" * 40, "is a text file, not a recording; give"),
    "subtitles": (b"1\n00:00:01,000 --> 00:00:02,000\nHello\n\n", "is a text file, not a recording; give"),
    "zeros": (bytes(10000), "is not a recording, or"),
    "noise": (np.random.default_rng(0).bytes(10000), "is not a recording, or"),
    "png": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x02", "is not a recording, or"),
    "zip": (b"PK\x03\x04" + bytes(100), "is not a recording, or"),
    "empty": (b"", "is empty; get"),
}


@pytest.mark.parametrize("kind", NOT_MEDIA)
def test_what_is_no_recording(tmp_path: Path, kind: str) -> None:
    content, said = NOT_MEDIA[kind]
    assert line(write(tmp_path / "talk.mp4", content)).startswith(f"FILE {said}")


def test_folders_devices_and_pipes(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    assert line(tmp_path) == "FILE is a folder; give a recording"
    assert line(tmp_path / "fifo") == "FILE is not a regular file; save the recording as a file first"
    assert line(Path("/dev/zero")) == "FILE is not a regular file; save the recording as a file first"
    assert line(tmp_path / "nothing") == "no file FILE; check the path"


def test_no_right_to_read(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4")
    path.chmod(0)
    user = os.geteuid()
    if user == 0:  # whom no right can be taken from
        os.seteuid(65534)
    try:
        assert line(path) == "FILE cannot be opened (permission denied); check the path and its permissions"
    finally:
        os.seteuid(user)


@pytest.mark.parametrize("name", ["a\nb.mp4", "a\x1b[31mb.mp4", b"\xff\xfe.mp4".decode(errors="surrogateescape")])
def test_names_that_would_break_the_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(UserError) as raised:
        probe(write(tmp_path / name, b"no"))
    assert str(raised.value).isprintable()
    assert "is a text file" in str(raised.value)


@pytest.mark.parametrize("suffix", [".mp4", ".mkv", ".avi", ".wav"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_copies_that_were_cut_short(tmp_path: Path, suffix: str, share: float) -> None:
    images = [] if suffix == ".wav" else [grey(i % 250) for i in range(900)]
    path = make_media(tmp_path / f"whole{suffix}", images=images, samples=sine(30, 16000))
    assert probe(path).duration == pytest.approx(30, abs=0.1)
    content = path.read_bytes()
    said = line(write(tmp_path / f"cut{suffix}", content[: int(share * len(content))]))
    if suffix == ".mp4":  # whose index stands at the end
        assert said.startswith("FILE is not a recording, or its start is damaged or its index is missing")
    elif suffix in {".avi", ".wav"}:
        missing = len(content) - int(share * len(content))
        assert said.startswith(f"FILE is cut short: the last {missing} bytes are missing; ")
    else:
        assert "FILE is cut short: its header says 30.0 s, but it has " in said
        assert float(said.split("it has ")[1].split()[0]) == pytest.approx(30 * share, abs=1.5)


def test_frames_too_wide(tmp_path: Path) -> None:
    for codec, container in (("ffv1", "avi"), ("mjpeg", "mkv"), ("libx264", "ts")):
        noise = np.random.default_rng(0).integers(0, 255, (3, 64, 10000, 3), np.uint8)
        path = make_media(tmp_path / f"wide.{container}", images=noise, codec=codec)
        assert line(path).startswith("FILE has frames of 10000x64 pixels, the limit is 8192 pixels a side and ")


def test_longer_than_the_limit(tmp_path: Path) -> None:
    assert line(sparse_wav(tmp_path / "a.wav", 3 * 3600)) == (
        "FILE lasts 3:00:00 h, the limit is 2:00:00 h; cut it into shorter recordings"
    )
    starts = [(0, 0), (8000, 16000)]
    long = make_media(tmp_path / "a.mkv", samples=sine(2, 16000), starts=starts, container="matroska", live=True)
    assert line(long).startswith("FILE is too long, the limit is 2:00:00 h; ")  # no header says so


def test_a_bomb_stays_within_its_memory(tmp_path: Path) -> None:
    """A few kilobytes that unpack to frames of 34 million pixels."""
    path = make_media(tmp_path / "bomb.avi", images=[grey(9, 8192, 4096)] * 2, codec="ffv1")
    assert path.stat().st_size < 200_000
    assert line(path, Limits(memory=205 * 2**20)).startswith("FILE needs more than 215 MB of memory to decode; ")
    media = probe(path)
    with pytest.raises(UserError, match="needs more than 215 MB of memory"):
        list(frames(media, limits=Limits(memory=205 * 2**20)))
    assert len(list(frames(media, fps=30, longest=64))) == 2


def test_time_is_limited(tmp_path: Path) -> None:
    media = probe(make_media(tmp_path / "a.avi", images=[grey(9, 640, 480)] * 3, codec="mjpeg"))
    with pytest.raises(UserError, match=r"blocked its decoder for 0 s"):
        list(frames(media, limits=Limits(patience=0)))


def test_damage_in_the_middle_is_told_after_what_is_good(tmp_path: Path) -> None:
    path = make_media(tmp_path / "a.avi", images=[grey(20 + i) for i in range(200)], codec="mjpeg")
    content, good = bytearray(path.read_bytes()), len(list(frames(probe(path), fps=30)))
    assert good == 200
    marks = [at for at in range(len(content) - 2) if content[at : at + 3] == b"\xff\xd8\xff"]
    for at in marks[100:150]:
        content[at : at + 600] = bytes(600)
    media = probe(write(tmp_path / "b.avi", bytes(content)))
    given = []
    with pytest.raises(UserError, match=r"b.avi is damaged: 50 of 200 packets of its picture cannot be decoded; "):
        given.extend(frame.time for frame in frames(media, fps=30))
    assert len(given) == 150
    for at in marks[100:145]:
        content[at : at + 600] = path.read_bytes()[at : at + 600]
    assert len(list(frames(probe(write(tmp_path / "c.avi", bytes(content))), fps=30))) == 195  # a little is forgiven


def test_damaged_sound_leaves_nothing(tmp_path: Path) -> None:
    path = make_media(tmp_path / "a.mkv", samples=sine(5, 16000), audio_codec="flac")
    content = bytearray(path.read_bytes())
    media = probe(path)
    for at in range(len(content) // 3, len(content) - 400, 150):
        content[at : at + 2] = b"\0\xff"
    write(path, bytes(content))
    (tmp_path / "room").mkdir()
    with pytest.raises(UserError, match="is damaged"):
        sound(media, folder=tmp_path / "room")
    assert not list((tmp_path / "room").iterdir())


def test_damaged_bytes_are_read_or_refused(tmp_path: Path) -> None:
    whole, rng = film(tmp_path / "a.mp4").read_bytes(), np.random.default_rng(0)
    outcomes = {"read": 0, "refused": 0}
    for _ in range(12):
        content = bytearray(whole)
        for at in rng.integers(0, len(whole), 6):
            content[at] = rng.integers(256)
        said = ""
        try:
            media = probe(write(tmp_path / "b.mp4", bytes(content)))
            list(frames(media) if media.video else sound(media)[:1])
        except UserError as error:
            said = str(error)
        assert said.isprintable()
        outcomes["refused" if said else "read"] += 1
    assert min(outcomes.values()) > 0
