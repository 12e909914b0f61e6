"""Time and memory of MDF's training step, against the plain way to take it.

    python benchmarks/train_step.py [--encoder bert-base] [--encoder minilm] [--unaligned] [--json]

Ours is the `Trainer`'s own step. The plain form is the same `Trainer`, model and data with three things changed: every
batch is padded to 50 tokens, and so made at random; AdamW works parameter by parameter (no foreach, not fused);
attention is the matrix product. Each measurement is a process of its own, ours and plain by turns, and the table gives
the medians. The timed batches are spread evenly over an epoch's widths.

Data: MOSI's train split, 1284 texts at their true lengths in MiniLM's (BERT's) tokens, with random words, and one
audio vector of 73 features an utterance, as in the real dataset: only the shape of a batch decides its time. With
``--unaligned`` audio and vision are sequences of the MMSA distribution's shape (375 x 5, 500 x 20) at lengths drawn
from the texts', and the plain form pads them to 375 and 500 too, as that file does.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from torch import nn, set_num_threads
from torch.optim import AdamW

from common import machine, measure, peak_memory
from sentiprism.data.dataset import Split
from sentiprism.data.prepare import PreparedSplit, TextConfig
from sentiprism.data.ragged import Ragged
from sentiprism.features.assets import fetch
from sentiprism.metrics import protocol
from sentiprism.models import create_model
from sentiprism.training.config import OptimConfig, RunConfig
from sentiprism.training.engine import Engine
from sentiprism.training.loop import Trainer
from sentiprism.training.progress import TrainingProgress
from sentiprism.types import Batch, FeatureSpec, ModalitySpec, Sequence, TargetSpec

TEXTS = {
    3: 3, 4: 11, 5: 20, 6: 55, 7: 85, 8: 96, 9: 80, 10: 111, 11: 98, 12: 79, 13: 68, 14: 64, 15: 57, 16: 52, 17: 48,
    18: 39, 19: 31, 20: 37, 21: 29, 22: 36, 23: 17, 24: 24, 25: 10, 26: 9, 27: 15, 28: 15, 29: 7, 30: 14, 31: 9, 32: 16,
    33: 4, 34: 4, 35: 5, 36: 4, 37: 1, 38: 2, 39: 4, 40: 1, 41: 5, 42: 1, 44: 3, 45: 4, 48: 1, 49: 1, 50: 9,
}  # fmt: skip
"""Texts of MOSI's train split by tokens, [CLS] and [SEP] among them, cut at 50 (tests/unit/test_benchmarks.py)."""
BATCH = 16
PADDED = {"text": 50, "audio": 375, "vision": 500}
"""Steps that the MMSA distribution pads MOSI to."""
RATES = {"audio": 12.5, "vision": 15.0}
"""Frames a second there."""
WORDS_A_SECOND = (2.0, 4.0)
"""Slow and fast speech, to give a text its seconds."""


def make_split(*, unaligned: bool) -> Split:
    """MOSI's train split in shape, in random order."""
    rng = np.random.default_rng(0)
    tokens = rng.permutation(np.repeat(list(TEXTS), list(TEXTS.values())))
    N = len(tokens)
    sequences = {"token_ids": [np.r_[101, rng.integers(1000, 30000, T - 2), 102] for T in tokens]}
    if unaligned:
        seconds = tokens / rng.uniform(*WORDS_A_SECOND, N)
        for name, width in (("audio", 5), ("vision", 20)):
            frames = np.clip(np.round(seconds * RATES[name]), 1, PADDED[name]).astype(int)
            sequences[name] = [rng.standard_normal((T, width), np.float32) for T in frames]
    else:
        sequences["audio"] = list(rng.standard_normal((N, 1, 73), np.float32))
    names = np.arange(N).astype(str)
    columns = {name: Ragged.from_rows(rows) for name, rows in sequences.items()}
    return Split("train", names, names, None, {"M": rng.uniform(-3, 3, N).astype(np.float32)}, columns)


class Padded(PreparedSplit):
    """A split whose sequences are all padded to one length, so that grouping by length has nothing to group."""

    @property
    def lengths(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """(N,) all alike."""
        return np.full(len(self), PADDED["text"])

    def batch(self, indices: Any) -> Batch:
        """The same batch with more padding; one vector an utterance stays one."""
        batch = super().batch(indices)
        return batch._replace(**{name: _pad(getattr(batch, name), steps) for name, steps in PADDED.items()})


def _pad(sequence: Sequence, steps: int) -> Sequence:
    more = steps - sequence.mask.shape[1]
    if sequence.values.is_floating_point():
        if sequence.mask.shape[1] == 1:
            return sequence
        return Sequence(
            nn.functional.pad(sequence.values, (0, 0, 0, more)), nn.functional.pad(sequence.mask, (0, more))
        )
    return Sequence(nn.functional.pad(sequence.values, (0, more)), nn.functional.pad(sequence.mask, (0, more)))


def encoder_folder(name: str, folder: Path) -> Path:
    """MiniLM's architecture or BERT-base's, with MiniLM's tokenizer, which is BERT's; no weights."""
    from transformers import BertConfig

    source = fetch("minilm")
    for file in source.iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, folder)
    if name == "bert-base":
        BertConfig().save_pretrained(str(folder))  # transformers' defaults are bert-base-uncased's
    return folder


