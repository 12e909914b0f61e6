"""Synthetic dataset with planted factors and contributions.

One utterance, for the modalities m = text, audio, vision (`MODALITIES`), with a = `SHARED` and b = `UNIQUE`:

    s    ~ N(0, 1)                          shared factor of all modalities
    u_m  = ±1 (even odds) x U(0.5, 1.5)     unique factor of modality m; 0 if m is missing
    c    ~ Dirichlet(α, α, α)               contribution; 0 if m is missing, and the others sum to 1
    g_m  = b c_m u_m                        signal: contribution of m alone to the label
    y    = 3 tanh(a s + Σ_m g_m + ε)        label in (-3, 3); ε has the standard deviation ``label_noise``

Frame t of T in modality m is  x_t = p_t z W_m + e_t,  with z = [s, g_m, c_m - 1/3, n_1, n_2]:

    n    ~ N(0, 1)                          nuisance, drawn for each modality of each utterance
    W_m                                     mixing (5, F), orthogonal rows of norm sqrt(F/5), fixed by seed
    p_t                                     time profile: a raised cosine at a random phase, mean 1 over t
    e_t                                     frame noise of standard deviation ``noise`` per feature

so the mean of x over time is z W_m up to noise. T is uniform within `LENGTHS`. Each modality is missing with
probability ``missing``, independently; if none is left, a random one is kept.

As |u_m| is bounded away from 0, a modality with a small contribution leaves much of the label unexplained: the error of
a predictor from m alone decreases with c_m. Modality weights from unimodal errors, such as w* of MDF (Eq. 10), can
therefore be compared with the planted "contribution".
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Annotated

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sentiprism.config import Config
from sentiprism.data.dataset import SPLITS, Dataset, DatasetInfo, Utterance
from sentiprism.data.names import CARD
from sentiprism.data.store import SYNTHETIC, load_dataset, write_dataset
from sentiprism.errors import UserError
from sentiprism.files import home, safe_name
from sentiprism.types import MODALITIES, TargetSpec

SHARED = 0.3
"""a: weight of the shared factor."""
UNIQUE = 1.0
"""b: weight of the unique factors."""
FACTORS = 5
"""Entries of z."""
LENGTHS = {"text": (4, 20), "audio": (5, 40), "vision": (5, 30)}
"""Frames of the shortest and the longest sequence."""
UTTERANCES_PER_VIDEO = 4
MAKER = "sentiprism.data.synthetic"
VERSION = 1
"""Increase whenever the same recipe would give other data."""

Floats = npt.NDArray[np.float64]
Count = Annotated[int, Field(ge=1)]
Width = Annotated[int, Field(ge=FACTORS)]
Deviation = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Recipe(Config):
    """Parameters of the data, see `synthetic_dataset`; stored in the card's source."""

    seed: Annotated[int, Field(ge=0)]
    sizes: tuple[Count, Count, Count]
    widths: tuple[Width, Width, Width]
    missing: Annotated[float, Field(ge=0, lt=1)]
    concentration: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    noise: Deviation
    label_noise: Deviation


def synthetic_dataset(
    name: str = SYNTHETIC,
    *,
    seed: int = 0,
    sizes: tuple[int, int, int] = (600, 150, 300),
    widths: tuple[int, int, int] = (24, 16, 20),
    missing: float = 0.1,
    concentration: float = 0.5,
    noise: float = 0.5,
    label_noise: float = 0.05,
) -> Dataset:
    """Open the synthetic dataset from the store, after making it if it is missing or has other parameters.

    Args:
        name: its name in the store.
        seed: seed of all draws; the same parameters give the same content hash.
        sizes: utterances in train, valid and test; four share a video.
        widths: F of text, audio and vision, at least `FACTORS`; text comes as features.
        missing: probability that a modality is missing, in [0, 1).
        concentration: α of the Dirichlet; the smaller, the more often one modality dominates.
        noise: standard deviation of a frame's noise, per feature.
        label_noise: standard deviation of the noise inside tanh.

    Returns:
        The dataset. ``Split.planted`` holds "contribution" (N, 3), "shared" (N, 1), "unique" (N, 3) and
        "signal" (N, 3); columns in the order of `MODALITIES`.

    Raises:
        UserError: a parameter is outside its range, or another dataset has this name.
    """
    values = {
        "seed": seed,
        "sizes": sizes,
        "widths": widths,
        "missing": missing,
        "concentration": concentration,
        "noise": noise,
        "label_noise": label_noise,
    }
    recipe = Recipe.parse(values, "synthetic dataset")
    source = f"{MAKER} {VERSION} {recipe.model_dump_json()}"
    if home("datasets", safe_name(name, "dataset name"), CARD).is_file():
        stored = load_dataset(name, verify=False)
        if stored.card.source == source:
            with suppress(UserError):  # a damaged dataset is made again
                return load_dataset(name)
        if not stored.card.source.startswith(f"{MAKER} "):
            raise UserError(f"the stored dataset {name!r} is not a synthetic one", "choose another name")
    return write_dataset(
        name,
        _utterances(recipe),
        DatasetInfo(
            title="Synthetic utterances with planted factors and contributions",
            source=source,
            target=TargetSpec(low=-3.0, high=3.0),
            protocol="intensity",
        ),
        replace=True,
    )


