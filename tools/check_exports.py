"""Open every export of a study with parsers of other programs, and compare what they read with the analyses.

pympi reads ELAN's files, praatio Praat's; subtitles and tables are read by their formats alone. Needs the extra dev.

    python tools/check_exports.py mosi_study
"""

import argparse
import csv
import json
import re
import sys
from collections import Counter
from pathlib import Path
from typing import Any

CUE = re.compile(r"^\d\d:\d\d:\d\d,\d{3} --> \d\d:\d\d:\d\d,\d{3}$", re.MULTILINE)


def milliseconds(seconds: float) -> int:
    """Times of all exports."""
    return round(1000 * seconds)


def read_elan(path: Path) -> dict[str, list[tuple[int, int, str]]]:
    """Annotations of each tier, by pympi."""
    from pympi import Elan

    elan = Elan.Eaf(path)
    return {
        name: sorted((start, end, text) for start, end, text, *_ in elan.get_annotation_data_for_tier(name))
        for name in elan.get_tier_names()
    }


def read_praat(path: Path) -> dict[str, list[tuple[int, int, str]]]:
    """Intervals with a label of each tier, by praatio."""
    from praatio import textgrid

    grid = textgrid.openTextgrid(str(path), includeEmptyIntervals=False, reportingMode="error")
    return {
        name: [(milliseconds(one.start), milliseconds(one.end), one.label) for one in grid.getTier(name).entries]
        for name in grid.tierNames
    }


def faults(folder: Path) -> list[str]:
    """What the exports of a recording have that its analysis has not, or the other way round."""
    from pyarrow import parquet

    analysis: dict[str, Any] = json.loads((folder / "analysis.json").read_text(encoding="utf-8"))
    utterances = [one for one in analysis["utterances"] if one["start"] is not None]
    elan, praat = read_elan(folder / "analysis.eaf"), read_praat(folder / "analysis.TextGrid")
    found = []
    labelled = {name: [one for one in tier if one[2]] for name, tier in elan.items()}
    if labelled != {name: praat.get(name, []) for name in elan}:
        found.append("ELAN and Praat differ")
    spoken = [(milliseconds(one["start"]), milliseconds(one["end"]), one["text"] or "") for one in utterances]
    if elan.get("utterances", []) != spoken:
        found.append("utterances in ELAN")
    words = [word["text"] for one in utterances for word in one["words"]]  # those without a duration share an interval
    if " ".join(one[2] for one in elan.get("words", [])) != " ".join(words):
        found.append("words in ELAN")
    estimates = [f"{one['estimate']['value']:.3f}" for one in utterances if one["estimate"]]
    if [one[2] for one in elan.get("sentiment", [])] != estimates:
        found.append("estimates in ELAN")
    if len(CUE.findall((folder / "analysis.srt").read_text(encoding="utf-8"))) != len(utterances):
        found.append("cues of the subtitles")
    with (folder / "measurements.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    table = parquet.read_table(folder / "measurements.parquet").to_pylist()
    if [float(row["value"]) for row in rows] != [row["value"] for row in table]:
        found.append("CSV and Parquet differ")
    levels = Counter((row["level"], row["measure"]) for row in rows)
    if levels["utterance", "sentiment"] != len(estimates):
        found.append("estimates in the CSV")
    return found


def main() -> int:
    """Check a study; the status is 1 if an export differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path)
    folders = sorted((parser.parse_args().study / "recordings").iterdir())
    wrong = {folder.name: found for folder in folders if (found := faults(folder))}
    for name, found in wrong.items():
        sys.stdout.write(f"{name}: {'; '.join(found)}\n")
    sys.stdout.write(f"{len(folders) - len(wrong)} of {len(folders)} recordings: all exports agree\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
