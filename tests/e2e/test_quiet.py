"""Nothing talks out: every command that fetches nothing runs without a connection, and without a file elsewhere.

They run under strace, in as few processes as possible: importing torch takes longer than most commands.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from makers import make_mmsa
from makers_cli import assignments, write_experiment
from makers_guard import Guard, faults

pytestmark = pytest.mark.timeout(900)  # strace, and whatever else runs on the machine

TMP = re.compile(r"torchinductor_[^/]+")
"""What torch leaves among temporary files: an empty folder."""
HOME = (".cache/matplotlib", ".config/matplotlib", ".cache/fontconfig", ".cache/sentiprism/numba")
"""Fonts that matplotlib found, which MediaPipe imports too; functions that librosa had compiled."""
LABELS = "id,video_id,text,label,split\nclip,a,so good,2,train\nb,b,so bad,-2,valid\nc,c,well,0,test\n"
MASK = 0o027
"""Of the user: files are for him and his group."""


@pytest.fixture
def guard(tmp_path: Path) -> Iterator[Guard]:
    """Whatever ran, nothing may be left where nobody looks for it, and every file's mode is the user's choice."""
    before = os.umask(MASK)
    guard = Guard(tmp_path / "guarded")
    yield guard
    os.umask(before)
    assert [path for path in guard.left("tmp") if not TMP.fullmatch(path)] == []
    assert [path for path in guard.left("home") if not path.startswith(HOME)] == []
    made = [path for name in ("work", "data") for path in (guard.root / name).rglob("*") if not path.is_symlink()]
    assert [path for path in made if path.stat().st_mode & 0o777 != (0o750 if path.is_dir() else 0o640)] == []


@pytest.fixture
def clips(guard, strong_expressions, two_cities) -> Path:
    """Folder of recordings: three seconds of a real face over a real voice, which says eleven words."""
    from makers_media import make_media, pictures

    folder = guard.work / "clips"
    folder.mkdir()
    images = pictures(strong_expressions / "WolfgangLanger_Pexels.mp4", 30)
    clip = make_media(folder / "clip.mkv", images=images, fps=10, samples=two_cities[: 3 * 16_000])
    for name in "bc":
        (folder / f"{name}.mkv").write_bytes(clip.read_bytes() + name.encode())  # other content: nothing is cached
    return folder


def test_the_demo_analyses_and_extraction(guard, clips, minilm, whisper_base, face_landmarker):
    """The demo analyses recordings in its own process, which compiles what the two for the folder of clips reuse."""
    (guard.work / "review.txt").write_text("It was the best of times. It was the worst of times.\n")
    (guard.work / "labels.csv").write_text(LABELS)
    said = guard.run(
        ("demo", "--seeds", 1, "--device", "cpu"),
        ("analyze", "review.txt", "--out", "text"),
        ("analyze", clips, "--out", "reports", "--jobs", 2),
        ("extract", clips, "--labels", "labels.csv", "--dataset", "mine", "--low", -3, "--high", 3),
    )
    assert "MAE" in said
    for name in ("clip", "b", "c"):
        (utterance,) = json.loads((guard.work / "reports" / name / "analysis.json").read_text())["utterances"]
        assert utterance["present"] == ["text", "audio", "vision"]
        assert "the best of times" in utterance["text"]


def test_datasets_training_and_evidence(guard):
    make_mmsa(guard.work / "unaligned_50.pkl")
    (guard.work / "labels.csv").write_text(LABELS)
    guard.run(
        ("dataset", "add", "mosi", "--mmsa", "unaligned_50.pkl"),
        ("dataset", "add", "own", "--labels", "labels.csv", "--low", -3, "--high", 3),
        ("dataset", "list"),
        ("dataset", "show", "mosi", "--verify"),
        ("dataset", "remove", "mosi"),
        ("models",),
        ("reproduce", "mdf", "--dataset", "mosi"),
        ("bench", "text_only", "--encoder", "none", "--only", "real", "--steps", 1, "--rounds", 1, "--threads", 1),
    )
    made = "from sentiprism.data.synthetic import synthetic_dataset; synthetic_dataset('tiny', sizes=(40, 24, 16))"
    guard.prepare(made)
    paper = write_experiment(guard.work)
    cpu = ("--device", "cpu")
    guard.run(
        ("train", "mdf", "--dataset", "tiny", "--tensorboard", "--seeds", 1, *assignments(), "--out", "runs/one", *cpu),
        ("evaluate", "runs/one", *cpu),
        ("ablate", "mdf", "--experiment", paper, "--table", "modalities", "--out", "runs", *cpu),
        ("compare", "runs/one", "runs/03-mdf", *cpu),
        ("results", "runs", "--out", "results.md", "--reference", "mdf", *cpu),
        ("robustness", "runs/one", "--kind", "missing", "--points", 2, *cpu),
        ("calibrate", "runs/one", *cpu),
        ("explain", "runs/one", "--id", "test-0000-1", *cpu),
        *(
            ("figure", kind, "runs/one", *cpu)
            for kind in ("weights", "gates", "confusion", "robustness", "reliability")
        ),
        ("figure", "runs", "runs/one", "runs/03-mdf", *cpu),
        ("figure", "tsne", "runs/one", "--by", "feature", "--feature", "text*", "--points", 40, "--out", "t.svg", *cpu),
        ("tune", "mdf", "--dataset", "tiny", "--trials", 2, "--jobs", 2, "--out", "study", *assignments(), *cpu),
    )


def test_doctor_connects_nowhere_offline(guard):
    guard.variables["SENTIPRISM_OFFLINE"] = "1"
    assert "not checked" in guard.run(("doctor",), ("doctor", "--json"))


# the guard itself

SHARED = "/dev/shm/sentiprism-test"  # noqa: S108 - shared memory, which belongs to everybody


@pytest.mark.parametrize(
    ("statement", "cause"),
    [
        ("socket.getaddrinfo('example.invalid', 443)", "htons(53)"),
        ("socket.create_connection(('192.0.2.1', 9), 0.1)", "192.0.2.1"),
        ("socket.socket(type=socket.SOCK_DGRAM).sendto(b'', ('192.0.2.1', 9))", "192.0.2.1"),
        ("socket.socket().bind(('', 0))", "0.0.0.0"),  # noqa: S104 - what must not happen
        ("open('../elsewhere', 'w')", "elsewhere"),
        ("os.mkdir('../elsewhere')", "elsewhere"),
        ("os.mkdir('here'), os.rename('here', '../elsewhere')", "elsewhere"),
        ("os.mkfifo('../elsewhere')", "elsewhere"),
        ("os.spawnv(os.P_WAIT, sys.executable, ['python', '-c', ''])", "without NO_TELEMETRY"),
        (f"open('{SHARED}', 'w')", f"leaves {SHARED}"),
    ],
)
def test_the_guard_sees(guard, statement, cause):
    program = f"""
