"""``hf-audio:NAME``: real architectures and loading code, small random weights."""

import json

import numpy as np
import pytest
import torch

from makers_networks import LAYERS, WAVES, WIDTH, save_network
from makers_sound import EDGES, noise, talk
from sentiprism.errors import UserError
from sentiprism.features.learned.create import create_extractor, restore_extractor
from sentiprism.features.learned.networks import load_network
from sentiprism.recipe import Recipe

RATE = 16_000
KINDS = (*WAVES, "whisper")


@pytest.fixture(scope="module")
def networks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("networks")
    return {kind: save_network(folder / kind, kind) for kind in KINDS}


@pytest.fixture(scope="module")
def hubert(networks):
    return f"hf-audio:{networks['hubert']}"


@pytest.mark.parametrize("kind", KINDS)
def test_every_architecture_hears_every_sound(kind, networks):
    made = create_extractor(f"hf-audio:{networks[kind]}")
    assert made.recipe.columns == tuple(f"state_{n:04d}" for n in range(WIDTH))
    for edge, sound in EDGES.items():
        track = made(sound)
        assert track.values.shape == (-(-len(sound) // 1280), WIDTH), edge
        assert track.values.dtype == np.float16
        assert np.isfinite(track.values).all(), edge
        assert (np.diff(track.times) > 0).all()
        assert 0 <= track.times[0] <= track.times[-1] < len(sound) / RATE
    assert made(np.zeros(0, np.int16)).values.shape == (0, WIDTH)


@pytest.mark.parametrize("kind", KINDS)
def test_states_are_those_of_transformers(kind, networks):
    """2 s, by the architecture's own class: mean of four states a step, of every layer."""
    import transformers

    sound = talk(2.0, RATE)
    wave = np.append(sound.astype(np.float32) / 32768, np.zeros(0 if kind == "whisper" else 80, np.float32))
    loaded = transformers.AutoModel.from_pretrained(networks[kind]).eval()
    prepare = transformers.AutoFeatureExtractor.from_pretrained(networks[kind])
    given = prepare(wave, sampling_rate=RATE, return_tensors="pt")
    with torch.no_grad():
        network = loaded.get_encoder() if kind == "whisper" else loaded
        output = network(given[network.main_input_name], output_hidden_states=True)
    for layer, states in (("last", output.last_hidden_state), *((str(n), output.hidden_states[n]) for n in range(3))):
        made = create_extractor(f"hf-audio:{networks[kind]}", {"layer": layer})
        expected = states[0, :100].reshape(25, 4, WIDTH).mean(dim=1).numpy()
        np.testing.assert_allclose(made(sound).values, expected, rtol=2e-3, atol=2e-3, err_msg=layer)


def test_all_layers_stand_side_by_side(hubert):
    sound = talk(1.0, RATE)
    every = create_extractor(hubert, {"layer": "all"})
    assert len(every.recipe.columns) == LAYERS * WIDTH
    assert every.recipe.columns[WIDTH] == "layer_02_state_0000"
    second = create_extractor(hubert, {"layer": "2"})(sound).values
    np.testing.assert_array_equal(every(sound).values[:, WIDTH : 2 * WIDTH], second)


def test_the_rate_is_that_of_the_steps(hubert):
    sound = talk(2.0, RATE)
    fine, coarse = (create_extractor(hubert, {"rate": rate})(sound) for rate in ("50", "12.5"))
    assert (len(fine.times), len(coarse.times)) == (100, 25)
    np.testing.assert_allclose(coarse.values, fine.values.reshape(25, 4, WIDTH).mean(axis=1), atol=2e-3)
    assert create_extractor(hubert, {"rate": "25"}).recipe.rate == 25


@pytest.mark.parametrize("kind", ["wav2vec2", "whisper"])
def test_a_long_sound_is_read_in_windows_with_context(kind, networks, monkeypatch):
    """Of 30 s (Whisper's test network: 4 s), two thirds are kept; and batches change no number."""
    from sentiprism.features.learned import audio

    made = create_extractor(f"hf-audio:{networks[kind]}", {"rate": "50"})
    states = {"wav2vec2": 1500, "whisper": 200}[kind]
    around, core = states // 6, states - 2 * (states // 6)
    sound = talk(states * 2.1 / 50, RATE)
    track = made(sound)
    second = made(sound[(core - around) * 320 :][: states * 320])  # the second window, by itself
    np.testing.assert_allclose(track.values[core : 2 * core], second.values[around : around + core], atol=2e-3)
    monkeypatch.setattr(audio, "BATCH", 1)
    np.testing.assert_allclose(made(sound).values, track.values, rtol=1e-3, atol=1e-3)


def test_the_same_sound_has_the_same_states_every_time(hubert):
    sound = talk(3.0, RATE)
    one = create_extractor(hubert)(sound)
    load_network.cache_clear()
    np.testing.assert_array_equal(create_extractor(hubert)(sound).values, one.values)


def test_the_recipe_pins_the_network_and_makes_the_extractor_again(tmp_path, hubert):
    made = create_extractor(hubert, {"layer": "1", "rate": "25"})
    written = made.recipe.with_step("utterance").model_dump_json()
    again = restore_extractor(Recipe.model_validate_json(written))
    assert again.recipe == made.recipe
    assert again.recipe.network.revision.startswith("sha256:")
    sound = talk(1.0, RATE)
    np.testing.assert_array_equal(again(sound).values, made(sound).values)
    other = create_extractor(hubert, {"layer": "2", "rate": "25"})
    assert "network is" in made.recipe.difference(other.recipe)


def test_other_weights_are_refused_where_the_recipe_has_these(tmp_path):
    folder = save_network(tmp_path / "own", "wav2vec2")
    made = create_extractor(f"hf-audio:{folder}")
    save_network(folder, "wav2vec2", layer_norm_eps=1e-3)
    with pytest.raises(UserError, match="has another network than the one that the features were made with"):
        restore_extractor(made.recipe)(noise(0.5, RATE))


def test_a_rate_that_is_no_binary_fraction_is_a_whole_number_of_states(hubert):
    made = create_extractor(hubert, {"rate": "0.1"})
    assert made(talk(12.0, RATE)).values.shape == (2, WIDTH)
    assert create_extractor(hubert, {"rate": str(50 / 3)}).recipe.rate == pytest.approx(50 / 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"rate": 100.0}, "100 steps per second are not a whole number of states; choose 50"),
        ({"layer": 9}, "the network has no layer 9"),
        ({"layer": "all"}, r"the features do not match .*: column 1 is 'layer_01_state_0000'"),
    ],
)
def test_a_recipe_that_is_not_its_networks_is_refused(changes, message, hubert):
    """As a saved model of somebody else may have it; before anything is heard."""
    made = create_extractor(hubert).recipe
    other = made.model_copy(update={"network": made.network.model_copy(update=changes)})
    for use in (lambda one: one.check(), lambda one: one(noise(0.5, RATE))):
        with pytest.raises(UserError, match=message):
            use(restore_extractor(other))


