"""How far a model's estimates move when the same voice is recorded under other conditions.

    python -m tools.starter.measure_conditions mosi_raw --table mosi_raw/labels.csv

Each utterance is analysed with its transcript from its sound alone, clean and under each condition: what changes is due
to the voice. An estimate should move by less than an eighth of its interval.
"""

import argparse
import csv
import tempfile
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sentiprism.analysis.analyze import analyze
from sentiprism.analysis.predictor import Predictor
from sentiprism.media.decode import sound
from sentiprism.media.probe import probe
from sentiprism.report.schema import Estimate
from sentiprism.tables import markdown
from tools.starter.conditions import CONDITIONS, RATE, Sound

SHARE = 1 / 8
"""Of the interval, that a condition may move an estimate by."""


class Moved(NamedTuple):
    """What a condition does to the estimates of several utterances."""

    condition: str
    mean: float
    """Of the absolute changes, on the model's scale."""
    largest: float
    beyond: float
    """Share of the utterances that move by more than `SHARE` of their interval."""


def measure(predictor: Predictor, clips: Sequence[tuple[Path, str]]) -> list[Moved]:
    """By condition, how far estimates move from those of the clean sound.

    Args:
        predictor: of a calibrated model for text and voice.
        clips: recordings of one utterance each, and what is said in them.
    """
    heard = [(np.asarray(sound(probe(path), RATE)), text) for path, text in clips]
    clean = [_estimate(predictor, one, text) for one, text in heard]
    found = []
    for name, change in CONDITIONS.items():
        other = [_estimate(predictor, change(one), text) for one, text in heard]
        moves = np.array([abs(there.value - here.value) for there, here in zip(other, clean, strict=True)])
        widths = np.array([_width(one) for one in clean])
        found.append(Moved(name, float(moves.mean()), float(moves.max()), float((moves > SHARE * widths).mean())))
    return found


def _estimate(predictor: Predictor, heard: Sound, text: str) -> Estimate:
    with tempfile.TemporaryDirectory() as folder:
        recording, transcript = Path(folder, "clip.wav"), Path(folder, "clip.txt")
        transcript.write_text(text, encoding="utf-8")
        with wave.open(str(recording), "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(heard.tobytes())
        found = analyze(recording, transcript=transcript, predictor=predictor)
    return found.utterances[0].estimate


def _width(one: Estimate) -> float:
    if one.low is None or one.high is None:
        raise SystemExit("the model is not calibrated: sentiprism calibrate RUN --save")
    return one.high - one.low


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description="Measure how far estimates move under other conditions of the sound.")
    parser.add_argument("clips", type=Path, help="folder of recordings of one utterance each")
    parser.add_argument("--table", type=Path, required=True, help="CSV with the columns file and text")
    parser.add_argument("--model", default="starter", help="folder of a saved model")
    parser.add_argument("--every", type=int, default=1, help="take each Nth row of the table")
    given = parser.parse_args()
    with given.table.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))[:: given.every]
    found = measure(Predictor(given.model), [(given.clips / row["file"], row["text"]) for row in rows])
    print(f"{len(rows)} utterances, {given.model}; beyond: moved by more than an eighth of the interval\n")
    print(
        markdown(
            ["condition", "mean change", "largest", "beyond"],
            [[one.condition, f"{one.mean:.3f}", f"{one.largest:.3f}", f"{one.beyond:.0%}"] for one in found],
        )
    )


if __name__ == "__main__":
    main()
