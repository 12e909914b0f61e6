"""Fit models that have a closed form."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sentiprism.data.prepare import PreparedSplit
from sentiprism.data.sampler import LengthGroupedSampler
from sentiprism.errors import UserError
from sentiprism.training.config import OptimConfig, RunConfig

if TYPE_CHECKING:
    from sentiprism.models import Model


def all_batches(train: PreparedSplit, size: int) -> list[npt.NDArray[np.int64]]:
    """Rows of all train utterances in batches of similar length; deterministic, the same in every process."""
    return list(LengthGroupedSampler(train.lengths, size, 0, shuffle=False).epoch(0))


def check_closed_form(model: "Model", config: RunConfig) -> None:
    """Refuse settings that augment or resample train, which a closed form cannot use.

    Raises:
        UserError: inputs are augmented or utterances resampled. The optimiser's other settings are ignored.
    """
    if not model.closed_form:
        return
    augmented: dict[str, Any] = {
        "data.modality_dropout": any(config.data.modality_dropout.values()),
        "data.feature_noise": config.data.feature_noise > 0,
        "data.temperature": config.data.temperature > 1,
        "data.text.context_dropout": config.data.text.context_dropout > 0,
        "init": config.init is not None,
        "optim.sampler": config.optim.sampler != OptimConfig().sampler,
    }
    for name in (name for name, value in augmented.items() if value):
        raise UserError(f"{model.name} is fitted in closed form, where {name} has no effect", f"leave out {name}")
