"""Measure a stream: the delay of utterances' ends and the memory, for one and several streams at once.

    python benchmarks/stream.py RECORDING [--streams 2] [--minutes 1] [--final]

Streams the recording's sound again and again, in pieces of 100 ms at the speed of a microphone, to `StreamAnalyzer`s in
threads of one process. The delay of an utterance's end is the time from the arrival of its last sound to its event,
including the pause that ends it. The ratio is the time of computing per second of sound; that of processor time does
not depend on what else runs on the machine.
"""

import argparse
import json
import resource
import threading
import time
from pathlib import Path

import numpy as np

from sentiprism.analysis.predictor import load_predictor
from sentiprism.analysis.streaming.analyzer import StreamAnalyzer
from sentiprism.analysis.streaming.events import UtteranceEnd
from sentiprism.media.decode import sound
from sentiprism.media.probe import probe

RATE, PIECE = 16_000, 1600


def memory() -> int:
    """Megabytes of this process at most so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def run(samples: np.ndarray, options: argparse.Namespace, delays: list[float], busy: list[float]) -> None:
    """Stream for some minutes; late pieces follow at once, as from a socket's queue."""
    with StreamAnalyzer(load_predictor("starter"), interim=not options.final) as analyzer:
        begun = time.perf_counter()
        for number in range(round(options.minutes * 600)):
            at = number * PIECE % max(len(samples) - PIECE, 1)
            due = begun + (number + 1) * PIECE / RATE
            time.sleep(max(due - time.perf_counter(), 0.0))
            start = time.perf_counter()
            delays += [
                time.perf_counter() - (begun + event.end)
                for event in analyzer.add_sound(samples[at : at + PIECE], waiting=max(start - due, 0.0))
                if isinstance(event, UtteranceEnd) and event.utterance is not None
            ]
            busy.append(time.perf_counter() - start)


def main() -> None:
    """Measure and print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recording", type=Path)
    parser.add_argument("--streams", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--final", action="store_true", help="no measurements within utterances")
    options = parser.parse_args()
    samples = np.asarray(sound(probe(options.recording)))
    samples = np.concatenate([samples, np.zeros(RATE, np.int16)])
    list(StreamAnalyzer().add_sound(samples))  # loads the models
    before, delays, busy = memory(), list[float](), list[float]()
    threads = [threading.Thread(target=run, args=(samples, options, delays, busy)) for _ in range(options.streams)]
    processor = time.process_time()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {
        "streams": options.streams,
        "minutes": options.minutes,
        "ends": len(delays),
        "delay_median": round(float(np.median(delays)), 2) if delays else None,
        "delay_p90": round(float(np.percentile(delays, 90)), 2) if delays else None,
        "processor_ratio": round((time.process_time() - processor) / (len(busy) * PIECE / RATE), 2),
        "ratio": round(sum(busy) / (len(busy) * PIECE / RATE), 2),
        "megabytes_before": before,
        "megabytes_after": memory(),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
