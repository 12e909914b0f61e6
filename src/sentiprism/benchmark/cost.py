"""Measure a model's parameters, operations, time and memory.

Everything is measured on this machine with the shapes of MOSI (`sentiprism.benchmark.shapes`) or of an experiment's
dataset, each model and form of the data in a separate process. ``padded`` batches are padded as in the MMSA
distribution (MOSI: text 50, audio 375 x 5, vision 500 x 20), ``real`` batches as in this project: true lengths, grouped
and padded to the longest.
"""

import json
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any, NamedTuple, TypedDict, Unpack

from sentiprism.benchmark.batches import FORMS, Form, choose_batches, make_data
from sentiprism.benchmark.cases import Case, cases
from sentiprism.benchmark.yardstick import make_yardstick
from sentiprism.errors import UserError
from sentiprism.files import temporary_folder
from sentiprism.machine import measure, peak_memory
from sentiprism.metrics import protocol
from sentiprism.models import create_model
from sentiprism.plugin_modules import import_files, loaded_files
from sentiprism.training.config import OptimConfig, RunConfig
from sentiprism.training.engine import Engine, Precision, check_engine
from sentiprism.training.progress import TrainingProgress
from sentiprism.types import Batch, TargetSpec

if TYPE_CHECKING:
    from sentiprism.models import Model
    from sentiprism.training.loop import Trainer

REFERENCE = "text_only"


class Cost(NamedTuple):
    """What one model costs on one form of the data."""

    model: str
    """Name of the model, or of the experiment with its settings."""
    form: Form
    error: str = ""
    """Why the measurement failed; "" if it succeeded."""
    parameters: int = 0
    multiply_adds: float = 0.0
    """For the prediction of one utterance."""
    step: float = 0.0
    """Seconds per training step."""
    one: float = 0.0
    """ms per utterance at inference, one by one."""
    many: float = 0.0
    """ms per utterance at inference, `LARGE` at once."""
    peak: float = 0.0
    """Peak resident memory of the process in MB; on a GPU, its peak memory."""
    batch_size: int = 0
    """Utterances per training step."""
    yardstick: float = 0.0
    """Seconds per step of `make_yardstick` in the same process; 0 unless asked for."""


class TimingOptions(TypedDict, total=False):
    """Options of a measurement.

    Args:
        steps: number of different batches that are timed, evenly spaced by their widths; by default 5.
        rounds: repetitions of each, of which the median is used; by default 3.
        threads: by default one per core.
        precision: as in ``train``, of training steps and predictions.
        device: ``cpu``, ``cuda``, ``cuda:1``, ``mps``, or ``auto``; by default ``cpu``.
        yardstick: also time a fixed training step in the same process, on the CPU; by default not.
    """

    steps: int
    rounds: int
    threads: int | None
    precision: Precision
    device: str
    yardstick: bool


def bench(
    models: Iterable[str] = (),
    *,
    experiments: Iterable[str] = (),
    encoder: str | None = None,
    batch_size: int | None = None,
    forms: Iterable[Form] = FORMS,
    watch: Callable[[str], object] = lambda _: None,
    **options: Unpack[TimingOptions],
) -> list[Cost]:
    """Measure models one after the other; a failure is reported in its row, and the others continue.

    Args:
        models: by default all, if no experiment is given.
        experiments: measured with their settings and the shapes of their dataset.
        encoder: an asset, a folder, ``bert-base`` (its size, random weights) or ``none`` (text as 768 features); by
            default ``minilm``, or the experiment's, with random weights if it is a BERT.
        batch_size: utterances per training step; by default 16, or the experiment's.
        forms: ``padded``, ``real``.
        watch: called with the name of what is measured next.
        options: see `TimingOptions`.

    Raises:
        UserError: an unknown name, or a missing encoder or device.
    """
    device, precision = options.get("device", "cpu"), options.get("precision", "auto")
    check_engine(device, precision)
    threads = options.get("threads") or os.cpu_count() or 1
    steps, rounds = options.get("steps", 5), options.get("rounds", 3)
    found = []
    with temporary_folder("sentiprism-bench") as temporary:
        asked = cases(models, experiments, encoder, batch_size, temporary)
        Engine(device, precision)  # checks device and precision before anything is measured
        for form in forms:
            for case in asked:
                watch(f"{case.name}, {form}")
                task: dict[str, Any] = {"case": case._asdict(), "form": form, "steps": steps, "rounds": rounds}
                task |= {"threads": threads, "precision": precision, "device": device, "plugins": loaded_files()}
                task["yardstick"] = options.get("yardstick", False)
                try:
                    numbers = measure(__name__, json.dumps(task), environment={"OMP_NUM_THREADS": str(threads)})
                    found.append(Cost(case.name, form, batch_size=case.batch_size, **numbers))
                except UserError as error:
                    found.append(Cost(case.name, form, error.cause, batch_size=case.batch_size))
    return found


