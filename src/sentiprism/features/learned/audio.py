"""Hidden states of pretrained speech networks: wav2vec 2.0, HuBERT, WavLM, Whisper's encoder and others."""

from collections.abc import Sequence
from math import prod
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.features.extractors.base import AudioExtractor
from sentiprism.features.learned import networks
from sentiprism.features.states import Reading, encode_sound
from sentiprism.features.track import Floats, Track
from sentiprism.recipe import Network, Recipe

RATE = 16_000
"""Sample rate in Hz of all these networks."""
WAVES = ("data2vec-audio", "hubert", "unispeech", "unispeech-sat", "wav2vec2", "wavlm")
"""Architectures whose input is the waveform."""
WINDOW = 30
"""Seconds of a window."""
BATCH = 4
"""Windows of a long recording per batch."""


class LearnedAudio(AudioExtractor):
    """Mean states of one layer or of all layers per step; utterances are encoded separately.

    Args:
        recipe: with its network.
    """

    name = "hf-audio"
    example = "facebook/wav2vec2-base"
    steps = 12.5
    """Default steps per second."""
    sample_rate = RATE
    contextual = True

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    @classmethod
    def create(cls, network: Network) -> Self:
        """Create an extractor from the name of a network, and pin its revision.

        Raises:
            UserError: the network is unknown, is not for speech, or lacks the layer or rate.
        """
        folder, revision = networks.resolve_network(network.model, network.revision or None)
        return cls(_describe(networks.read_network_config(folder), network.model_copy(update={"revision": revision})))

    def check(self) -> None:
        """See `Extractor`."""
        networks.check_recipe(self.recipe, _describe)

    def __call__(self, sound: npt.NDArray[np.int16]) -> Track:
        """See `AudioExtractor`; values are float16."""
        assert self.recipe.network is not None  # noqa: S101 - set by `create` or a dataset's card
        self.check()
        network, prepare = networks.load_network(self.recipe.network)
        hop, longest = _geometry(network.config)
        pooled = _states_of_step(network.config, self.recipe.network.rate)
        reading = Reading(RATE, hop, longest, pooled, len(self.recipe.columns))
        layer = self.recipe.network.layer

        def encode(pieces: Sequence[npt.NDArray[np.int16]]) -> list[Floats]:
            return _encode(network, prepare, pieces, hop, layer)

        return encode_sound(sound, reading, encode, BATCH)


def _describe(config: Any, network: Network) -> Recipe:
    """Make the recipe of a network; there is only one pooling."""
    _states_of_step(config, network.rate)
    columns = networks.name_columns(config, network.layer)
    network = network.model_copy(update={"pooling": "mean"})
    units = ("1",) * len(columns)
    return Recipe(extractor=LearnedAudio.name, columns=columns, units=units, rate=network.rate, network=network)


def _states_of_step(config: Any, rate: float) -> int:
    """Number of states that are averaged to a step.

    Raises:
        UserError: it is not an integer, or larger than a window without context.
    """
    hop, longest = _geometry(config)
    states = RATE / hop / rate
    found = round(states)
    if found < 1 or abs(states - found) > 1e-6 * found:  # 0.1 is not exact in binary
        raise UserError(f"{rate:g} steps per second are not a whole number of states", _rates(hop))
    if found > (most := longest - 2 * (longest // 6)):
        raise UserError(
            f"a step of {1 / rate:g} s is longer than the network reads", f"use {RATE / hop / most:g} or more"
        )
    return found


def _encode(
    network: Any, prepare: Any, pieces: Sequence[npt.NDArray[np.int16]], hop: int, layer: int | str
) -> list[Floats]:
    """Encode pieces of the same length, padded by less than one state's receptive field, or to Whisper's window."""
    import torch

    count = -(-len(pieces[0]) // hop)
    reach = _reach(network.config)
    waves = np.zeros((len(pieces), (count - 1) * hop + max(reach, hop)), np.float32)
    for row, piece in zip(waves, pieces, strict=True):
        row[: len(piece)] = np.asarray(piece, np.float32) / 32768
    given = prepare(list(waves), sampling_rate=RATE, return_tensors="pt")[network.main_input_name]
    with torch.no_grad():
        output = network(given.to(network.device), output_hidden_states=layer != "last")
    states = networks.read_layer(output, layer).float().cpu().numpy()
    return [np.asarray(one[:count]) for one in states]


def _geometry(config: Any) -> tuple[int, int]:
    """Samples between states, and states per window."""
    if config.model_type == "whisper":
        return 320, int(config.max_source_positions)
    if config.model_type in WAVES:
        hop = prod(config.conv_stride)
        return hop, WINDOW * RATE // hop
    cause = f"a {config.model_type} model is not a supported speech network"
    raise UserError(cause, f"give one of {', '.join(WAVES)} or whisper")


def _reach(config: Any) -> int:
    """Receptive field of one state in samples, before attention; 0 for Whisper."""
    if config.model_type == "whisper":
        return 0
    reach, stride = 1, 1
    for kernel, step in zip(config.conv_kernel, config.conv_stride, strict=True):
        reach += (kernel - 1) * stride
        stride *= step
    return reach


def _rates(hop: int) -> str:
    return (
        f"choose {RATE / hop:g}, {RATE / hop / 2:g}, {RATE / hop / 4:g} or another integer fraction of {RATE / hop:g}"
    )
