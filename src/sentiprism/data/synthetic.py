"""A dataset whose truth is known: shared and unique factors and each modality's contribution are planted.

One utterance, for modalities m = text, audio, vision (`MODALITIES`), with a = `SHARED` and b = `UNIQUE`:

    s    ~ N(0, 1)                          shared factor, which every modality shows
    u_m  = ±1 (even odds) x U(0.5, 1.5)     unique factor, which modality m alone shows; 0 where m is missing
    c    ~ Dirichlet(α, α, α)               contribution; a missing modality's share is 0, the others' sum to 1
    g_m  = b c_m u_m                        signal: what m alone adds to the label
    y    = 3 tanh(a s + Σ_m g_m + ε),       ε ~ N(0, `label_noise`): the label, within [-3, 3]

Frame t of T in modality m is  x_t = p_t z W_m + e_t,  with z = [s, g_m, c_m - 1/3, n_1, n_2]:

    n    ~ N(0, 1)                          nuisance, drawn for each modality of each utterance
    W_m                                     mixing matrix (5, F) of orthonormal rows x sqrt(F / 5), fixed by the seed
    p_t                                     time profile: a raised-cosine bump of random place, with mean 1 over t
    e_t  ~ N(0, `noise`) per feature        frame noise

so the time mean of x is z W_m up to noise. T is uniform within `LENGTHS`. Every modality is missing with probability
``missing``, independently; where that would leave none, one drawn at random stays.

Because |u_m| is kept away from 0, a modality that holds a small share leaves much of the label unexplained: the error
of a predictor that sees m alone falls with c_m. A modality weight made from unimodal errors, such as w* of MDF (Eq. 10),
can therefore be held against the planted "contribution".
"""

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from sentiprism.data.dataset import SPLITS, Dataset, Utterance
from sentiprism.data.store import load_dataset, write_dataset
from sentiprism.errors import UserError
from sentiprism.files import home
from sentiprism.types import MODALITIES, TargetSpec


SHARED = 0.3
"""a: weight of the shared factor before tanh."""
UNIQUE = 1.0
"""b: weight of the unique factors before tanh."""
FACTORS = 5
"""Entries of z."""
LENGTHS = {"text": (4, 20), "audio": (5, 40), "vision": (5, 30)}
"""Shortest and longest sequence in frames, both possible."""
UTTERANCES_PER_VIDEO = 4
TINY = 1e-9
MAKER = "sentiprism.data.synthetic 1"
"""Begins the card's source. Raise the number whenever the same parameters would give other data."""

Floats = npt.NDArray[np.float64]


def synthetic_dataset(
    name: str = "synthetic",
    *,
    seed: int = 0,
    sizes: tuple[int, int, int] = (600, 150, 300),
    widths: tuple[int, int, int] = (24, 16, 20),
    missing: float = 0.1,
    concentration: float = 0.5,
    noise: float = 0.5,
    label_noise: float = 0.05,
) -> Dataset:
    """The synthetic dataset, opened from the store; made first where it is absent or was made otherwise.

    Args:
        name: its name in the store.
        seed: of every draw; the same parameters give the same content hash.
        sizes: utterances in train, valid and test; four share a video.
        widths: F of text, audio and vision; text comes as features.
        missing: probability that a modality is missing, in [0, 1).
        concentration: α of the Dirichlet; the smaller, the more often one modality dominates.
        noise: standard deviation of a frame's noise, per feature.
        label_noise: standard deviation of the noise inside tanh.

    Returns:
        The dataset. ``Split.planted`` holds "contribution" (N, 3), "shared" (N, 1), "unique" (N, 3) and
        "signal" (N, 3), columns in the order of `MODALITIES`.

    Raises:
        UserError: a parameter is out of its range, or ``name`` is taken by another dataset.
    """
    parameters: dict[str, Any] = {
        "seed": seed,
        "sizes": list(sizes),
        "widths": list(widths),
        "missing": missing,
        "concentration": concentration,
        "noise": noise,
        "label_noise": label_noise,
    }
    ranges = {
        "sizes": min(sizes) >= 1,
        "widths": min(widths) >= FACTORS,
        "missing": 0 <= missing < 1,
        "concentration": concentration > 0,
        "noise": noise >= 0,
        "label_noise": label_noise >= 0,
    }
    for key, valid in ranges.items():
        if not valid:
            raise UserError(
                f"{key}={parameters[key]} makes no synthetic dataset",
                f"sizes >= 1, widths >= {FACTORS}, missing in [0, 1), concentration > 0, noise >= 0",
            )