def test_recipes_of_before_are_written_as_they_were():
    plain = Recipe(extractor="speech", columns=("f0",), units=("Hz",), rate=25.0)
    assert plain.model_dump(mode="json") == {
        "extractor": "speech",
        "version": 1,
        "columns": ["f0"],
        "units": ["Hz"],
        "per": "frame",
        "rate": 25.0,
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"layer": "4"}, "the network has no layer 4; choose 0 to 3, last or all"),
        ({"layer": "some"}, "layer"),
        ({"rate": "7"}, "7 steps per second are not a whole number of states; choose 50, 25, 12.5"),
        ({"rate": "fast"}, "rate should be a number"),
        ({"rate": "0"}, "rate should be above 0"),
        ({"rate": "0.001"}, r"a step of 1000 s is longer than the network reads; use 0\.05 or more"),
        ({"leyer": "2"}, "hf-audio has no setting 'leyer'; .*layer"),
        ({"revision": "main"}, "has another network"),
    ],
)
def test_settings_that_cannot_be(settings, message, hubert):
    with pytest.raises(UserError, match=message):
        create_extractor(hubert, settings)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("hf-audio", "'hf-audio' needs a network; name one, such as hf-audio:facebook/wav2vec2-base"),
        ("hf-audio:/nowhere/at/all", "/nowhere/at/all is not a folder with a pretrained network"),
        ("hf-sound:x", "no extractor is called 'hf-sound:x'"),
    ],
)
def test_networks_that_are_not_there(name, message):
    with pytest.raises(UserError, match=message):
        create_extractor(name)


def test_settings_are_of_networks_alone():
    with pytest.raises(UserError, match="'speech' has no settings"):
        create_extractor("speech", {"layer": "2"})


def test_a_network_of_pictures_does_not_hear(tmp_path):
    folder = save_network(tmp_path / "vit", "vit")
    with pytest.raises(UserError, match="a vit model is not a supported speech network; give one of"):
        create_extractor(f"hf-audio:{folder}")


def test_pickled_weights_and_code_of_the_folder_are_not_opened(tmp_path):
    folder = save_network(tmp_path / "own", "hubert")
    torch.save({}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="no safetensors weights"):
        create_extractor(f"hf-audio:{folder}")(noise(0.5, RATE))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": "own", "auto_map": {"AutoConfig": "x.Y"}}))
    (folder / "x.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    with pytest.raises(UserError, match=r"config\.json cannot be loaded"):
        create_extractor(f"hf-audio:{folder}")
    assert not (tmp_path / "ran").exists()
