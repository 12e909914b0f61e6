"""Hidden states of pretrained networks of pictures: CLIP, DINOv2, ViT and their like, on tracked faces or whole frames.

A face is cut out of the picture turned upright by its eyes, with a third of its size around it, so that every network
sees it as it would a portrait.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from sentiprism.errors import UserError
from sentiprism.features import landmarks
from sentiprism.features.extractors.base import VisionExtractor
from sentiprism.features.extractors.face import landmarker
from sentiprism.features.face_tracking import Detection, FrameFaces, frame_thumbnail, link_detections
from sentiprism.features.learned import networks
from sentiprism.features.states import LARGEST
from sentiprism.features.track import Track
from sentiprism.media.types import Frame
from sentiprism.recipe import Network, Recipe

BATCH = 16
"""Pictures at once."""
AROUND = 1.33
"""Of the larger side of a face's box, the side of what is cut out."""
SIDES = (48, 384)
"""Pixels of what is cut out, at least and at most; the network's own processor makes it the size it wants."""

TOKENS = {
    "beit": 1,
    "clip_vision_model": 1,
    "data2vec-vision": 1,
    "deit": 2,
    "dinov2": 1,
    "dinov2_with_registers": 1,
    "dinov3_vit": 1,
    "siglip_vision_model": 0,
    "swin": 0,
    "swinv2": 0,
    "vit": 1,
    "vit_msn": 1,
}
"""Tokens before the patches by the network's ``model_type``, without registers: that of the whole picture, and
DeiT's of its teacher. Of other architectures it is not known what their states mean."""
STAGED = ("swin", "swinv2")
"""Architectures that merge patches from layer to layer."""

Picture = npt.NDArray[np.uint8]


class LearnedVision(VisionExtractor):
    """States of one layer, or of all, a step a picture.

    Args:
        recipe: with its network.
    """

    name = "hf-vision"
    example = "openai/clip-vit-base-patch32"
    steps = 5.0
    """A second, by default."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    @classmethod
    def create(cls, network: Network) -> Self:
        """By the name of a network, whose revision is pinned now.

        Raises:
            UserError: no such network, not one of pictures that is known here, or it has no such layer or pooling.
        """
        folder, revision = networks.resolve_network(network.model, network.revision or None)
        return cls(_describe(networks.read_network_config(folder), network.model_copy(update={"revision": revision})))

    def check(self) -> None:
        """See `Extractor`."""
        networks.check_recipe(self.recipe, _describe)

    def __call__(self, frames: Iterable[Frame]) -> list[Track]:
        """See `VisionExtractor`; values are float16. Whole frames make one track."""
        assert self.recipe.network is not None  # noqa: S101 - of `create`, or of a dataset's card
        self.check()
        states = _States(self.recipe.network)
        if self.recipe.network.crop == "frame":
            times = [(frame.time, states.add(np.asarray(frame.image)))[0] for frame in frames]
            tracks = [Track(np.array(times), np.arange(len(times), dtype=np.float32)[:, None])] if times else []
        else:
            tracks = link_detections(_sights(frames, states))
        values = states.all(len(self.recipe.columns))
        return [Track(track.times, values[track.values[:, 0].astype(int)]) for track in tracks]


class _States:
    """Encodes pictures batch by batch, and keeps the states alone."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._waiting, self._found = list[Picture](), list[npt.NDArray[np.float16]]()
        self._count = 0

    def add(self, picture: Picture) -> int:
        """Number of a picture, from 0."""
        self._waiting.append(picture)
        self._count += 1
        if len(self._waiting) == BATCH:
            self._encode()
        return self._count - 1

    def all(self, width: int) -> npt.NDArray[np.float16]:
        """(N, width) of all pictures."""
        if self._waiting:
            self._encode()
        return np.concatenate(self._found) if self._found else np.zeros((0, width), np.float16)

    def _encode(self) -> None:
        import torch

        network, prepare = networks.load_network(self.network)
        given = prepare(images=self._waiting, return_tensors="pt", input_data_format="channels_last")
        self._waiting = []
        with torch.no_grad():
            output = network(
                given["pixel_values"].to(network.device), output_hidden_states=self.network.layer != "last"
            )
        states = networks.read_layer(output, self.network.layer)
        tokens = states[:, 0] if self.network.pooling == "first" else states[:, _special(network.config) :].mean(dim=1)
        self._found.append(tokens.float().clamp(-LARGEST, LARGEST).cpu().numpy().astype(np.float16))


def _describe(config: Any, network: Network) -> Recipe:
    """The recipe of a network.

    Raises:
        UserError: it is not known what its states are, or it has no such layer or no token of the whole picture.
    """
    kind = config.model_type
    if kind not in TOKENS:
        raise UserError(
            f"a {kind} model is not a network of pictures that is known here", f"give one of {', '.join(TOKENS)}"
        )
    if network.pooling == "first" and not TOKENS[kind]:
        raise UserError(f"a {kind} model has no first token that stands for the picture", "use pooling=mean")
    if kind in STAGED and network.layer != "last":
        raise UserError(f"the layers of a {kind} model differ in width and patches", "use layer=last")
    columns = networks.name_columns(config, network.layer)
    units = ("1",) * len(columns)
    return Recipe(extractor=LearnedVision.name, columns=columns, units=units, rate=network.rate, network=network)


def _special(config: Any) -> int:
    """Tokens before those of the patches, registers among them."""
    return TOKENS[config.model_type] + int(getattr(config, "num_register_tokens", None) or 0)


def _sights(frames: Iterable[Frame], states: _States) -> Iterator[FrameFaces]:
    """Faces whose only value is the number of their picture among ``states``."""
    with landmarker() as detect:
        for frame in frames:
            height, width = frame.image.shape[:2]
            seen = []
            for points in detect(frame.image).face_landmarks:
                mesh = np.array([(point.x, point.y, point.z) for point in points])
                if np.isfinite(mesh).all():
                    number = states.add(cut_face(frame.image, mesh[:, :2] * (width, height)))
                    seen.append(Detection(landmarks.box(mesh), np.array([number])))
            yield FrameFaces(frame.time, frame_thumbnail(frame.image), seen)


def cut_face(image: npt.NDArray[Any], points: npt.NDArray[Any]) -> Picture:
    """(S, S, 3) of a face, its eyes level; what lies outside the picture is black.

    Args:
        image: (H, W, 3) uint8.
        points: (478, 2) landmarks in pixels.
    """
    from PIL import Image

    right, left = (points[list(eye)].mean(axis=0) for eye in landmarks.EYES[::-1])  # as a viewer sees them
    across = (left - right) / max(float(np.linalg.norm(left - right)), 1e-6)
    axes = np.stack([across, (-across[1], across[0])])  # of the face, in the picture
    turned = points @ axes.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    side = max(float((high - low).max()) * AROUND, 1.0)
    size = int(np.clip(round(side), *SIDES))
    corner = ((low + high) / 2 - side / 2) @ axes
    step = axes * (side / size)
    data = (step[0, 0], step[1, 0], corner[0], step[0, 1], step[1, 1], corner[1])
    picture = Image.fromarray(np.ascontiguousarray(image))
    return np.asarray(picture.transform((size, size), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR))