def trainer(encoder: Path, *, plain: bool, unaligned: bool) -> Trainer:
    """The project's trainer on the split, or its plain form."""
    split, text = make_split(unaligned=unaligned), TextConfig(encoder=str(encoder), source="ids")
    specs = {name: ModalitySpec(kind="features", width=r.width) for name, r in split.sequences.items() if r.width}
    features = FeatureSpec(text=ModalitySpec(kind="tokens", width=30522, encoder=str(encoder)), **specs)
    model = create_model("mdf", features, TargetSpec(), pretrained=False)
    config = RunConfig(model="mdf", dataset="mosi", optim=OptimConfig(batch_size=BATCH))
    data = (Padded if plain else PreparedSplit)(split, features, text)
    scorer, engine = protocol("intensity"), Engine("cpu")
    made = Trainer(config, 0, model, data, data, scorer, Path(os.devnull), engine, {})
    if plain:
        groups = [{**group, "foreach": False, "fused": False} for group in made.optimizer.param_groups]
        made.optimizer = AdamW(groups, foreach=False, fused=False)
        model.text_encoder.backbone.set_attn_implementation("eager")
    made.wrapped.train()
    return made


def time_steps(made: Trainer, steps: int) -> dict[str, float]:
    """Mean seconds of ``steps`` steps after three that warm up, and the peak memory of this process."""
    batches = list(made.sampler.epoch(0))
    widths = np.array([made.train.lengths[rows].max() for rows in batches])
    middles = ((np.arange(steps) + 0.5) * len(batches) / steps).astype(int)  # of equal parts of the sorted batches
    chosen = np.sort(np.argsort(widths, kind="stable")[middles])
    progress = TrainingProgress(quiet=True)
    for index in (widths.argmax(), *chosen[:2]):
        made.take_step([batches[index]], progress)
    start = time.perf_counter()
    for index in chosen:
        made.take_step([batches[index]], progress)
    seconds = (time.perf_counter() - start) / steps
    return {"seconds": seconds, "peak": peak_memory(), "tokens": float(widths[chosen].mean())}


def compare(encoder: str, options: argparse.Namespace) -> dict[str, Any]:
    """Both forms by turns, each time in a process of its own."""
    found: dict[str, list[dict[str, float]]] = {"ours": [], "plain": []}
    shape = ["--unaligned"] if options.unaligned else []
    with tempfile.TemporaryDirectory(prefix="train_step.") as temporary:
        folder = encoder_folder(encoder, Path(temporary))
        for _ in range(options.repeats):
            for form, results in found.items():
                arguments = ("--form", form, "--folder", folder, "--steps", options.steps, "--threads", options.threads)
                results.append(
                    measure(__file__, *arguments, *shape, environment={"OMP_NUM_THREADS": str(options.threads)})
                )
    forms = {form: {key: median(r[key] for r in results) for key in results[0]} for form, results in found.items()}
    pairs = [p["seconds"] / o["seconds"] for o, p in zip(found["ours"], found["plain"], strict=True)]
    for form in forms.values():
        form["samples_per_second"] = BATCH / form["seconds"]
    return {
        "encoder": encoder,
        **forms,
        "faster": forms["plain"]["seconds"] / forms["ours"]["seconds"],
        "faster_range": [min(pairs), max(pairs)],
        "memory": forms["ours"]["peak"] / forms["plain"]["peak"],
    }


def show(rows: list[dict[str, Any]], options: argparse.Namespace) -> None:
    """Print the table."""
    streams = "audio 375 x 5, vision 500 x 20 at most" if options.unaligned else "one audio vector of 73"
    caption = (
        f"MDF, batch {BATCH}, texts of MOSI's lengths, {streams}; medians of {options.repeats} runs by turns of "
        f"{options.steps} steps\n{options.threads} threads; {machine()}"
    )
    table = Table(title="Training step", caption=caption, caption_justify="left")
    for column in ("encoder", "form"):
        table.add_column(column)
    for column in ("tokens a row", "s a step", "samples/s", "peak RSS, MB"):
        table.add_column(column, justify="right")
    for row in rows:
        for form in ("plain", "ours"):
            r = row[form]
            numbers = (
                f"{r['tokens']:.1f}",
                f"{r['seconds']:.3f}",
                f"{r['samples_per_second']:.1f}",
                f"{r['peak']:,.0f}",
            )
            table.add_row(row["encoder"], form, *numbers)
        low, high = row["faster_range"]
        faster = f"{row['faster']:.2f} x faster\n[{low:.2f}, {high:.2f}]"
        table.add_row("", "ratio", "", faster, "", f"{row['memory']:.2f}", end_section=True)
    Console().print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="MDF's training step against its plain form.")
    parser.add_argument("--encoder", action="append", choices=("bert-base", "minilm"), help="default: both")
    parser.add_argument("--steps", type=int, default=20, help="timed steps of a run")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each form")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--unaligned", action="store_true", help="audio and vision as sequences")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.add_argument("--form", choices=("ours", "plain"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.form:
        set_num_threads(options.threads)
        made = trainer(options.folder, plain=options.form == "plain", unaligned=options.unaligned)
        print(json.dumps(time_steps(made, options.steps)))
        return
    rows = [compare(encoder, options) for encoder in options.encoder or ("bert-base", "minilm")]
    if options.json:
        print(json.dumps({"machine": machine(), "threads": options.threads, "batch": BATCH, "results": rows}, indent=1))
    else:
        show(rows, options)


if __name__ == "__main__":
    main()
