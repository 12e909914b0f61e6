"""Memory and time of importing and opening an MMSA pickle of MOSEI's unaligned size.

    python benchmarks/import_mmsa.py [--scale 0.01] [--text-features] [--folder DIR]

Writes a pickle of 22,856 utterances (audio 500 x 74, vision 500 x 35, float32, random true lengths; 5 GB) and
its dataset below a temporary folder, and removes both. Generating, importing and opening are processes of
their own, so that each peak is its own; files are dropped from the page cache before they are opened.
"""

import argparse
import json
import os
import pickle
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from sentiprism.data.dataset import DatasetInfo
from sentiprism.machine import MB, measure, peak_memory

SPLITS = {"train": 16326, "valid": 1871, "test": 4659}
STEPS, AUDIO, VISION, TOKENS, TEXT = 500, 74, 35, 50, 768


def generate(path: Path, scale: float, text_features: bool) -> None:
    """Write the pickle: ``{split: {key: column}}`` as models.md 1.0 has it, zeros after each true length."""
    rng = np.random.default_rng(0)
    content = {}
    for split, size in SPLITS.items():
        N = max(1, round(size * scale))
        columns: dict[str, Any] = {
            "raw_text": [f"utterance {i} of {split}" for i in range(N)],
            "id": [f"{split}{i // 7}$_${i % 7}" for i in range(N)],
            "annotations": ["Neutral"] * N,
            "classification_labels": np.ones(N, np.float32),
            "regression_labels": rng.uniform(-3, 3, N).astype(np.float32),
            "text_bert": np.zeros((N, 3, TOKENS), np.float32),
        }
        for row, length in zip(columns["text_bert"], rng.integers(5, TOKENS + 1, N), strict=True):
            row[0, :length] = [101, *rng.integers(1000, 30000, length - 2), 102]
            row[1, :length] = 1
        for key, width in (("audio", AUDIO), ("vision", VISION)):
            array = np.zeros((N, STEPS, width), np.float32)
            lengths = rng.integers(1, STEPS + 1, N)
            for row, length in zip(array, lengths, strict=True):
                row[:length] = rng.random((length, width), np.float32)
            columns |= {key: array, f"{key}_lengths": lengths.tolist()}
        if text_features:
            columns["text"] = rng.random((N, TOKENS, TEXT), np.float32)
        content[split] = columns
    with path.open("wb") as file:
        pickle.dump(content, file, protocol=4)
        os.fsync(file.fileno())


def drop_from_cache(path: Path) -> None:
    """Ask the kernel to forget a file's pages, so that the next reader pays for the disk."""
    if hasattr(os, "posix_fadvise"):
        with path.open("rb") as file:
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def import_file(path: Path) -> dict[str, float]:
    """Import the pickle; seconds, and peak RSS of this process and of the reader it starts, in MB."""
    from sentiprism.data.importers.mmsa import read_mmsa
    from sentiprism.data.known import KNOWN
    from sentiprism.data.store import write_dataset

    known = KNOWN["mosei"]
    notes: list[str] = []
    drop_from_cache(path)
    start = time.perf_counter()
    write_dataset(
        "benchmark",
        read_mmsa(path, notes=notes),
        DatasetInfo(
            title="MOSEI's size, random values",
            source=path.name,
            target=known.target,
            protocol=known.protocol,
            notes=notes,
        ),
    )
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "own": peak_memory(), "reader": peak_memory(children=True)}


def resident() -> float:
    """Resident memory of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MB


def open_dataset() -> dict[str, float]:
    """Open the dataset and take one batch; seconds and resident MB after each stage."""
    from sentiprism.data.store import load_dataset
    from sentiprism.files import home

    for file in home("datasets", "benchmark").iterdir():
        drop_from_cache(file)
    libraries, start = resident(), time.perf_counter()
    dataset = load_dataset("benchmark")
    opened, after = time.perf_counter(), resident()
    rows = np.random.default_rng(0).permutation(len(dataset.train))[:32]
    for ragged in dataset.train.sequences.values():
        ragged.take(rows)
    return {
        "libraries": libraries,
        "opened": after,
        "seconds": opened - start,
        "batch": time.perf_counter() - opened,
        "with_batch": resident(),
    }


def stage(name: str, folder: Path, *options: str) -> dict[str, float]:
    """Run one stage as a process of its own."""
    environment = {"SENTIPRISM_HOME": str(folder / "home")}
    return measure(__file__, "--stage", name, "--folder", folder, *options, environment=environment)


def main() -> None:
    """Run the stages and print what they measured."""
    parser = argparse.ArgumentParser(description="Import and open a dataset of MOSEI's size.")
    parser.add_argument("--scale", type=float, default=1.0, help="fraction of MOSEI's utterances")
    parser.add_argument("--text-features", action="store_true", help="with text (N, 50, 768): 3.5 GB more")
    parser.add_argument("--folder", type=Path, help="where the temporary files go")
    parser.add_argument("--stage", choices=("generate", "import", "open"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage is None:
        with tempfile.TemporaryDirectory(dir=options.folder, prefix="import_mmsa.") as temporary:
            report(Path(temporary), options.scale, options.text_features)
        return
    path = options.folder / "unaligned_50.pkl"
    if options.stage == "generate":
        generate(path, options.scale, options.text_features)
    else:
        print(json.dumps(import_file(path) if options.stage == "import" else open_dataset()))


def report(folder: Path, scale: float, text_features: bool) -> None:
    """Measure below ``folder`` and print."""
    stage("generate", folder, "--scale", str(scale), *(["--text-features"] if text_features else []))
    size = (folder / "unaligned_50.pkl").stat().st_size / MB
    imported, opened = stage("import", folder), stage("open", folder)
    stored = sum(file.stat().st_size for file in (folder / "home/datasets/benchmark").iterdir()) / MB
    peak = imported["own"] + imported["reader"]
    rows = (
        ("pickle", f"{size:,.0f} MB"),
        ("dataset, without padding", f"{stored:,.0f} MB"),
        ("import", f"{imported['seconds']:.1f} s"),
        ("  peak resident", f"{peak:,.0f} MB = {peak / size:.2f} of the pickle (target < 2)"),
        ("    importer", f"{imported['own']:,.0f} MB"),
        ("    its reader", f"{imported['reader']:,.0f} MB"),
        ("open", f"{opened['seconds']:.3f} s (target < 1)"),
        ("  resident", f"{opened['opened']:,.0f} MB (target < 300)"),
        ("    libraries", f"{opened['libraries']:,.0f} MB of these, before anything is opened"),
        ("batch of 32", f"{opened['batch'] * 1000:.0f} ms"),
        ("  resident", f"{opened['with_batch']:,.0f} MB"),
    )
    for what, measured in rows:
        print(f"{what:26}{measured}")


if __name__ == "__main__":
    main()
