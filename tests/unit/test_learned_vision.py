"""``hf-vision:NAME``: real architectures and loading code, small random weights, a real face."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from makers_networks import LAYERS, PICTURES, WIDTH, save_network
from sentiprism.errors import UserError
from sentiprism.features.extractors.face import Face
from sentiprism.features.learned import vision
from sentiprism.features.learned.create import create_extractor, restore_extractor
from sentiprism.features.learned.vision import cut_face
from sentiprism.media.decode import frames
from sentiprism.media.probe import probe
from sentiprism.media.types import Frame

BEFORE = {"siglip": 0, "swin": 0, "deit": 2}
"""Tokens before those of the patches, where they are not one."""


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    return {kind: save_network(folder / kind, kind) for kind in PICTURES}


@pytest.fixture(scope="module")
def face(strong_expressions: Path, face_landmarker: Path) -> list[Frame]:
    """Two seconds of it, five pictures a second."""
    (path,) = [path for path in strong_expressions.iterdir() if path.suffix == ".mp4"]
    return [frame for frame in frames(probe(path), 5.0) if frame.time < 2.0]


def noise(count: int) -> list[Frame]:
    rng = np.random.default_rng(0)
    return [Frame(n / 5, rng.integers(0, 256, (40, 60, 3), np.uint8)) for n in range(count)]


@pytest.mark.parametrize("kind", PICTURES)
def test_every_architecture_sees_whole_frames_as_transformers_does(kind, networks):
    import transformers

    pictures = noise(5)
    loaded = transformers.AutoModel.from_pretrained(networks[kind]).eval()
    prepare = transformers.AutoImageProcessor.from_pretrained(networks[kind], backend="pil")
    given = prepare(images=[Image.fromarray(one.image) for one in pictures], return_tensors="pt")["pixel_values"]
    with torch.no_grad():
        network = getattr(loaded, "vision_model", loaded)
        output = network(pixel_values=given, output_hidden_states=True)
    first = BEFORE.get(kind, 1)
    cases = [({}, output.last_hidden_state[:, first:].mean(dim=1))]
    if kind != "swin":  # whose layers differ in width
        cases.append(({"layer": "1"}, output.hidden_states[1][:, first:].mean(dim=1)))
    if first:
        cases.append(({"pooling": "first", "layer": "2"}, output.hidden_states[2][:, 0]))
    for settings, expected in cases:
        made = create_extractor(f"hf-vision:{networks[kind]}", {"crop": "frame", **settings})
        (track,) = made(pictures)
        assert track.times.tolist() == [one.time for one in pictures]
        assert track.values.dtype == np.float16
        np.testing.assert_allclose(track.values, expected.numpy(), rtol=2e-3, atol=2e-3, err_msg=str(settings))


@pytest.mark.parametrize("count", [1, 15, 16, 33])
def test_batches_change_no_number(count, networks, monkeypatch):
    made = create_extractor(f"hf-vision:{networks['vit']}", {"crop": "frame", "layer": "all"})
    pictures = noise(count)
    (track,) = made(pictures)
    assert track.values.shape == (count, LAYERS * WIDTH)
    monkeypatch.setattr(vision, "BATCH", 5)
    np.testing.assert_allclose(made(pictures)[0].values, track.values, rtol=1e-3, atol=1e-3)


def test_no_pictures_have_no_track_and_pictures_without_a_face_none_of_a_face(networks, face_landmarker):
    assert create_extractor(f"hf-vision:{networks['vit']}", {"crop": "frame"})([]) == []
    assert create_extractor(f"hf-vision:{networks['vit']}")(noise(3)) == []


@pytest.mark.parametrize("kind", PICTURES)
def test_a_face_is_followed_as_the_face_extractor_does(kind, networks, face):
    (track,) = create_extractor(f"hf-vision:{networks[kind]}")(face)
    (landmarks,) = Face()(face)
    np.testing.assert_array_equal(track.times, landmarks.times)
    assert track.values.shape == (len(landmarks.times), WIDTH)
    assert np.isfinite(track.values).all()
    assert track.values.std(axis=0).max() > 0


def test_where_the_face_is_in_the_picture_matters_little(networks, face):
    """The picture moved by 40 pixels and turned by 20 degrees: what is cut out is the same face, upright."""
    made = create_extractor(f"hf-vision:{networks['vit']}", {"layer": "1"})
    (one,) = made(face)
    moved, other = [], []
    for frame in face:
        picture = Image.fromarray(frame.image)
        moved.append(
            Frame(frame.time, np.asarray(picture.transform(picture.size, Image.Transform.AFFINE, (1, 0, 40, 0, 1, 0))))
        )
        other.append(Frame(frame.time, np.asarray(picture.rotate(20, Image.Resampling.BICUBIC))))
    spread = np.abs(one.values - one.values.mean(axis=0)).mean()
    for changed in (moved, other):
        (track,) = made(changed)
        assert len(track.times) == len(one.times)
        assert np.abs(track.values.mean(axis=0) - one.values.mean(axis=0)).mean() < 1.0 * spread


def test_a_face_is_cut_out_upright():
    """Landmarks turned by 30 degrees: a line through the eyes is level in what is cut out."""
    angle = np.radians(30)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    points = np.zeros((478, 2))
    points[:] = np.random.default_rng(0).uniform(-50, 50, (478, 2))
    for eyes, x in zip(vision.landmarks.EYES, (20, -20), strict=True):
        points[list(eyes)] = (x, -10)
    picture = np.zeros((300, 400, 3), np.uint8)
    places = points @ turn + (200, 150)
    for eye in vision.landmarks.EYES:
        x, y = places[list(eye)].mean(axis=0).round().astype(int)
        picture[y - 2 : y + 3, x - 2 : x + 3] = 255
    found = cut_face(picture, places)
    rows, columns = np.nonzero(found[..., 0] > 100)
    assert rows.max() - rows.min() < 12
    assert columns.max() - columns.min() == pytest.approx(40, abs=8)
    assert rows.mean() == pytest.approx(found.shape[0] / 2 - 10, abs=3)
    assert found.shape[0] == found.shape[1] == pytest.approx(133, abs=2)


def test_the_recipe_makes_the_extractor_again(networks):
    made = create_extractor(f"hf-vision:{networks['dinov2']}", {"crop": "frame", "rate": "2", "pooling": "first"})
    again = restore_extractor(made.recipe.with_step("utterance"))
    assert again.recipe == made.recipe
    assert made.recipe.rate == 2
    np.testing.assert_array_equal(again(noise(2))[0].values, made(noise(2))[0].values)


def test_a_network_of_speech_does_not_see(tmp_path):
    folder = save_network(tmp_path / "own", "hubert")
    with pytest.raises(UserError, match="a hubert model is not a supported vision network; give one of"):
        create_extractor(f"hf-vision:{folder}")


@pytest.mark.parametrize("kind", ["siglip", "swin"])
def test_a_network_without_a_token_of_the_whole_picture_has_none(kind, networks):
    with pytest.raises(UserError, match=r"model has no first token for the whole picture; use pooling=mean"):
        create_extractor(f"hf-vision:{networks[kind]}", {"pooling": "first"})


def test_layers_that_merge_patches_are_refused(networks):
    with pytest.raises(UserError, match="the layers of a swin model differ in width and patches; use layer=last"):
        create_extractor(f"hf-vision:{networks['swin']}", {"layer": "1"})


def test_a_recipe_that_is_not_its_networks_is_refused(networks):
    """As a saved model of somebody else may have it."""
    made = create_extractor(f"hf-vision:{networks['siglip']}", {"crop": "frame"}).recipe
    first = made.model_copy(update={"network": made.network.model_copy(update={"pooling": "first"})})
    with pytest.raises(UserError, match="has no first token"):
        restore_extractor(first)(noise(1))
    short = made.model_copy(update={"columns": made.columns[:3], "units": made.units[:3]})
    with pytest.raises(UserError, match=r"the features do not match .*: there are 32 columns, not 3"):
        restore_extractor(short)(noise(1))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"crop": "hand"}, "crop should be 'face' or 'frame'"),
        ({"pooling": "most"}, "pooling should be 'mean' or 'first'"),
    ],
)
def test_settings_that_cannot_be(settings, message, networks):
    with pytest.raises(UserError, match=message):
        create_extractor(f"hf-vision:{networks['vit']}", settings)
