"""Pictures and sound come at their true times, upright, in their true colours; and little is held."""

import os
from contextlib import closing
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from makers_media import av, grey, make_media, sine, sparse_wav, turn
from sentiprism.errors import UserError
from sentiprism.machine import measure
from sentiprism.media.decode import frames, sound
from sentiprism.media.probe import probe

LEVELS = [20 + 7 * i for i in range(30)]  # a frame says which it is


COLOURS = {(1, 1, 1): "white", (1, 0, 0): "red", (0, 1, 0): "green", (0, 0, 1): "blue"}


def seen(path: Path, **options: float) -> list[tuple[float, int]]:
    """(time, index of the picture) of each frame."""
    found = []
    for frame in frames(probe(path), **options):
        index = (frame.image.mean() - LEVELS[0]) / 7
        assert abs(index - round(index)) < 0.35
        found.append((round(frame.time, 4), round(index)))
    return found


def children() -> set[str]:
    """Processes that are ours and have not ended."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def corner_colours(image: np.ndarray) -> list[str]:
    """Of the four quarters, row by row."""
    height, width = image.shape[0] // 2, image.shape[1] // 2
    names = []
    for rows in (slice(0, height), slice(height, None)):
        for columns in (slice(0, width), slice(width, None)):
            red, green, blue = np.median(image[rows, columns].reshape(-1, 3), axis=0) > 128
            names.append(
                {(1, 1, 1): "white", (1, 0, 0): "red", (0, 1, 0): "green", (0, 0, 1): "blue"}[red, green, blue]
            )
    return names


def quarters(height: int = 48, width: int = 64) -> np.ndarray:
    """White and red above green and blue."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2] = 255
    image[: height // 2, width // 2 :, 0] = 255
    image[height // 2 :, : width // 2, 1] = 255
    image[height // 2 :, width // 2 :, 2] = 255
    return image


@pytest.mark.parametrize(("suffix", "codec"), [(".mp4", "libx264"), (".mkv", "mpeg4"), (".ts", "mpeg2video")])
def test_every_third_frame_of_thirty_a_second(tmp_path: Path, suffix: str, codec: str) -> None:
    path = make_media(tmp_path / f"a{suffix}", images=map(grey, LEVELS), codec=codec)
    found = seen(path, fps=10)
    assert [index for _, index in found] == list(range(0, 30, 3))
    assert [time for time, _ in found] == pytest.approx([i / 30 for i in range(0, 30, 3)], abs=0.001)


def test_more_than_there_is_gives_every_frame(tmp_path: Path) -> None:
    assert [index for _, index in seen(make_media(tmp_path / "a.mp4", images=map(grey, LEVELS)), fps=60)] == [
        *range(30)
    ]


def test_rates_that_do_not_divide_keep_the_number_and_the_true_times(tmp_path: Path) -> None:
    path = make_media(tmp_path / "a.mp4", images=map(grey, LEVELS), fps=25)
    found = seen(path, fps=10)
    assert len(found) == 12  # 1.2 s
    assert all(time == pytest.approx(index / 25, abs=1e-4) for time, index in found)


def test_variable_rate_keeps_each_time(tmp_path: Path) -> None:
    times = [0, 0.033, 0.5, 0.533, 0.566, 0.6, 2.0, 2.01, 2.02, 3.5]
    path = make_media(tmp_path / "a.mkv", images=map(grey, LEVELS[:10]), times=times)
    assert seen(path, fps=10) == [(0, 0), (0.5, 2), (0.6, 5), (2.0, 6), (3.5, 9)]


def test_times_count_from_what_starts_first(tmp_path: Path) -> None:
    """An MPEG stream starts at 1.4 s; here its picture starts half a second after its sound."""
    times = [0.5 + i / 30 for i in range(30)]
    path = make_media(
        tmp_path / "a.ts", images=map(grey, LEVELS), times=times, codec="libx264", samples=sine(1.5, 48000),
        rate=48000, audio_codec="mp2",
    )  # fmt: skip
    found = seen(path, fps=10)
    assert found[0][1] == 0
    assert found[0][0] == pytest.approx(0.5, abs=0.03)  # the sound's coder starts a few milliseconds early
    assert len(sound(probe(path))) == pytest.approx(1.5 * 16000, abs=800)


@pytest.mark.parametrize(
    ("matrix", "colours"),
    [
        ((1, 0, 0, 1), ["white", "red", "green", "blue"]),
        ((0, 1, -1, 0), ["green", "white", "blue", "red"]),  # a telephone held upright: clockwise
        ((-1, 0, 0, -1), ["blue", "green", "red", "white"]),
        ((0, -1, 1, 0), ["red", "blue", "white", "green"]),
        ((-1, 0, 0, 1), ["red", "white", "blue", "green"]),  # mirrored
        ((0, 1, 1, 0), ["white", "green", "red", "blue"]),  # transposed
    ],
)
def test_frames_are_upright(tmp_path: Path, matrix: tuple, colours: list[str]) -> None:
    media = probe(turn(make_media(tmp_path / "a.mp4", images=[quarters()] * 5), matrix))
    frame = next(frames(media))
    assert corner_colours(frame.image) == colours
    assert frame.image.shape == (media.video.height, media.video.width, 3)
    assert frame.image.flags.c_contiguous


@pytest.mark.parametrize("codec", ["mpeg4", "mjpeg"])  # limited and full range
@pytest.mark.parametrize("colour", [(0, 0, 0), (255, 255, 255), (200, 40, 90)])
def test_colours_are_true(tmp_path: Path, codec: str, colour: tuple[int, int, int]) -> None:
    image = np.full((48, 64, 3), colour, np.uint8)
    frame = next(frames(probe(make_media(tmp_path / "a.mkv", images=[image] * 3, codec=codec))))
    assert np.abs(frame.image.reshape(-1, 3).mean(axis=0) - colour).max() < 5


@pytest.mark.parametrize(
    ("size", "aspect", "longest", "shape"),
    [
        ((640, 360), None, 320, (180, 320)),
        ((360, 640), None, 320, (320, 180)),
        ((64, 48), None, 640, (48, 64)),  # never enlarged
        ((64, 48), Fraction(2), 64, (24, 64)),
        ((640, 16), None, 20, (1, 20)),
    ],
)
def test_size_of_frames(tmp_path: Path, size: tuple, aspect: Fraction | None, longest: int, shape: tuple) -> None:
    path = make_media(tmp_path / "a.mp4", images=[grey(99, *size)] * 3, aspect=aspect)
    assert next(frames(probe(path), longest=longest)).image.shape == (*shape, 3)


def test_real_clip(shared_data: Path) -> None:
    media = probe(shared_data / "clips" / "mosi_Oz06ZWiO20M_6.mp4")
    first, again = list(frames(media, fps=2)), list(frames(media, fps=2))
    assert [frame.time for frame in first] == pytest.approx(np.arange(15) / 2, abs=0.02)
    assert all((a.image == b.image).all() for a, b in zip(first, again, strict=True))
    assert sound(media).std() > 500


def test_two_decoders_at_once_give_what_each_gives_alone(tmp_path: Path) -> None:
    path = make_media(tmp_path / "a.mp4", images=map(grey, LEVELS), samples=sine(1, 16000), audio_codec="aac")
    media = probe(path)
    alone = [frame.time for frame in frames(media)], sound(media).copy()
    pairs = list(zip(frames(media), frames(media), strict=True))
    assert [a.time for a, _ in pairs] == [b.time for _, b in pairs] == alone[0]
    with closing(frames(media)) as pictures:
        next(pictures)
        assert (sound(media) == alone[1]).all()


def test_closing_ends_the_decoder(tmp_path: Path) -> None:
    media = probe(make_media(tmp_path / "a.avi", images=[grey(9, 640, 480)] * 200, codec="mjpeg"))
    before = children()
    with closing(frames(media, fps=30)) as pictures:
        next(pictures)
        assert len(children() - before) == 1  # it waits: 200 frames do not fit into a pipe
    assert children() == before


def test_nothing_is_left_open(tmp_path: Path) -> None:
    media = probe(make_media(tmp_path / "a.mp4", images=[grey(9)] * 9, samples=sine(0.3, 16000), audio_codec="aac"))
    before = len(os.listdir("/proc/self/fd")), children()
    assert len(list(frames(media))) == 3
    assert len(sound(media, folder=tmp_path)) > 4000
    assert (len(os.listdir("/proc/self/fd")), children()) == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


@pytest.mark.parametrize("rate", [16000, 22050, 44100])
@pytest.mark.parametrize(("codec", "suffix"), [("pcm_s16le", ".wav"), ("aac", ".mp4"), ("libopus", ".webm")])
def test_a_tone_keeps_length_pitch_and_phase(tmp_path: Path, rate: int, codec: str, suffix: str) -> None:
    path = make_media(tmp_path / f"a{suffix}", samples=sine(2, 48000), rate=48000, audio_codec=codec)
    heard = sound(probe(path), rate)
    assert len(heard) == pytest.approx(2 * rate, abs=0.03 * rate)
    middle = slice(rate // 2, 3 * rate // 2)
    assert np.corrcoef(heard[middle], sine(2, rate)[middle])[0, 1] > 0.99  # 0.3 ms late would be 0.68


def test_channels_are_mixed(tmp_path: Path) -> None:
    path, tone = tmp_path / "a.wav", sine(1, 16000)
    with av.open(str(path), "w") as file:
        stream = file.add_stream("pcm_s16le", rate=16000, layout="stereo")
        frame = av.AudioFrame.from_ndarray(np.stack([tone, 0 * tone], 1).reshape(1, -1), "s16", "stereo")
        frame.sample_rate = 16000
        file.mux(stream.encode(frame))
    assert np.abs(sound(probe(path)) - tone / 2).max() < 2


def test_late_sound_is_preceded_by_silence(tmp_path: Path) -> None:
    path = make_media(
        tmp_path / "a.mkv", images=map(grey, LEVELS), samples=sine(1, 16000), starts=[(0.5, 0)]
    )  # fmt: skip
    heard = sound(probe(path))
    assert len(heard) == 24000
    assert not heard[:8000].any()
    assert np.abs(heard[8000:] - sine(1, 16000)).max() <= 1


def test_a_gap_is_silent_and_what_follows_stays_in_its_place(tmp_path: Path) -> None:
    tone = sine(2, 16000)
    heard = sound(probe(make_media(tmp_path / "a.mkv", samples=tone, starts=[(0, 0), (3, 16000)])))
    assert len(heard) == 64000
    assert np.abs(heard[:16000] - tone[:16000]).max() <= 1
    assert not heard[16000:48000].any()
    assert np.abs(heard[48000:] - tone[16000:]).max() <= 1


def test_what_comes_again_is_heard_once(tmp_path: Path) -> None:
    """Streams that were joined repeat themselves; few containers can say so, so frames are laid by hand."""
    from sentiprism.media._decode.samples import SampleFile

    tone = sine(2, 16000)
    with (tmp_path / "samples").open("w+b") as file:
        samples = SampleFile(file.fileno(), 16000, 10)
        for at in [*range(0, 16000, 320), *range(8000, 32000, 320)]:
            frame = av.AudioFrame.from_ndarray(tone[None, at : at + 320], "s16", "mono")
            frame.sample_rate = 16000
            samples.add(frame, at / 16000)
        samples.flush()
        assert samples.length == 32000
    assert (np.fromfile(tmp_path / "samples", np.int16) == tone).all()


@pytest.mark.parametrize("first", [16000, 44100])  # another rate from the middle on
def test_sound_may_change_its_form(tmp_path: Path, first: int) -> None:
    from sentiprism.media._decode.samples import SampleFile

    with (tmp_path / "samples").open("w+b") as file:
        samples = SampleFile(file.fileno(), 16000, 10)
        for index, rate in enumerate([first, 48000]):
            tone = sine(1, rate)
            for at in range(0, rate, rate // 50):
                part = tone[None, at : at + rate // 50]
                frame = av.AudioFrame.from_ndarray(part, "s16", "mono")
                frame.sample_rate = rate
                samples.add(frame, index + at / rate)
        samples.flush()
    heard = np.fromfile(tmp_path / "samples", np.int16)
    assert len(heard) == pytest.approx(32000, abs=40)
    assert np.corrcoef(heard[1000:31000], sine(2, 16000)[1000:31000])[0, 1] > 0.99


def test_jitter_of_time_stamps_moves_no_sample(tmp_path: Path) -> None:
    tone, random = sine(2, 16000), np.random.default_rng(0)
    starts = [(max(0, at / 16000 + random.uniform(-0.004, 0.004)), at) for at in range(0, 32000, 320)]
    assert np.abs(sound(probe(make_media(tmp_path / "a.mkv", samples=tone, starts=starts))) - tone).max() <= 1


def test_an_hour_of_sound_needs_no_memory(tmp_path: Path) -> None:
    path = sparse_wav(tmp_path / "hour.wav", 3600)
    code = (
        "import json; from pathlib import Path\n"
        "from sentiprism.machine import peak_memory\n"
        "from sentiprism.media.decode import sound; from sentiprism.media.probe import probe\n"
        "from sentiprism.media.limits import Limits\n"
        "limits = Limits(memory=280 * 2**20)\n"
        f"media = probe(Path({str(path)!r}), limits); before = peak_memory()\n"
        "told = []\n"
        f"heard = sound(media, folder=Path({str(tmp_path)!r}), limits=limits, watch=told.append)\n"
        "print(json.dumps([len(heard), before, peak_memory(), peak_memory(children=True), told]))"
    )
    (tmp_path / "measured.py").write_text(code, encoding="utf-8")
    length, before, after, child, told = measure(tmp_path / "measured.py")
    assert length == 3600 * 16000  # 115 MB
    assert after - before < 20
    assert child < 120
    assert told == sorted(told)  # progress, in seconds of the recording
    assert all(0 <= seconds <= 3600 for seconds in told)


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    silent = probe(make_media(tmp_path / "a.mp4", images=[grey(9)] * 9))
    unseen = probe(make_media(tmp_path / "a.wav", samples=sine(1, 16000)))
    with pytest.raises(UserError, match="has no sound"):
        sound(silent)
    with pytest.raises(UserError, match="has no moving picture"):
        frames(unseen)
