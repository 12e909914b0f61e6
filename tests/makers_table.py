"""A table of labels as people write them, made for tests."""

import csv
from pathlib import Path

ROWS = [
    {"id": "a_1", "video_id": "a", "text": 'one, "two"\nthree', "label": "1.5", "split": "train"},
    {"id": "a_2", "video_id": "a", "text": "007", "label": "-3", "split": "train"},
    {"id": "b_1", "video_id": "b", "text": "", "label": "0", "split": "dev"},
    {"id": "c_1", "video_id": "c", "text": "null", "label": "2e-1", "split": "test"},
]


def table(path: Path, rows=ROWS) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def without(column: str):
    return [{key: value for key, value in row.items() if key != column} for row in ROWS]
