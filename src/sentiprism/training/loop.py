"""The training loop."""

import json
import os
import time
from collections.abc import Callable, Iterator
from math import ceil, isfinite
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from sentiprism.data.augment import Augmentation
from sentiprism.data.sampler import LengthGroupedSampler
from sentiprism.errors import UserError
from sentiprism.files import write_text
from sentiprism.models import Model, save_model
from sentiprism.training.average import WeightAverage
from sentiprism.training.checkpoint import REMEDY, load_checkpoint, save_checkpoint
from sentiprism.training.closed_form import all_batches
from sentiprism.training.config import RunConfig
from sentiprism.training.draws import draw_shares
from sentiprism.training.engine import Engine
from sentiprism.training.optimizer import (
    build_optimizer,
    drop_frozen,
    plateau_factor,
    rate_factor,
    set_rate,
    set_trained,
)
from sentiprism.training.predict import Predictions, predict
from sentiprism.training.progress import Log, TrainingProgress
from sentiprism.training.records import parse_progress
from sentiprism.training.seeding import seed_at
from sentiprism.training.selection import epoch_label, selection_rule
from sentiprism.training.training_data import TrainingData
from sentiprism.types import Batch, ModelOutput

Watch = Callable[[Model, int], None]


class Trainer:
    """Train one seed of a run; everything it writes goes into ``folder``.

    Args:
        config: the run.
        seed: this seed.
        model: the initial model.
        data: train split, valid split and protocol.
        folder: for ``metrics.jsonl``, ``last.safetensors`` (until finished) and ``model/`` (best epoch).
        engine: device and processes.
        metadata: stored with the model.
        watch: called with the evaluated model after each epoch; returns nothing, so that it cannot affect selection.
    """

    def __init__(
        self,
        config: RunConfig,
        seed: int,
        model: Model,
        data: TrainingData,
        folder: Path,
        engine: Engine,
        metadata: dict[str, Any],
        watch: Watch | None = None,
    ) -> None:
        self.watch = watch
        self.config, self.optim, self.seed = config, config.optim, seed
        self.folder, self.engine = folder, engine
        self.train, self.valid, self.protocol = data
        self.metadata = metadata
        self.augmentation = Augmentation(self.train, config.data, seed)
        self.model = model
        self.wrapped, self.optimizer = engine.prepare(model, build_optimizer(model, config.optim))
        self.parts = nn.ModuleDict({"model": model})  # what a checkpoint stores
        if self.optim.average is not None:
            self.parts["average"] = WeightAverage(model, self.optim.average)
        if (memory := model.remember(len(self.train))) is not None:  # after the average, which copies the model
            self.parts["memory"] = memory.to(engine.device)
        shares = draw_shares(self.train.split, model.target, config)
        self.sampler = LengthGroupedSampler(
            self.train.lengths, self.optim.batch_size, seed, rank=engine.rank, world=engine.world, shares=shares
        )
        self.select = self.optim.select or self.protocol.default_selection
        self.steps = ceil(len(self.sampler) / self.optim.accumulate)  # per epoch
        self.weights: dict[str, float] = model.config.loss_weights
        self.epoch, self.step = 0, 0  # position in training: the next step
        self.names = ("total", *sorted(self.weights))
        self.sums = torch.zeros(len(self.names), device=engine.device)  # of this epoch's losses; read once an epoch
        self.history: list[dict[str, Any]] = []

    @property
    def last(self) -> Path:
        """The checkpoint; removed once the seed is recorded as finished."""
        return self.folder / "last.safetensors"

    @property
    def evaluated(self) -> Model:
        """The model that is validated and saved: the weight average if enabled, else the model itself."""
        if self.optim.average is None or self.model.closed_form:
            return self.model
        return cast(WeightAverage, self.parts["average"]).module

    @property
    def best(self) -> dict[str, Any] | None:
        """Record of the best epoch so far."""
        return next((row for row in reversed(self.history) if row["best"]), None)

    @property
    def length(self) -> int:
        """Largest number of epochs."""
        return min(self.optim.epochs, self.optim.stop_after or self.optim.epochs)

    @property
    def finished(self) -> bool:
        """Whether all epochs are done or patience has run out."""
        waited = len(self.history) - 1 - self.best["epoch"] if self.best else 0
        return self.epoch >= self.length or (self.optim.patience is not None and waited >= self.optim.patience)

    def run(self, progress: TrainingProgress, log: Log) -> dict[str, Any]:
        """Train, or resume from the last checkpoint, and return the best epoch's record."""
        if os.path.lexists(self.last):
            state = self._check_progress(load_checkpoint(self.last, self.parts, self.optimizer))
            self.epoch, self.step = state["epoch"], state["step"]
            self.sums.copy_(torch.tensor(state["sums"]))
            self.history = state["history"]
            self.engine.load_scaler_state(state["scaler"])
        if self.model.closed_form:
            self._solve(progress, log)
        else:
            progress.seed(f"seed {self.seed}", self.length * self.steps, self.epoch * self.steps + self.step)
            while not self.finished:
                log(self._epoch(progress))
        best = self.best
        if best is None:
            raise UserError("no epoch gave a finite valid score", "lower optim.lr, or set optim.clip=1")
        progress.finish(f"best {epoch_label(best)}: valid {self.select} {best['valid'][self.select]:.4f}")
        return best

    def _check_progress(self, progress: Any) -> dict[str, Any]:
        """The position in training that a checkpoint holds, checked against its epochs."""
        state = parse_progress(progress, f"checkpoint {self.last}", REMEDY)
        rows = [row["epoch"] for row in state["history"] if self.select in row["valid"] and "total" in row["train"]]
        if rows != list(range(state["epoch"])) or len(state["sums"]) != len(self.names) or state["step"] > self.steps:
            raise UserError(f"checkpoint {self.last} does not match its epochs", REMEDY)
        return state

    def _solve(self, progress: TrainingProgress, log: Log) -> None:
        """Fit in closed form; each solution counts as an epoch, and every process uses all of train."""
        batches = all_batches(self.train, self.optim.batch_size)
        progress.seed(f"seed {self.seed}", len(batches), 0)

        def moved_batches() -> Iterator[Batch]:
            for rows in batches:
                yield self.engine.move(self.train.batch(rows))
                progress.step()

        start = time.monotonic()
        self.model.eval()
        for number, solution in enumerate(self.model.fit(moved_batches())):
            if number >= len(self.history):  # earlier ones are from before the run was stopped
                total = sum(self.weights[name] * loss for name, loss in solution.losses.items())
                row = self._validate({"total": total, **solution.losses}, time.monotonic() - start)
                log(self._finish_epoch({**row, "solution": solution.settings}, progress))
            start = time.monotonic()

    def _epoch(self, progress: TrainingProgress) -> dict[str, Any]:
        start = time.monotonic()
        self.model.set_epoch(self.epoch)
        if self.engine.world == 1:  # DDP waits for a gradient of every parameter
            set_trained(self.optimizer, self.optim, self.epoch)
        self.wrapped.train()
        accumulate = self.optim.accumulate
        group: list[np.ndarray[Any, Any]] = []
        for rows in self.sampler.epoch(self.epoch, start=self.step * accumulate):
            group.append(rows)
            if len(group) == accumulate:
                self.take_step(group, progress)
                group = []
        if group:
            self.take_step(group, progress)
        means = self.engine.mean(self.sums) / len(self.sampler)
        train = dict(zip(self.names, means.tolist(), strict=True))
        return self._finish_epoch(self._validate(train, time.monotonic() - start), progress)

    def _finish_epoch(self, row: dict[str, Any], progress: TrainingProgress) -> dict[str, Any]:
        """Record a finished epoch, save the model if it is the best, and write the checkpoint."""
        self.history.append(row)
        self.epoch, self.step = self.epoch + 1, 0
        self.sums.zero_()
        if row["best"] and self.engine.is_main:
            what = " and ".join(row.get("solution", {"epoch": None}))
            rule = f"{selection_rule(self.protocol, self.select, what)}; {epoch_label(row)}"
            metadata = {**self.metadata, "seed": self.seed, "selection": rule, "valid": row["valid"]}
            save_model(self.evaluated, self.folder / "model", metadata)
        if self.watch is not None:
            self.watch(self.evaluated, row["epoch"])
        self._save()
        self.engine.barrier()
        progress.epoch(row, self.select)
        return row

    def take_step(self, group: list[np.ndarray[Any, Any]], progress: TrainingProgress) -> None:
        """One optimiser step on the mean loss of ``group``, which has one array of rows per batch."""
        position = self.epoch * self.steps + self.step
        factor = rate_factor(position, self.optim.epochs * self.steps, self.optim)
        set_rate(self.optimizer, factor * plateau_factor((row["best"] for row in self.history), self.optim))
        self.optimizer.zero_grad(set_to_none=True)
        outputs: list[tuple[Batch, ModelOutput]] = []
        for index, rows in enumerate(group):
            seed_at(self.seed, self.epoch, self.step, index, self.engine.rank)
            batch = self.engine.move(self.augmentation.batch(rows, self.epoch, self.step, index))
            with self.engine.accumulating(self.wrapped, last=index == len(group) - 1):
                output: ModelOutput = self.wrapped(batch)
                outputs.append((batch, output))
                self.engine.backward(self._total(output, self._share(len(rows))) / len(group))
            if self.optim.clip_value is not None:
                self.engine.clip_value(list(self.model.parameters()), self.optim.clip_value)
        drop_frozen(self.optimizer, self.optim, self.epoch)
        if self.optim.clip is not None:
            self.engine.clip(list(self.model.parameters()), self.optim.clip)
        self.optimizer.step()
        if self.optim.average is not None:
            cast(WeightAverage, self.parts["average"]).update(self.model)
        for batch, output in outputs:
            self.model.after_step(batch, output)
        self.step += 1
        progress.step()
        if self.optim.save_every and self.step % self.optim.save_every == 0:
            self._save()

    def _share(self, rows: int) -> Tensor:
        """This process's rows relative to the mean over processes, which weights its gradients and losses."""
        count = torch.tensor(float(rows), device=self.engine.device)
        return count / self.engine.mean(count)

    def _total(self, output: ModelOutput, share: Tensor) -> Tensor:
        if output.losses.keys() != self.weights.keys():
            raise RuntimeError(f"{self.model.name} returns losses {sorted(output.losses)}, not {sorted(self.weights)}")
        losses = {name: loss.float() for name, loss in output.losses.items()}
        total = torch.stack([self.weights[name] * loss for name, loss in losses.items() if self.weights[name]]).sum()
        self.sums += share * torch.stack([total, *(losses[name] for name in self.names[1:])]).detach()
        return total * share

    def _validate(self, train: dict[str, float], seconds: float) -> dict[str, Any]:
        if not isfinite(train["total"]):
            raise UserError(f"the loss is not finite in epoch {self.epoch}", "lower optim.lr, or set optim.clip=1")
        predictions = predict(self.evaluated, self.valid, self.engine)
        scores = self.protocol.compute(predictions.prediction, predictions.label)
        score, best = scores[self.select], self.best
        sign = 1 if self.protocol.higher_is_better(self.select) else -1
        better = isfinite(score) and (best is None or sign * score > sign * best["valid"][self.select])
        return {
            "epoch": self.epoch,
            "seconds": seconds,
            "train": train,
            "valid": scores,
            "valid_losses": predictions.losses,
            "weights_kl": _weights_divergence(predictions),
            "best": better,
        }

    def _save(self) -> None:
        sums = self.engine.mean(self.sums)  # resumed processes all start from the mean, which leaves the mean unchanged
        if self.model.memory is not None and self.engine.world > 1:
            self.model.memory.merge(self.engine.mean)
        if not self.engine.is_main:
            return
        progress = {
            "epoch": self.epoch,
            "step": self.step,
            "sums": sums.tolist(),
            "history": self.history,
            "scaler": self.engine.scaler_state(),
        }
        save_checkpoint(self.last, self.parts, self.optimizer, progress)
        write_text(self.folder / "metrics.jsonl", "".join(json.dumps(row) + "\n" for row in self.history))


def _weights_divergence(predictions: Predictions) -> dict[str, float]:
    """Mean KL(target ‖ weights) in nats of each kind of weight that has a ``_target``."""
    found = {}
    for name, weights in predictions.weights.items():
        if (target := predictions.weights.get(f"{name}_target")) is not None:
            ratio = np.log(np.clip(target, 1e-12, None)) - np.log(np.clip(weights, 1e-12, None))
            found[name] = float((target * ratio).sum(axis=1).mean())
    return found