@@@

def _utterances(
    parameters: dict[str, Any],
) -> Iterator[tuple[str, Utterance]]:
    """The utterances of all splits, in order; each split has a random stream of its own."""
    widths = dict(zip(MODALITIES, parameters["widths"], strict=True))
    mix = {
        m: _mixing(np.random.default_rng((parameters["seed"], len(SPLITS), i)), widths[m])
        for i, m in enumerate(MODALITIES)
    }
    for number, (split, size) in enumerate(zip(SPLITS, parameters["sizes"], strict=True)):
        rng = np.random.default_rng((parameters["seed"], number))
        for row in range(size):
            yield split, _utterance(rng, f"{split}{row // UTTERANCES_PER_VIDEO}", row, mix, parameters)


def _utterance(
    rng: np.random.Generator, video: str, row: int, mix: dict[str, Floats], parameters: dict[str, Any]
) -> Utterance:
    present = rng.random(3) >= parameters["missing"]
    present[rng.integers(3)] |= not present.any()
    shared = rng.standard_normal()
    unique = rng.choice((-1.0, 1.0), 3) * rng.uniform(0.5, 1.5, 3) * present
    # gamma draws over their sum are a Dirichlet draw, and stay one when the missing are left out
    shares = rng.standard_gamma(parameters["concentration"], 3) * present + TINY * present
    shares /= shares.sum()
    signal = UNIQUE * shares * unique
    hidden = SHARED * shared + signal.sum() + parameters["label_noise"] * rng.standard_normal()
    sequences = {}
    for m, here, g, c in zip(MODALITIES, present, signal, shares, strict=True):
        # drawn for a missing modality too, so that `missing` changes no other draw
        steps = int(rng.integers(LENGTHS[m][0], LENGTHS[m][1] + 1))
        z = np.concatenate([[shared, g, c - 1 / 3], rng.standard_normal(FACTORS - 3)])  # (FACTORS,)
        frames = _profile(rng, steps)[:, None] * (z @ mix[m])  # (T, F)
        frames += parameters["noise"] * rng.standard_normal(frames.shape)
        if here:
            sequences[m] = frames.astype(np.float32)
    planted = {"contribution": shares, "shared": np.array([shared]), "unique": unique, "signal": signal}
    return Utterance(
        id=f"{video}${row % UTTERANCES_PER_VIDEO}",
        video_id=video,
        text=None,
        labels={"M": float(3 * np.tanh(hidden))},
        sequences=sequences,
        planted={key: value.astype(np.float32) for key, value in planted.items()},
    )


def _mixing(rng: np.random.Generator, width: int) -> Floats:
    """(FACTORS, F): orthogonal rows, so that every factor can be read, of mean square 1 / FACTORS per feature."""
    basis, _ = np.linalg.qr(rng.standard_normal((width, FACTORS)))
    return np.asarray(basis.T * np.sqrt(width / FACTORS))


def _profile(rng: np.random.Generator, steps: int) -> Floats:
    """(T,): a raised-cosine bump at a random time over a floor, with mean 1."""
    profile = 1.2 + np.cos(np.linspace(0, 2 * np.pi, steps, endpoint=False) - rng.uniform(0, 2 * np.pi))
    return np.asarray(profile / profile.mean())
