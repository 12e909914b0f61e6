"""Hidden states of pretrained vision networks (CLIP, DINOv2, ViT and others) for tracked faces or whole frames.

Faces are aligned by the eyes and cropped with a margin of a third of their size, like portraits.
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
"""Pictures per batch."""
AROUND = 1.33
"""Side of the crop relative to the larger side of the face's box."""
SIDES = (48, 384)
"""Smallest and largest side of the crop in pixels; the network's preprocessor then resizes it."""

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
"""Number of tokens before the patches by ``model_type``, without registers: [CLS], and DeiT's distillation token. Other
architectures are not supported."""
STAGED = ("swin", "swinv2")
"""Architectures that merge patches from layer to layer."""

Picture = npt.NDArray[np.uint8]


class LearnedVision(VisionExtractor):
    """States of one layer or of all layers, one step per picture.

    Args:
        recipe: with its network.
    """

    name = "hf-vision"
    example = "openai/clip-vit-base-patch32"
    steps = 5.0
    """Default pictures per second."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe

    @classmethod
    def create(cls, network: Network) -> Self:
        """Create an extractor from the name of a network, and pin its revision.

        Raises:
            UserError: the network is unknown or not a supported vision network, or lacks the layer or pooling.
        """
        folder, revision = networks.resolve_network(network.model, network.revision or None)
        return cls(_describe(networks.read_network_config(folder), network.model_copy(update={"revision": revision})))

    def check(self) -> None:
        """See `Extractor`."""
        networks.check_recipe(self.recipe, _describe)

    def __call__(self, frames: Iterable[Frame]) -> list[Track]:
        """See `VisionExtractor`; values are float16. Whole frames make one track."""
        assert self.recipe.network is not None  # noqa: S101 - set by `create` or a dataset's card
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
    """Encode pictures in batches; only the states are stored."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self._waiting, self._found = list[Picture](), list[npt.NDArray[np.float16]]()
        self._count = 0

    def add(self, picture: Picture) -> int:
        """Add a picture and return its index."""
        self._waiting.append(picture)
        self._count += 1
        if len(self._waiting) == BATCH:
            self._encode()
        return self._count - 1

    def all(self, width: int) -> npt.NDArray[np.float16]:
        """(N, width) states of all pictures."""
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
    """Make the recipe of a network.

    Raises:
        UserError: the architecture is not supported, or lacks the layer or a [CLS] token.
    """
    kind = config.model_type
    if kind not in TOKENS:
        raise UserError(f"a {kind} model is not a supported vision network", f"give one of {', '.join(TOKENS)}")
    if network.pooling == "first" and not TOKENS[kind]:
        raise UserError(f"a {kind} model has no first token for the whole picture", "use pooling=mean")
    if kind in STAGED and network.layer != "last":
        raise UserError(f"the layers of a {kind} model differ in width and patches", "use layer=last")
    columns = networks.name_columns(config, network.layer)
    units = ("1",) * len(columns)
    return Recipe(extractor=LearnedVision.name, columns=columns, units=units, rate=network.rate, network=network)


def _special(config: Any) -> int:
    """Number of tokens before the patches, including registers."""
    return TOKENS[config.model_type] + int(getattr(config, "num_register_tokens", None) or 0)


def _sights(frames: Iterable[Frame], states: _States) -> Iterator[FrameFaces]:
    """Yield faces whose only value is the index of their crop in ``states``."""
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
    """Crop a face to (S, S, 3) with level eyes; outside of the picture is black.

    Args:
        image: (H, W, 3) uint8.
        points: (478, 2) landmarks in pixels.
    """
    from PIL import Image

    right, left = (points[list(eye)].mean(axis=0) for eye in landmarks.EYES[::-1])  # from the viewer's side
    across = (left - right) / max(float(np.linalg.norm(left - right)), 1e-6)
    axes = np.stack([across, (-across[1], across[0])])  # axes of the face in the picture
    turned = points @ axes.T
    low, high = turned.min(axis=0), turned.max(axis=0)
    side = max(float((high - low).max()) * AROUND, 1.0)
    size = int(np.clip(round(side), *SIDES))
    corner = ((low + high) / 2 - side / 2) @ axes
    step = axes * (side / size)
    data = (step[0, 0], step[1, 0], corner[0], step[0, 1], step[1, 1], corner[1])
    picture = Image.fromarray(np.ascontiguousarray(image))
    return np.asarray(picture.transform((size, size), Image.Transform.AFFINE, data, Image.Resampling.BILINEAR))
