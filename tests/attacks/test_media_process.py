"""The process that decodes recordings: it may die, hang, lie or be left alone, and can reach nothing."""

import os
import signal
import stat
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from makers_media import grey, make_media
from sentiprism.environment import NO_TELEMETRY
from sentiprism.errors import UserError
from sentiprism.media._decode.messages import HEADER, PICTURE, Kind
from sentiprism.media.decode import frames
from sentiprism.media.limits import Limits
from sentiprism.media.probe import probe
from sentiprism.media.types import Media


def decoders() -> list[int]:
    """Processes that decode for us; other tests may have left children of other kinds."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in found if "_decode" in Path(f"/proc/{pid}/cmdline").read_text()]


def decoder() -> int:
    """The one there is."""
    (pid,) = decoders()
    return pid


@pytest.fixture
def media(tmp_path: Path) -> Media:
    """More frames than a pipe holds."""
    return probe(make_media(tmp_path / "a.avi", images=[grey(i, 640, 480) for i in range(200)], codec="mjpeg"))


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="needs Linux's /proc")
class TestProcess:
    """The decoding process itself."""

    def test_one_that_dies(self, media: Media) -> None:
        pictures = frames(media, fps=30)
        next(pictures)
        os.kill(decoder(), signal.SIGSEGV)
        with pytest.raises(UserError, match=r"a.avi crashed its decoder \(signal 11\); convert it"):
            list(pictures)

    def test_one_that_hangs(self, media: Media) -> None:
        pictures = frames(media, fps=30, limits=Limits(patience=1))
        next(pictures)
        os.kill(decoder(), signal.SIGSTOP)
        with pytest.raises(UserError, match=r"a.avi blocked its decoder for 1 s; convert it"):
            list(pictures)
        assert not decoders()

    def test_it_has_no_environment_and_can_open_nothing(self, media: Media, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TOKEN", "secret")
        pictures = frames(media, fps=30)
        next(pictures)
        process = Path(f"/proc/{decoder()}")
        names = {entry.partition("=")[0] for entry in (process / "environ").read_text().split("\0") if entry}
        assert names <= {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE", "MALLOC_ARENA_MAX", *NO_TELEMETRY}
        limits = (process / "limits").read_text()
        assert "Max open files            0                    0" in limits
        assert f"Max address space         {Limits().memory}" in limits
        assert not any(stat.S_ISSOCK(entry.stat().st_mode) for entry in (process / "fd").iterdir())
        open_files = [str(entry.readlink()) for entry in (process / "fd").iterdir()]
        assert open_files.count(str(media.path)) == 1
        assert all(name.startswith(("pipe:", "/dev/null")) or name == str(media.path) for name in open_files)
        pictures.close()

    @pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
    def test_it_ends_when_its_parent_is_killed(self, media: Media, end: signal.Signals) -> None:
        code = (
            "import os, sys; from pathlib import Path\n"
            "from sentiprism.media.decode import frames; from sentiprism.media.probe import probe\n"
            f"pictures = frames(probe(Path({str(media.path)!r})), fps=30); next(pictures)\n"
            "print(Path(f'/proc/self/task/{os.getpid()}/children').read_text(), flush=True); sys.stdin.read()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as parent:
            child = int(parent.stdout.readline())
            waiting = os.pidfd_open(child)
            parent.send_signal(end)
            assert ended(waiting)


def ended(waiting: int) -> bool:
    """Whether a process ends within half a minute."""
    import select

    try:
        return bool(select.select([waiting], [], [], 30)[0])
    finally:
        os.close(waiting)


def picture(time: float, width: int, height: int, line_size: int, pixels: bytes = b"") -> bytes:
    """A message of one frame."""
    body = PICTURE.pack(time, width, height, line_size, 0, False) + pixels
    return HEADER.pack(Kind.PICTURE, len(body)) + body


@pytest.mark.parametrize(
    "message",
    [
        struct.pack("<BI", 9, 0),  # a kind that is none
        struct.pack("<BI", 2, 1 << 31),  # two gigabytes
        struct.pack("<BI", 1, 1 << 20),
        struct.pack("<BI", 2, 4) + b"1234",
        picture(0.0, 1 << 30, 1 << 30, 1),
        picture(float("nan"), 1, 1, 3, b"123"),
        picture(-float("inf"), 1, 1, 3, b"123"),
        picture(1e300, 1, 1, 3, b"123"),
        picture(0.0, 2, 2, 3, b"123"),
        picture(0.0, 1, 2, 3, b"123"),
        struct.pack("<BI", 1, 22)[:3],
        b"",
    ],
)
def test_what_a_decoder_says_is_checked(
    media: Media, monkeypatch: pytest.MonkeyPatch, message: bytes, tmp_path: Path
) -> None:
    """As one might that a recording has taken over."""
    (tmp_path / "taken_over.py").write_text(f"import os; os.write(1, {message!r})")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("sentiprism.media.process.CHILD", "taken_over")
    with pytest.raises(
        UserError, match=r"caused an invalid message|yielded no picture|crashed its decoder \(status 0\)"
    ):
        list(frames(media))


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="needs POSIX")
def test_a_process_with_more_than_1023_open_files_reads_its_decoder(media: Media) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    if before[1] < 1500:
        pytest.skip(f"at most {before[1]} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (1500, before[1]))
    opened = []
    try:
        opened += [os.open(os.devnull, os.O_RDONLY) for _ in range(1100)]
        assert len(list(frames(media, fps=2))) > 2
    finally:
        for descriptor in opened:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