def ratios(costs: Sequence[Cost]) -> list[float | None]:
    """Step time relative to the reference model on the same form, or to the fastest model without it."""
    base: dict[str, float] = {}
    for form in {cost.form for cost in costs}:
        there = {cost.model: cost.step for cost in costs if cost.form == form and not cost.error}
        if there:
            base[form] = there.get(REFERENCE, min(there.values()))
    return [None if cost.error else cost.step / base[cost.form] for cost in costs]


def multiply_adds(model: "Model", batch: Batch) -> int:
    """Multiply-adds of one prediction: matrix products and convolutions, which torch counts as two operations each.

    Fused attention and oneDNN's LSTM would not be counted, so they are disabled in favour of single products. Enabling
    gradients disables torch's fused Transformer layers.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about TF32, caused by switching oneDNN off
        with torch.backends.mkldnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH), torch.enable_grad(), counter:
            model.eval()(batch)
    return int(counter.get_total_flops()) // 2


def time_evenly(work: Callable[[Any], object], items: Sequence[Any], rounds: int) -> float:
    """Mean over ``items`` of the median seconds that ``work`` takes."""
    taken: list[list[float]] = [[] for _ in items]
    for _ in range(rounds):
        for seconds, item in zip(taken, items, strict=True):
            start = time.perf_counter()
            work(item)
            seconds.append(time.perf_counter() - start)
    return mean(map(median, taken))


def make_trainer(case: Case, form: Form, precision: Precision = "auto", device: str = "cpu") -> "Trainer":
    """Make a trainer with random weights and data in the shapes of a case's dataset."""
    import torch

    from sentiprism.training.loop import Trainer
    from sentiprism.training.training_data import TrainingData

    data, spec = make_data(case, form)
    torch.manual_seed(0)
    built = create_model(case.model, spec, TargetSpec(), case.config or None, pretrained=False)
    config = RunConfig(model=case.model, dataset=case.dataset, optim=OptimConfig(batch_size=case.batch_size))
    engine = Engine(device, precision)
    return Trainer(config, 0, built, TrainingData(data, data, protocol("intensity")), Path(os.devnull), engine, {})


def cost(made: "Trainer", steps: int, rounds: int, *, yardstick: bool = False) -> dict[str, float]:
    """Measure in this process; returns the numbers of `Cost`."""
    import torch

    model, data, progress = made.model, made.train, TrainingProgress(quiet=True)
    engine = made.engine

    def given(rows: Any) -> Batch:
        return engine.move(data.batch(rows)._replace(labels={}))

    def answer(rows: Any) -> None:
        with torch.inference_mode():
            model(given(rows))
        engine.finish()

    def train(rows: Any) -> None:
        made.take_step([rows], progress)
        engine.finish()

    batches = list(made.sampler.epoch(0))
    chosen = choose_batches(data, batches, steps)
    adds = mean(multiply_adds(model, given(rows)) for rows in chosen.singles)
    unit = make_yardstick() if yardstick else None
    units: list[float] = []

    def measure_unit() -> None:
        if unit is not None:
            units.append(time_evenly(unit, range(steps), rounds))

    measure_unit()  # warm-up
    units.clear()
    made.wrapped.train()
    for rows in (chosen.widest, batches[0]):  # warm-up: the first ones also allocate memory
        train(rows)
    measure_unit()
    step = time_evenly(train, chosen.train, rounds)
    measure_unit()
    model.eval()
    for rows in (chosen.many[-1], chosen.singles[-1]):
        answer(rows)
    one = 1000 * time_evenly(answer, chosen.singles, rounds)
    large = 1000 * time_evenly(answer, chosen.many, rounds) / mean(map(len, chosen.many))
    measure_unit()
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "multiply_adds": adds,
        "step": step,
        "one": one,
        "many": large,
        "peak": engine.peak() or peak_memory(),
        "yardstick": median(units) if units else 0.0,
    }


def _main(task: dict[str, Any]) -> None:
    import torch

    import_files(task["plugins"])
    torch.set_num_threads(task["threads"])
    made = make_trainer(Case(**task["case"]), task["form"], task["precision"], task["device"])
    print(json.dumps(cost(made, task["steps"], task["rounds"], yardstick=task["yardstick"])))


if __name__ == "__main__":
    try:
        _main(json.loads(sys.argv[1]))
    except UserError as error:
        sys.exit(str(error))
