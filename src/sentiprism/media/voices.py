"""Embed voices: vectors that are close for one speaker and apart for two (GE2E, Wan et al. 2018)."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sentiprism.assets.registry import fetch
from sentiprism.media.types import Span

if TYPE_CHECKING:
    from torch import Tensor

VOICE_ENCODER = "voice-encoder"
"""Name of the asset with the network's weights."""
RATE = 16_000
FRAMES = 160
"""Spectra that the network reads at once; it was trained on windows of this length."""
STRIDE, LENGTH, MELS = 160, 400, 40
"""Samples between spectra and samples of one, and mel bands: as in the network's training."""
WINDOW = FRAMES * STRIDE / RATE
"""Seconds of a window."""
HOP = 0.4
"""Seconds between windows."""
LEVEL = 10 ** (-30 / 20)
"""Root mean square to which each window is scaled, so that gain does not matter; that of the training."""
WIDTH, LAYERS = 256, 3
BATCH = 64
"""Windows that are embedded at once."""

Floats = npt.NDArray[np.floating[Any]]


class Voices(NamedTuple):
    """Voices of the windows of a recording, in the order of time."""

    windows: tuple[Span, ...]
    """Each within one span of speech."""
    spans: npt.NDArray[np.intp]
    """(n,) number of that span."""
    vectors: npt.NDArray[np.float32]
    """(n, `WIDTH`) of length 1."""


def embed_voices(
    sound: npt.NDArray[np.int16], spans: Sequence[Span], on: Callable[[float], Any] | None = None
) -> Voices:
    """Embed the voice in windows of `WINDOW` seconds, every `HOP` seconds of speech.

    Args:
        sound: (n,) mono samples at 16 kHz; may be a memory map, of which one batch of windows is read at a time.
        spans: from `sentiprism.media.speech.find_speech`; one that is shorter than a window is repeated to its length.
        on: called with the number of seconds done.
    """
    divided = [split_windows(span) for span in spans]
    windows = [window for own in divided for window in own]
    numbers = np.repeat(np.arange(len(divided)), [len(own) for own in divided])
    vectors = np.zeros((len(windows), WIDTH), np.float32)
    for first in range(0, len(windows), BATCH):
        batch = windows[first : first + BATCH]
        vectors[first : first + BATCH] = _embed(np.stack([_samples(sound, window) for window in batch]))
        if on is not None:
            on(batch[-1].end)
    return Voices(tuple(windows), numbers, vectors)


def split_windows(span: Span) -> list[Span]:
    """Windows of a span of speech, the last one up to its end; the span itself if it is shorter."""
    count = max(int(np.ceil((span.end - span.start - WINDOW) / HOP - 1e-6)), 0)
    starts = [span.start + HOP * n for n in range(count)] + [max(span.end - WINDOW, span.start)]
    return [Span(start, min(start + WINDOW, span.end)) for start in starts]


def _samples(sound: npt.NDArray[np.int16], window: Span) -> npt.NDArray[np.float32]:
    """Samples of one window at the same level as all others."""
    piece = np.asarray(sound[round(window.start * RATE) : round(window.end * RATE)], np.float32) / 32768
    piece = np.resize(piece if len(piece) else np.zeros(1, np.float32), FRAMES * STRIDE)  # repeats a shorter one
    level = float(np.sqrt(np.mean(np.square(piece, dtype=np.float64))))
    return (piece * (LEVEL / level)).astype(np.float32) if level else piece.astype(np.float32)


def _embed(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    import torch
    from librosa.feature import melspectrogram

    mels = melspectrogram(y=samples, sr=RATE, n_fft=LENGTH, hop_length=STRIDE, n_mels=MELS)[..., :FRAMES]
    recurrent, linear = _network(fetch(VOICE_ENCODER))
    with torch.inference_mode():
        _, (hidden, _) = recurrent(torch.from_numpy(np.ascontiguousarray(mels.transpose(0, 2, 1), np.float32)))
        found: Tensor = torch.relu(linear(hidden[-1]))
        return np.asarray(torch.nn.functional.normalize(found, dim=1))


@lru_cache(maxsize=1)
def _network(folder: Path) -> tuple[Any, Any]:
    """The network with its pinned weights; only tensors are read from the file."""
    import torch

    stored = torch.load(folder / "pretrained.pt", map_location="cpu", weights_only=True)["model_state"]
    recurrent, linear = torch.nn.LSTM(MELS, WIDTH, LAYERS, batch_first=True), torch.nn.Linear(WIDTH, WIDTH)
    for name, network in (("lstm", recurrent), ("linear", linear)):
        network.load_state_dict({key: stored[f"{name}.{key}"] for key in network.state_dict()})
    return recurrent.eval(), linear.eval()