import contextlib, os, socket, sys, threading
def run():
    with contextlib.suppress(OSError):
        {statement}
threading.Thread(target=run).start()
"""
    _, calls = guard.watch(sys.executable, "-c", program)
    Path(SHARED).unlink(missing_ok=True)
    assert any(cause in fault for fault in faults(calls, guard.work, [guard.work]))


def test_the_guard_lets_pass_what_stays_on_the_machine(guard):
    program = f"""
import os, socket
with socket.create_server(("127.0.0.1", 0)) as server:
    socket.create_connection(server.getsockname()).close()
socket.socketpair()
open("here", "w").close()
os.rename("here", "there")
open(os.devnull, "w").close()
open("{SHARED}", "w").close()
os.unlink("{SHARED}")
"""
    _, calls = guard.watch(sys.executable, "-c", program)
    assert faults(calls, guard.work, [guard.work]) == []


@pytest.mark.parametrize("address", ["2001:db8::1", "::ffff:192.0.2.1", "::"])
def test_the_guard_sees_another_machine_of_the_newer_protocol(address):
    place = f'sin6_port=htons(443), sin6_flowinfo=htonl(0), inet_pton(AF_INET6, "{address}", &sin6_addr)'
    call = f"connect(3<socket:[1]>, {{sa_family=AF_INET6, {place}, sin6_scope_id=0}}, 28) = -1 ENETUNREACH (Network)"
    assert faults([call], Path("/"), []) == [call]
    assert faults([call.replace(f'"{address}"', '"::1"')], Path("/"), []) == []
