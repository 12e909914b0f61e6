"""What attributing the words of many utterances at once saves against one after the other, as a ratio of one run.

    python benchmarks/words.py TEXT [--model starter] [--most 1000]

Both are done with the same model on the same utterances, in turns, in processor seconds; the numbers must agree.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sentiprism.analysis.options import Options
from sentiprism.analysis.predictor import Predictor, UtteranceInputs
from sentiprism.analysis.texts import read_words
from sentiprism.analysis.words import attribute_words
from sentiprism.machine import machine, peak_memory

AGREEMENT = 1e-5


def seconds(call: Callable[[], Any]) -> tuple[float, Any]:
    """Processor seconds of a call, and what it returned."""
    start = time.process_time()
    found = call()
    return time.process_time() - start, found


def main() -> None:
    """Parse arguments, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("text", type=Path)
    parser.add_argument("--model", default="starter")
    parser.add_argument("--most", type=int, default=1000, help="utterances at most")
    given = parser.parse_args()
    print(machine())
    predictor = Predictor(given.model, "cpu")
    segments = read_words(given.text, Options()).segments[: given.most]
    data = predictor.prepare([UtteranceInputs(one, {}) for one in segments])
    answers = predictor.predict(data, range(len(segments)))
    alone = [predictor.prepare([UtteranceInputs(one, {})]) for one in segments[: len(segments) // 10]]
    attribute_words(predictor, data, segments[:20], answers[:20])  # libraries are loaded by the first call
    together, found = seconds(lambda: attribute_words(predictor, data, segments, answers))
    peak = peak_memory()
    pieces = list(zip(alone, segments, answers, strict=False))
    single, other = seconds(lambda: [attribute_words(predictor, data, [one], [answer]) for data, one, answer in pieces])
    for one, (same,) in zip(found, other, strict=False):
        assert np.allclose(one, same, atol=AGREEMENT)
    each, each_alone = together / len(segments), single / len(alone)
    print(f"{len(segments)} utterances at once: {together:.1f} s, {1000 * each:.1f} ms each; peak {peak:.0f} MB")
    print(
        f"{len(alone)} of them one after the other: {1000 * each_alone:.1f} ms each; {each_alone / each:.1f} times that"
    )


if __name__ == "__main__":
    main()
