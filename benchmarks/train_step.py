"""Time and memory of MDF's training step, against the plain way to take it.

    python benchmarks/train_step.py [--encoder bert-base] [--encoder minilm] [--precision bf16] [--unaligned] [--json]

Ours is the `Trainer`'s own step. The plain form is the same `Trainer`, model and data with three things changed: every
batch is padded to 50 tokens, and so made at random; AdamW works parameter by parameter (no foreach, not fused);
attention is the matrix product. With ``--precision bf16`` ours multiplies in bfloat16 (single precision otherwise), the
plain form never does. Each measurement is a process of its own, ours and plain by turns, and the table gives
the medians. The timed batches are spread evenly over an epoch's widths.

Data: MOSI's train split, 1284 texts at their true lengths in MiniLM's (BERT's) tokens, with random words, and one
audio vector of 73 features an utterance, as in the real dataset: only the shape of a batch decides its time. With
``--unaligned`` audio and vision are sequences of the MMSA distribution's shape (375 x 5, 500 x 20) at lengths drawn
from the texts', and the plain form pads them to 375 and 500 too, as that file does. ``--lean`` adds ours with updates
within the backward pass, without and with compact moments: less memory.
"""

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from torch import set_num_threads
from torch.optim import AdamW

from sentiprism.benchmark.batches import spread_evenly
from sentiprism.benchmark.cases import encoder_folder
from sentiprism.benchmark.shapes import VOCABULARY, Padded, mosi_shapes
from sentiprism.data.prepare import PreparedSplit
from sentiprism.machine import machine, measure, peak_memory
from sentiprism.metrics import protocol
from sentiprism.models import create_model
from sentiprism.training.config import OptimConfig, RunConfig
from sentiprism.training.engine import Engine, Precision
from sentiprism.training.loop import Trainer
from sentiprism.training.progress import TrainingProgress
from sentiprism.training.training_data import TrainingData
from sentiprism.types import FeatureSpec, ModalitySpec, TargetSpec

BATCH = 16
FORMS: dict[str, dict[str, Any]] = {
    "plain": {},
    "ours": {},
    "in_backward": {"in_backward": True},
    "compact": {"in_backward": True, "moments": "compact"},
}
"""Settings of the optimiser in each form."""
BOTH = ("plain", "ours")


def trainer(encoder: Path, form: str, *, unaligned: bool, precision: Precision = "no") -> Trainer:
    """The project's trainer on the split, in one of its forms."""
    plain = form == "plain"
    split = mosi_shapes(unaligned=unaligned)
    specs = {name: ModalitySpec(kind="features", width=r.width) for name, r in split.sequences.items() if r.width}
    text = ModalitySpec(kind="tokens", width=VOCABULARY, encoder=str(encoder), source="ids")
    features = FeatureSpec(text=text, **specs)
    model = create_model("mdf", features, TargetSpec(), pretrained=False)
    config = RunConfig(model="mdf", dataset="mosi", optim=OptimConfig(batch_size=BATCH, **FORMS[form]))
    data = (Padded if plain else PreparedSplit)(split, features)
    scorer, engine = protocol("intensity"), Engine("cpu", "no" if plain else precision)
    made = Trainer(config, 0, model, TrainingData(data, data, scorer), Path(os.devnull), engine, {})
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
    chosen = np.sort(spread_evenly(np.arange(len(batches)), widths, steps))
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
    found: dict[str, list[dict[str, float]]] = {form: [] for form in FORMS if options.lean or form in BOTH}
    shape = ["--precision", options.precision, *(["--unaligned"] if options.unaligned else [])]
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
        form["step_to_ours"] = form["seconds"] / forms["ours"]["seconds"]
        form["memory_to_ours"] = form["peak"] / forms["ours"]["peak"]
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
        f"{options.steps} steps\n{options.threads} threads; ours in precision {options.precision}; {machine()}"
    )
    table = Table(title="Training step", caption=caption, caption_justify="left")
    for column in ("encoder", "form"):
        table.add_column(column)
    for column in ("tokens a row", "s a step", "samples/s", "peak RSS, MB", "step / memory to ours"):
        table.add_column(column, justify="right")
    for row in rows:
        for form in (form for form in FORMS if form in row):
            r = row[form]
            numbers = (
                f"{r['tokens']:.1f}",
                f"{r['seconds']:.3f}",
                f"{r['samples_per_second']:.1f}",
                f"{r['peak']:,.0f}",
                f"{r['step_to_ours']:.2f} / {r['memory_to_ours']:.2f}",
            )
            table.add_row(row["encoder"], form, *numbers)
        low, high = row["faster_range"]
        faster = f"{row['faster']:.2f} x faster\n[{low:.2f}, {high:.2f}]"
        table.add_row("", "ratio", "", faster, "", f"{row['memory']:.2f}", "", end_section=True)
    Console().print(table)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="MDF's training step against its plain form.")
    parser.add_argument("--encoder", action="append", choices=("bert-base", "minilm"), help="default: both")
    parser.add_argument("--steps", type=int, default=20, help="timed steps of a run")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each form")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--precision", choices=("no", "bf16"), default="no", help="of our form")
    parser.add_argument("--unaligned", action="store_true", help="audio and vision as sequences")
    parser.add_argument("--lean", action="store_true", help="also the forms that take less memory")
    parser.add_argument("--json", action="store_true", help="print JSON for programs")
    parser.add_argument("--form", choices=FORMS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.form:
        set_num_threads(options.threads)
        made = trainer(options.folder, options.form, precision=options.precision, unaligned=options.unaligned)
        print(json.dumps(time_steps(made, options.steps)))
        return
    rows = [compare(encoder, options) for encoder in options.encoder or ("bert-base", "minilm")]
    if options.json:
        print(json.dumps({"machine": machine(), "threads": options.threads, "batch": BATCH, "results": rows}, indent=1))
    else:
        show(rows, options)


if __name__ == "__main__":
    main()
