"""Folders of text encoders made to hurt, and hidden states that are not what was kept."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from makers_hostile import NO_FILES, no_file, refusal
from makers_text import ids, rows_of, tiny_bert
from sentiprism import machine
from sentiprism.assets.registry import digest
from sentiprism.files import sha256
from sentiprism.media.whisper_models import check_whisper, resolve_whisper
from sentiprism.text.encoders import load_backbone, load_tokenizer, resolve
from sentiprism.text.frozen import encode_frozen
from sentiprism.text.tokens import read_config


@pytest.fixture
def encoder(tmp_path: Path) -> Path:
    return tiny_bert(tmp_path / "encoder")


@pytest.mark.parametrize("target", NO_FILES)
@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "vocab.txt", "model.safetensors", "new.json"])
def test_what_is_no_file_is_refused_at_once(encoder: Path, name: str, target: str) -> None:
    (encoder / name).unlink(missing_ok=True)
    no_file(encoder / name, target)
    for call in (load_tokenizer, load_backbone, lambda folder: load_backbone(folder, pretrained=False), resolve):
        refusal(lambda call=call: call(encoder), f"{name} is not a regular file")


def test_a_link_to_nowhere_is_one_line_and_an_empty_file_does_no_harm(encoder: Path) -> None:
    (encoder / "notes.txt").touch()
    assert resolve(encoder) == encoder
    (encoder / "more.json").symlink_to(encoder / "gone")
    refusal(lambda: load_tokenizer(encoder), "no file", "more.json")


def change(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


@pytest.mark.parametrize("pretrained", [False, True])
@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"hidden_size": 10**12}, "config.json"),
        ({"hidden_size": 10**6, "num_attention_heads": 1, "intermediate_size": 10**6}, "of memory for its weights"),
        ({"vocab_size": 10**10}, "of memory for its weights"),
        ({"num_hidden_layers": 10**9}, "config.json has more than 10,000 layers and tensors; fix that file"),
        ({"hidden_size": -1}, "config.json"),
        ({"hidden_size": "x"}, "config.json"),
        ({"num_attention_heads": 5}, "config.json"),
        ({"pad_token_id": 10**6}, "config.json"),
        ({"hidden_act": "no"}, "config.json"),
        ({"model_type": "x" * 100_000}, "config.json"),
        ({"is_encoder_decoder": True}, "not a text encoder"),
    ],
)
def test_an_architecture_of_no_network_is_one_line(
    encoder: Path, values: dict, told: str, pretrained: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "memory", lambda: 20 * 10**9)
    change(encoder, **values)
    refusal(lambda: load_backbone(encoder, pretrained=pretrained), told)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "tokenizer.json"])
@pytest.mark.parametrize("content", ["[" * 100_000, '{"a":' * 100_000, "{", "null", "[]", "\0", "\ud800"])
def test_hostile_json_is_one_line(encoder: Path, name: str, content: str) -> None:
    (encoder / name).write_text(content, errors="surrogatepass")
    call = read_config if name == "config.json" else load_tokenizer
    if name == "config.json":
        refusal(lambda: resolve(encoder) and read_config(encoder), "config.json")
    elif (name, content) not in {("tokenizer_config.json", "[]")}:
        refusal(lambda: call(encoder), str(encoder.name))


def test_states_that_are_not_what_was_kept_are_made_again(encoder: Path, home: Path) -> None:
    rows = [np.array(ids(1, 2), np.int32), np.array(ids(3), np.int32)]
    expected = np.concatenate(rows_of(encode_frozen(encoder, rows)))
    (folder,) = (home / "cache" / "text").glob("*/[!.]*")

    def damage(how: str) -> None:
        values, lengths = folder / "values.npy", folder / "lengths.npy"
        match how:
            case "fifo":
                values.unlink()
                os.mkfifo(values)
            case "cut":
                values.write_bytes(values.read_bytes()[:-10])
            case "gone":
                lengths.unlink()
            case "objects":
                lengths.unlink()
                np.save(lengths, np.array([{}], object), allow_pickle=True)
            case "shape":
                values.unlink()
                np.save(values, np.ones((1, 2), np.float32))
            case "nothing":
                for path in (values, lengths):
                    path.unlink()

    for how in ("fifo", "cut", "gone", "objects", "shape", "nothing"):
        damage(how)
        np.testing.assert_array_equal(np.concatenate(rows_of(encode_frozen(encoder, rows))), expected)


@pytest.mark.parametrize("target", NO_FILES)
@pytest.mark.parametrize("name", ["model.bin", "config.json", "tokenizer.json", "vocabulary.txt"])
def test_a_speech_model_of_other_than_files_is_refused_at_once(tmp_path: Path, name: str, target: str) -> None:
    for other in ("model.bin", "config.json"):
        (tmp_path / other).write_text("{}")
    (tmp_path / name).unlink(missing_ok=True)
    no_file(tmp_path / name, target)
    for call in (check_whisper, resolve_whisper):
        refusal(lambda call=call: call(tmp_path), f"{name} is not a regular file; save the file of a speech model")


@pytest.mark.parametrize("content", ["[" * 100_000, "\0", "", "[]", '{"a": 1}'])
def test_damaged_notes_on_verified_assets_cost_a_hash_alone(home: Path, tmp_path: Path, content: str) -> None:
    (home / "assets").mkdir(parents=True)
    (home / "assets" / "verified.json").write_text(content)
    (tmp_path / "file").write_text("x")
    assert digest(tmp_path / "file") == sha256(tmp_path / "file")
