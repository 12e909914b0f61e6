"""What a model costs: parameters, multiply-adds, seconds a training step, ms an answer, memory.

Everything is measured on this machine's CPU on the shapes of MOSI (`sentiprism.data.shapes`), each model and each
form of the data in a process of its own. ``padded`` hands out batches as the MMSA distribution pads them (text 50,
audio 375 x 5, vision 500 x 20), ``real`` as this project does: true lengths, grouped, padded to the batch.
"""

import json
import os
import shutil
import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import mean, median
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, get_args

import numpy as np
import numpy.typing as npt

from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.shapes import WIDTHS, Padded, mosi_shapes
from sentiprism.errors import UserError
from sentiprism.features.assets import fetch
from sentiprism.features.text import load_tokenizer
from sentiprism.files import temporary_folder
from sentiprism.machine import measure, peak_memory
from sentiprism.metrics import protocol
from sentiprism.models import MODELS, create_model
from sentiprism.training.config import OptimConfig, RunConfig
from sentiprism.training.engine import Engine, Precision, check_engine
from sentiprism.training.progress import TrainingProgress
from sentiprism.types import Batch, FeatureSpec, ModalitySpec, TargetSpec

if TYPE_CHECKING:
    from sentiprism.models import Model
    from sentiprism.training.loop import Trainer

Array = npt.NDArray[Any]
Form = Literal["padded", "real"]
FORMS: tuple[Form, ...] = get_args(Form)
REFERENCE = "text_only"
FEATURES = 768
"""F of a text step where there is no encoder: BERT's, made in advance."""
LARGE = 32
"""Utterances of the large batch at inference."""


class Cost(NamedTuple):
    """What one model costs on one form of the data."""

    model: str
    form: Form
    error: str = ""
    """Why there are no numbers; "" where there are."""
    parameters: int = 0
    multiply_adds: float = 0.0
    """Of one utterance's answer."""
    step: float = 0.0
    """Seconds of a training step."""
    one: float = 0.0
    """ms an utterance at inference, one by one."""
    many: float = 0.0
    """ms an utterance at inference, `LARGE` at once."""
    peak: float = 0.0
    """Peak resident memory of the process in MB."""


def bench(
    models: Iterable[str] = (),
    *,
    encoder: str = "minilm",
    batch_size: int = 16,
    steps: int = 5,
    rounds: int = 3,
    threads: int | None = None,
    precision: Precision = "auto",
    forms: Iterable[Form] = FORMS,
    watch: Callable[[str], object] = lambda _: None,
) -> list[Cost]:
    """Measure models one after the other; what fails is said in its row, and the others go on.

    Args:
        models: by default all.
        encoder: an asset, a folder, ``bert-base`` (its size, random weights) or ``none`` (text as 768 features).
        batch_size: utterances a training step.
        steps: different batches that are timed, spread evenly over their widths.
        rounds: times each; the median counts.
        threads: by default one a core.
        precision: as in ``train``, of training steps and answers.
        forms: ``padded``, ``real``.
        watch: is told what is being measured.

    Raises:
        UserError: an unknown model or precision, or an encoder that is not there.
    """
    for name in (asked := list(models)):
        MODELS.check(name)
    check_engine("cpu", precision)
    names = asked or list(MODELS)
    threads = threads or os.cpu_count() or 1
    found = []
    with temporary_folder("sentiprism-bench") as temporary:
        folder = encoder_folder(encoder, temporary)
        Engine("cpu", precision)  # refuses what this machine cannot do, before anything is measured
        for form in forms:
            for name in names:
                watch(f"{name}, {form}")
                task = {"model": name, "form": form, "encoder": folder and str(folder), "batch_size": batch_size}
                task |= {"steps": steps, "rounds": rounds, "threads": threads, "precision": precision}
                try:
                    numbers = measure(__name__, json.dumps(task), environment={"OMP_NUM_THREADS": str(threads)})
                    found.append(Cost(name, form, **numbers))
                except UserError as error:
                    found.append(Cost(name, form, error.cause))
    return found


def ratios(costs: Sequence[Cost]) -> list[float | None]:
    """Seconds a step against the reference's on the same form, where it was not measured against the fastest."""
    base: dict[str, float] = {}
    for form in {cost.form for cost in costs}:
        there = {cost.model: cost.step for cost in costs if cost.form == form and not cost.error}
        if there:
            base[form] = there.get(REFERENCE, min(there.values()))
    return [None if cost.error else cost.step / base[cost.form] for cost in costs]


def encoder_folder(encoder: str, temporary: Path) -> Path | None:
    """Where an encoder's files stand; ``bert-base`` is made: the architecture, with MiniLM's tokenizer (BERT's).

    Raises:
        UserError: it is not there.
    """
    if encoder == "none":
        return None
    if encoder != "bert-base":
        return Path(encoder) if Path(encoder).is_dir() else fetch(encoder)
    from transformers import BertConfig

    for file in fetch("minilm").iterdir():
        if file.suffix != ".safetensors":
            shutil.copy(file, temporary)
    BertConfig().save_pretrained(str(temporary))  # transformers' defaults are bert-base-uncased's
    return temporary


