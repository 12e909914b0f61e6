"""Fine-tune a saved model on a few labelled utterances."""

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from sentiprism.config import Config
from sentiprism.data.config import DataConfig
from sentiprism.data.importers.folds import LEAST
from sentiprism.data.prepare import PreparedSplit
from sentiprism.errors import UserError
from sentiprism.metrics import Protocol
from sentiprism.models import MODELS, load_model
from sentiprism.training.config import FIRST_SEED, MOST_EPOCHS, OptimConfig, RunConfig, Seed
from sentiprism.training.engine import Engine
from sentiprism.training.progress import TrainingProgress
from sentiprism.training.seeding import seed_at

if TYPE_CHECKING:
    from sentiprism.models import Model

MOST_FOLDS = 100


class AdaptConfig(Config):
    """How a saved model is fine-tuned; its text encoder stays frozen."""

    epochs: int = Field(10, gt=0, le=MOST_EPOCHS)
    lr: float = Field(1e-4, gt=0)
    """A tenth of the rate for training from scratch."""
    batch_size: int = Field(16, gt=0)
    weight_decay: float = Field(0.01, ge=0)
    modality_dropout: float = Field(0.2, ge=0, lt=1)
    """Keeps the model able to predict when a modality is missing."""
    folds: int = Field(5, ge=LEAST, le=MOST_FOLDS)
    """Folds of the cross-validation by video; at most the number of videos."""
    seed: Seed = FIRST_SEED


def check_trainable(model: str) -> None:
    """Refuse a model that cannot be trained by gradient steps.

    Args:
        model: name of the architecture.

    Raises:
        UserError: it is fitted in closed form.
    """
    if MODELS[model].closed_form:
        cause = f"a {model} is fitted in closed form: it cannot be trained further"
        raise UserError(cause, "adapt another model, or train this one on a dataset of the clips")


def fine_tune(model: Path, train: PreparedSplit, scorer: Protocol, engine: Engine, config: AdaptConfig) -> "Model":
    """Fine-tune a copy of a saved model for a fixed number of epochs; no epoch is selected.

    Args:
        model: folder of the saved model.
        train: utterances prepared with the model's own features and statistics.
        scorer: protocol for the scale of the labels.
        engine: device.
        config: epochs, learning rate and the other settings.

    Raises:
        UserError: the model is fitted in closed form.
    """
    from sentiprism.training.loop import Trainer
    from sentiprism.training.optimizer import set_trained
    from sentiprism.training.training_data import TrainingData

    started = load_model(model).model
    check_trainable(started.name)
    frozen = {"text_encoder": config.epochs} if "text_encoder" in started.param_groups() else {}
    optim = OptimConfig(
        epochs=config.epochs,
        lr=config.lr,
        batch_size=config.batch_size,
        weight_decay=config.weight_decay,
        schedule="linear",
        clip=1.0,
        freeze=frozen,
    )
    data = DataConfig.parse({"modality_dropout": config.modality_dropout})
    run = RunConfig(model=started.name, dataset=train.split.name, data=data, optim=optim)
    seed_at(config.seed)
    trainer = Trainer(run, config.seed, started, TrainingData(train, train, scorer), model, engine, {})
    quiet = TrainingProgress(quiet=True)
    started.train()
    for epoch in range(config.epochs):
        started.set_epoch(epoch)
        set_trained(trainer.optimizer, optim, epoch)  # no gradients for the frozen encoder
        for rows in trainer.sampler.epoch(epoch):
            trainer.take_step([rows], quiet)
        trainer.epoch, trainer.step = epoch + 1, 0
    engine.release()
    return started.eval()
