"""Seed random draws by the position in training."""

import numpy as np


def seed_at(*position: int) -> None:
    """Seed torch's generators on all devices from (seed, epoch, batch, rank) or a similar position."""
    import torch

    state = np.random.SeedSequence(list(position)).generate_state(1, np.uint64)[0]
    torch.manual_seed(int(state))