def multiply_adds(model: "Model", batch: Batch) -> int:
    """Multiply-adds of one answer: matrix products and convolutions, which torch counts as two operations each.

    Fused attention and oneDNN's LSTM would count as nothing; they are taken apart into the products they stand for.
    With gradients on, so are torch's fused Transformer layers.
    """
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel
    from torch.utils.flop_counter import FlopCounterMode

    counter = FlopCounterMode(display=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of TF32, which switching oneDNN off brings up
        with torch.backends.mkldnn.flags(enabled=False), sdpa_kernel(SDPBackend.MATH), torch.enable_grad(), counter:
            model.eval()(batch)
    return int(counter.get_total_flops()) // 2


def time_evenly(work: Callable[[Any], object], items: Sequence[Any], rounds: int) -> float:
    """Mean over ``items`` of the median seconds that ``work`` takes on each."""
    taken: list[list[float]] = [[] for _ in items]
    for _ in range(rounds):
        for seconds, item in zip(taken, items, strict=True):
            start = time.perf_counter()
            work(item)
            seconds.append(time.perf_counter() - start)
    return mean(map(median, taken))


def spread_evenly(batches: Sequence[Any] | Array, widths: Array, count: int) -> list[Any]:
    """``count`` of the batches, the middles of equal parts of them in the order of their widths."""
    middles = ((np.arange(count) + 0.5) * len(batches) / count).astype(int)
    return [batches[index] for index in np.argsort(widths, kind="stable")[middles]]


def make_trainer(
    model: str, form: Form, encoder: str | None, batch_size: int, precision: Precision = "auto"
) -> "Trainer":
    """The project's trainer with random weights on MOSI's shapes."""
    import torch

    from sentiprism.training.loop import Trainer

    features = {name: ModalitySpec(kind="features", width=width) for name, width in WIDTHS.items()}
    if encoder is None:
        split = mosi_shapes(text_width=FEATURES)
        spec = FeatureSpec(text=ModalitySpec(kind="features", width=FEATURES), **features)
    else:
        words = len(load_tokenizer(encoder))
        split = mosi_shapes(vocabulary=words)
        text = ModalitySpec(kind="tokens", width=words, encoder=encoder, source="ids")
        spec = FeatureSpec(text=text, **features)
    data = {"padded": Padded, "real": PreparedSplit}[form](split, spec)
    torch.manual_seed(0)
    built = create_model(model, spec, TargetSpec(), pretrained=False)
    config = RunConfig(model=model, dataset="mosi", optim=OptimConfig(batch_size=batch_size))
    engine = Engine("cpu", precision)
    return Trainer(config, 0, built, data, data, protocol("intensity"), Path(os.devnull), engine, {})


def cost(made: "Trainer", steps: int, rounds: int) -> dict[str, float]:
    """Measure in this process; the numbers of `Cost`."""
    import torch

    model, data, progress = made.model, made.train, TrainingProgress(quiet=True)

    def answer(rows: Any) -> None:
        with torch.inference_mode():
            model(data.batch(rows)._replace(labels={}))

    def train(rows: Any) -> None:
        made.take_step([rows], progress)

    batches = list(made.sampler.epoch(0))
    widths = np.array([data.lengths[rows].max() for rows in batches])
    by_length = np.argsort(data.lengths, kind="stable")
    singles = spread_evenly(by_length[:, None], data.lengths[by_length], steps)
    cut = [by_length[i : i + LARGE] for i in range(0, len(by_length), LARGE)]
    many = spread_evenly(cut, np.array([data.lengths[rows].max() for rows in cut]), steps)
    adds = mean(multiply_adds(model, data.batch(rows)._replace(labels={})) for rows in singles)
    made.wrapped.train()
    for rows in (batches[int(widths.argmax())], batches[0]):  # the first ones also allocate
        train(rows)
    step = time_evenly(train, spread_evenly(batches, widths, steps), rounds)
    model.eval()
    for rows in (many[-1], singles[-1]):
        answer(rows)
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "multiply_adds": adds,
        "step": step,
        "one": 1000 * time_evenly(answer, singles, rounds),
        "many": 1000 * time_evenly(answer, many, rounds) / mean(map(len, many)),
        "peak": peak_memory(),
    }


def _main(task: dict[str, Any]) -> None:
    import torch

    torch.set_num_threads(task["threads"])
    made = make_trainer(task["model"], task["form"], task["encoder"], task["batch_size"], task["precision"])
    print(json.dumps(cost(made, task["steps"], task["rounds"])))


if __name__ == "__main__":
    try:
        _main(json.loads(sys.argv[1]))
    except UserError as error:
        sys.exit(str(error))
