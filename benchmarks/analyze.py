"""Cost of `analyze` as a ratio to the recording's length, and the memory of all its processes together.

    python benchmarks/analyze.py RECORDING... [--transcript FILE] [--asr base] [--minutes 60] [--against SRC --turns 3]

Each recording is analysed in a process of its own, with the feature cache off (a home of its own) and the assets
where they are. With ``--minutes`` the recording's packets are repeated, as they are, until it is that long, and
its transcript with them. Models and libraries are loaded within the time that is counted: for short recordings that is
most of it, which the ratio for a long one does not show. CPU seconds are those of all processes.

With ``--against`` the code in another checkout's ``src`` analyses each recording too, by turns, and the table has
the ratio of the medians, with the range over the turns: on a loaded machine the ratios say more than the seconds.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

import sentiprism
from sentiprism.files import home
from sentiprism.machine import MB, machine, peak_memory


def resident() -> float:
    """MB of this process and all below it, as the kernel shares pages out among them (PSS)."""
    total = 0
    for status in Path("/proc").glob("[0-9]*/smaps_rollup"):
        try:
            if os.getpgid(int(status.parent.name)) == os.getpgrp():
                total += next(int(line.split()[1]) for line in status.read_text().splitlines() if line[:4] == "Pss:")
        except (OSError, StopIteration):  # it ended while we looked
            continue
    return total * 1024 / MB


def watch(peak: list[float], done: threading.Event) -> None:
    """Keep the largest total."""
    while not done.wait(0.5):
        peak[0] = max(peak[0], resident())


def processor() -> float:
    """CPU seconds of this process and of its children that have ended."""
    return sum(os.times()[:4])


def child(recording: Path, transcript: Path | None, asr: str, model: str) -> None:
    """Analyse one recording and print what it cost."""
    os.setpgrp()
    from sentiprism.analysis.analyze import analyze

    peak, done = [0.0], threading.Event()
    watcher = threading.Thread(target=watch, args=(peak, done), daemon=True)
    watcher.start()
    parts: dict[str, float] = {}
    start, cpu = time.perf_counter(), processor()
    options = {"asr": asr, "model": model}
    found = analyze(recording, transcript=transcript, options=options, on_time=parts.__setitem__)
    seconds, spent = time.perf_counter() - start, processor() - cpu
    done.set()
    watcher.join()
    print(
        json.dumps(
            {
                "duration": found.recording.duration,
                "seconds": seconds,
                "cpu": spent,
                "peak": max(peak[0], peak_memory()),
                "parts": parts,
                "utterances": len(found.utterances),
            }
        )
    )


def repeated(recording: Path, minutes: float, target: Path) -> int:
    """Write a recording's packets again and again until it lasts ``minutes``; how many times that was."""
    import av

    times, shift = 0, 0.0
    with av.open(str(target), "w") as out, av.open(str(recording)) as source:
        streams = {s.index: out.add_stream_from_template(s) for s in source.streams if s.type in {"video", "audio"}}
        length = float(source.duration or 0) / av.time_base
        while shift < minutes * 60:
            source.seek(0)
            for packet in source.demux(*(source.streams[index] for index in streams)):
                if packet.dts is None:
                    continue
                ticks = round(shift / packet.time_base)
                packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
            times, shift = times + 1, shift + length
    return times


def main() -> None:
    """Parse arguments, measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", nargs="+", type=Path)
    parser.add_argument("--transcript", type=Path, help="WebVTT with times")
    parser.add_argument("--asr", default="base")
    parser.add_argument("--model", default="starter")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--against", type=Path, help="src folder of another checkout")
    parser.add_argument("--turns", type=int, default=1)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        return child(given.recordings[0], given.transcript, given.asr, given.model)
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        for recording in given.recordings:
            source = recording
            if given.minutes:
                source = Path(folder) / recording.name
                repeated(recording, given.minutes, source)
            codes = [Path(sentiprism.__file__).parents[1], *([given.against] if given.against else [])]
            found: dict[Path, list[dict[str, Any]]] = {code: [] for code in codes}
            for turn in range(given.turns):
                for code in codes[:: -1 if turn % 2 else 1]:
                    found[code].append(
                        run(code, source, given, f"{folder}/{recording.stem}-{turn}-{codes.index(code)}")
                    )
                    describe(recording.name, code, found[code][-1])
            if given.against:
                compare(*found.values())
    return None


def run(code: Path, source: Path, given: argparse.Namespace, own: str) -> dict[str, Any]:
    """Analyse a recording with the code in a folder, in a process and with a home of its own."""
    words = [sys.executable, __file__, "--child", str(source), "--asr", given.asr, "--model", given.model]
    words += ["--transcript", str(given.transcript)] if given.transcript else []
    places = {"SENTIPRISM_HOME": own, "SENTIPRISM_ASSETS": str(home("assets")), "PYTHONPATH": str(code)}
    done = subprocess.run(words, env={**os.environ, **places}, stdout=subprocess.PIPE, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def describe(name: str, code: Path, cost: dict[str, Any]) -> None:
    """Print what an analysis cost."""
    parts = ", ".join(f"{part} {seconds:.1f}" for part, seconds in cost["parts"].items())
    print(
        f"{name}, {code}: {cost['duration']:.0f} s, {cost['utterances']} utterances; "
        f"{cost['seconds'] / cost['duration']:.2f} x its length ({cost['seconds']:.1f} s: {parts}); "
        f"{cost['cpu'] / cost['duration']:.2f} x in CPU seconds; peak {cost['peak']:.0f} MB",
        flush=True,
    )


def compare(ours: list[dict[str, Any]], other: list[dict[str, Any]]) -> None:
    """Print the ratios of this code to the other one."""
    for key in ("seconds", "cpu", "peak"):
        ratios = [a[key] / b[key] for a, b in zip(ours, other, strict=True)]
        middle = median(one[key] for one in ours) / median(one[key] for one in other)
        print(f"{key}: {middle:.2f} [{min(ratios):.2f}, {max(ratios):.2f}] of the other code's")


if __name__ == "__main__":
    main()
