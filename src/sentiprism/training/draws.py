"""How often each train utterance is drawn."""

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import Split
from sentiprism.data.joined import temperature_shares
from sentiprism.data.sampler import balanced_shares
from sentiprism.errors import UserError
from sentiprism.training.config import RunConfig
from sentiprism.types import TargetSpec


def draw_shares(train: Split, target: TargetSpec, config: RunConfig) -> npt.NDArray[np.float64] | None:
    """(N,) probabilities with which an epoch draws utterances; None = each once."""
    optim = config.optim
    if optim.sampler == "balanced":
        return balanced_shares(train.labels["M"], target, power=optim.balance, smoothing=optim.balance_smoothing)
    if config.data.temperature > 1 and train.part is not None:
        return temperature_shares(train.part, config.data.temperature)
    return None


def check_draws(train: Split, config: RunConfig) -> None:
    """Refuse a sampling temperature that would have no effect.

    Raises:
        UserError: there is only one dataset, or draws are balanced by label already.
    """
    if config.data.temperature == 1:
        return
    if train.part is None:
        raise UserError("data.temperature is for several datasets", "name them: `dataset` mosei,mosi")
    if config.optim.sampler == "balanced":
        raise UserError(
            "optim.sampler=balanced and data.temperature both set how utterances are drawn", "leave one of them out"
        )
