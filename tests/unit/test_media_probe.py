"""What is found in a file is what is in it."""

from fractions import Fraction
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from makers_media import av, grey, make_media, sine, turn
from sentiprism.errors import UserError
from sentiprism.media.limits import Limits
from sentiprism.media.probe import probe

CLIPS = {
    "liveportrait_d10.mp4": (14.97, (512, 512, 30), ("aac", 44100, 2)),
    "mosi_Oz06ZWiO20M_6.mp4": (7.5, (480, 360, 30), ("aac", 44100, 2)),
    "mosi_03bSnISJMiM_1.wav": (3.33, None, ("pcm_s16le", 16000, 2)),
    "pyfeat_single_face.mp4": (2.42, (640, 360, 30), ("mp3float", 44100, 2)),
    "sadtalker_WDA_KatieHill_000.mp4": (8.0, (512, 512, 25), ("aac", 16000, 2)),
}


@pytest.mark.parametrize("name", CLIPS)
def test_real_clips(shared_data: Path, name: str) -> None:
    path = shared_data / "clips" / name
    duration, video, audio = CLIPS[name]
    media = probe(path)
    assert media.duration == pytest.approx(duration, abs=0.01)
    assert media.content == sha256(path.read_bytes()).hexdigest()
    assert (media.video and (media.video.width, media.video.height, media.video.fps)) == video
    assert (media.audio.codec, media.audio.rate, media.audio.channels) == audio


@pytest.mark.parametrize(
    ("suffix", "codec", "audio_codec", "container"),
    [
        (".mp4", "libx264", "aac", "mov"),
        (".mov", "mpeg4", "pcm_s16le", "mov"),
        (".mkv", "libx264", "flac", "matroska"),
        (".webm", "libvpx-vp9", "libopus", "matroska"),
        (".avi", "mjpeg", "pcm_s16le", "avi"),
        (".ts", "mpeg2video", "mp2", "mpegts"),
        (".mpg", "mpeg2video", "mp2", "mpeg"),
        (".flv", "flv", "aac", "flv"),
        (".wmv", "wmv2", "libmp3lame", "asf"),
    ],
)
def test_video_of_every_container(tmp_path: Path, suffix: str, codec: str, audio_codec: str, container: str) -> None:
    images = [grey(10 * i) for i in range(15)]
    path = make_media(
        tmp_path / f"film{suffix}", images=images, fps=25, codec=codec, samples=sine(0.6, 48000), rate=48000,
        audio_codec=audio_codec,
    )  # fmt: skip
    media = probe(path)
    assert media.container.startswith(container)
    assert media.duration == pytest.approx(0.6, abs=0.08)
    assert (media.video.width, media.video.height) == (64, 48)
    assert media.video.fps == pytest.approx(25, abs=0.5)
    assert (media.audio.rate, media.audio.channels) == (48000, 1)


SOUNDS = {"wav": "pcm_s16le", "flac": "flac", "ogg": "libopus", "mp3": "libmp3lame", "aac": "aac", "aiff": "pcm_s16be"}


@pytest.mark.parametrize(
    ("suffix", "codec", "container"), [*((s, c, s) for s, c in SOUNDS.items()), ("m4a", "aac", "mov")]
)
def test_sound_of_every_container(tmp_path: Path, suffix: str, codec: str, container: str) -> None:
    path = make_media(tmp_path / f"song.{suffix}", samples=sine(3, 48000), rate=48000, audio_codec=codec)
    media = probe(path)
    assert media.container.startswith(container)
    assert media.video is None
    assert media.audio.rate == 48000
    assert media.duration == pytest.approx(3, abs=0.08)


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    made = make_media(tmp_path / "a.wav", samples=sine(1, 16000))
    renamed = made.rename(tmp_path / "a.mp4")
    assert probe(renamed).container == "wav"


@pytest.mark.parametrize(
    "name", ["a b.wav", 'it\'s "quoted".wav', "Zoë 中文.wav", "-rf.wav", "file:a.wav", "a%03d.wav", "a\nb.wav"]
)
def test_any_name_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    make_media(tmp_path / "plain.wav", samples=sine(1, 16000)).rename(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    assert probe(Path(name)).duration == 1.0


@pytest.mark.parametrize("level", [1.0, 40.0])  # a guess from the bit rate would be far too short, or too long
def test_duration_is_measured_where_the_header_has_none(tmp_path: Path, level: float) -> None:
    """As a browser records: the header is never completed."""
    noise = np.random.default_rng(0).normal(size=(60, 48, 64, 3))
    images = [np.uint8(np.clip(128 + level * (1 if i < 3 else 0) * noise[i], 0, 255)) for i in range(60)]
    path = make_media(tmp_path / "a.mkv", images=images, samples=sine(2, 16000), container="matroska", live=True)
    with av.open(str(path)) as file:
        assert file.duration != pytest.approx(2e6, rel=0.01)
    assert probe(path).duration == pytest.approx(2.0, abs=0.01)


@pytest.mark.parametrize(
    ("matrix", "size"),
    [((1, 0, 0, 1), (64, 48)), ((0, 1, -1, 0), (48, 64)), ((-1, 0, 0, -1), (64, 48)), ((0, -1, 1, 0), (48, 64))],
)
def test_size_is_of_the_upright_picture(tmp_path: Path, matrix: tuple, size: tuple[int, int]) -> None:
    video = probe(turn(make_media(tmp_path / "a.mp4", images=[grey(9)] * 9), matrix)).video
    assert (video.width, video.height) == size


def test_size_is_in_square_pixels(tmp_path: Path) -> None:
    video = probe(make_media(tmp_path / "a.mp4", images=[grey(9)] * 9, aspect=Fraction(16, 12))).video
    assert (video.width, video.height) == (85, 48)


def test_the_cover_of_a_song_is_no_moving_picture(tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as file:
        song, cover = file.add_stream("aac", rate=16000, layout="mono"), file.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = av.stream.Disposition.attached_pic
        file.mux(cover.encode(av.VideoFrame.from_ndarray(grey(90), "rgb24")))
        frame = av.AudioFrame.from_ndarray(sine(2, 16000)[None], "s16", "mono")
        frame.sample_rate = 16000
        file.mux(song.encode(frame))
        file.mux(song.encode(None))
    media = probe(path)
    assert media.video is None
    assert media.duration == pytest.approx(2, abs=0.1)


@pytest.mark.parametrize(
    ("limits", "line"),
    [
        (Limits(duration=0.5), "the limit is 0:00:00 h; cut it"),
        (Limits(side=60), "has frames of 64x48 pixels, the limit is 60 pixels a side"),
        (Limits(pixels=3000), "has frames of 64x48 pixels"),
        (Limits(streams=1), "has 2 streams, the limit is 1; "),
        (Limits(size=1000), "the limit for a recording is 1.0 kB; "),
    ],
)
def test_limits_name_what_is_too_much(tmp_path: Path, limits: Limits, line: str) -> None:
    path = make_media(tmp_path / "a.mp4", images=[grey(9)] * 30, samples=sine(1, 16000), audio_codec="aac")
    assert probe(path).video is not None
    with pytest.raises(UserError) as raised:
        probe(path, limits)
    assert str(raised.value).startswith(str(path))
    assert line in str(raised.value)
