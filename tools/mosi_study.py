"""Make the table of the documentation's example study from raw videos of CMU-MOSI.

Each video is a person who reviews a film; its clips are utterances in order. The table has all clips, or some of the
beginning, the middle and the end of each review, with their transcripts.

    python tools/mosi_study.py mosi_raw mosi
"""

import argparse
import csv
from collections import defaultdict
from pathlib import Path

PARTS = ("beginning", "middle", "end")
COLUMNS = ("path", "person", "part", "rated", "transcript")
ODD = {"2WGyTLYerpo_44"}
"""Clips that are cut wrongly: two words in 52 seconds."""


def choose(clips: list[dict[str, str]], count: int | None) -> list[tuple[str, dict[str, str]]]:
    """Clips of a review: all, or ``count`` of each part, the first at a quarter of it, the second at three quarters."""
    ordered = sorted(clips, key=lambda one: int(one["clip_id"]))
    found = []
    for number, part in enumerate(PARTS):
        own = ordered[number * len(ordered) // len(PARTS) : (number + 1) * len(ordered) // len(PARTS)]
        chosen = own if count is None else [own[(2 * n + 1) * len(own) // 4] for n in range(count)]
        found += [(part, one) for one in chosen]
    return found


def main() -> None:
    """Write table.csv and the transcripts."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path, help="folder with the clips and labels.csv")
    parser.add_argument("out", type=Path)
    parser.add_argument("--clips", type=int, choices=(1, 2), help="of each part; by default all")
    given = parser.parse_args()
    videos: dict[str, list[dict[str, str]]] = defaultdict(list)
    with (given.source / "labels.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if given.clips is None or row["id"] not in ODD:
                videos[row["video_id"]].append(row)
    (given.out / "transcripts").mkdir(parents=True, exist_ok=True)
    with (given.out / "table.csv").open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(COLUMNS)
        for person, clips in sorted(videos.items()):
            for part, row in choose(clips, given.clips):
                said = given.out / "transcripts" / f"{row['id']}.txt"
                said.write_text(row["text"] + "\n", encoding="utf-8")
                label = float(row["label"])
                rated = "positive" if label > 0 else "negative" if label < 0 else ""
                path = (given.source / row["file"]).resolve()
                table.writerow([path, person, part, rated, f"transcripts/{said.name}"])


if __name__ == "__main__":
    main()