def _utterances(recipe: Recipe) -> Iterator[tuple[str, Utterance]]:
    """Yield utterances; each split has a separate random stream, so that the size of one does not affect the others."""
    mixing = [
        _mixing(np.random.default_rng((recipe.seed, len(SPLITS), m)), width) for m, width in enumerate(recipe.widths)
    ]
    for number, (split, size) in enumerate(zip(SPLITS, recipe.sizes, strict=True)):
        rng = np.random.default_rng((recipe.seed, number))
        for row in range(size):
            video, clip = divmod(row, UTTERANCES_PER_VIDEO)
            yield split, _utterance(rng, f"{split}-{video:04d}", clip, mixing, recipe)


def _utterance(rng: np.random.Generator, video: str, clip: int, mixing: list[Floats], recipe: Recipe) -> Utterance:
    present = rng.random(3) >= recipe.missing
    spared = rng.integers(3)
    present[spared] |= not present.any()
    shared = rng.standard_normal()
    unique = rng.choice((-1.0, 1.0), 3) * rng.uniform(0.5, 1.5, 3) * present
    # gamma draws divided by their sum are a Dirichlet draw, also without the missing ones; the floor keeps the sum
    # above 0 if a tiny α makes all draws underflow
    share = np.maximum(rng.standard_gamma(recipe.concentration, 3), 1e-9) * present
    share /= share.sum()
    signal = UNIQUE * share * unique
    label = 3 * np.tanh(SHARED * shared + signal.sum() + recipe.label_noise * rng.standard_normal())
    sequences: dict[str, npt.NDArray[np.float32]] = {}
    for m, modality in enumerate(
        MODALITIES
    ):  # also drawn for a missing one, so that `missing` does not change other draws
        low, high = LENGTHS[modality]
        nuisance = rng.standard_normal(FACTORS - 3)
        z = np.concatenate([[shared, signal[m], share[m] - 1 / 3], nuisance])  # (FACTORS,)
        profile = _profile(rng, int(rng.integers(low, high, endpoint=True)))
        frames = profile[:, None] * (z @ mixing[m])  # (T, F)
        frames += recipe.noise * rng.standard_normal(frames.shape)
        if present[m]:
            sequences[modality] = frames.astype(np.float32)
    planted = {"contribution": share, "shared": np.array([shared]), "unique": unique, "signal": signal}
    return Utterance(
        id=f"{video}-{clip}",
        video_id=video,
        text=None,
        labels={"M": float(label)},
        sequences=sequences,
        planted={key: value.astype(np.float32) for key, value in planted.items()},
    )


def _mixing(rng: np.random.Generator, width: int) -> Floats:
    """(FACTORS, F) with orthogonal rows, so that every factor can be decoded from any modality."""
    basis, _ = np.linalg.qr(rng.standard_normal((width, FACTORS)))
    return np.asarray(basis.T * np.sqrt(width / FACTORS))


def _profile(rng: np.random.Generator, steps: int) -> Floats:
    """(T,) with mean 1: a raised cosine above a minimum, so that every frame has signal."""
    wave = 1.2 + np.cos(np.linspace(0, 2 * np.pi, steps, endpoint=False) - rng.uniform(0, 2 * np.pi))
    return np.asarray(wave / wave.mean())
