"""Text encoders: their tokens, their names, and how they are loaded and written down."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from makers_text import SIZE, W0, WORDS, ids, pad, tiny_bert
from sentiprism.assets.pinned import ASSETS
from sentiprism.errors import UserError
from sentiprism.text.encoders import (
    check_vocabulary,
    load_backbone,
    load_tokenizer,
    longest,
    save_text_recipe,
    tokenize,
    vocabulary,
)
from sentiprism.text.tokens import ENCODERS

# Tokens


def test_tokens_run_from_cls_to_sep_at_their_true_length(tiny: Path) -> None:
    rows = tokenize(tiny, ["w0 W2 zz", None, "", "w1 " * 50], 6)
    assert [row.tolist() for row in rows] == [
        [2, W0, W0 + 2, 5 + 25, 5 + 26 + 25, 3],  # an unknown word falls into its letters: z ##z
        [],
        [2, 3],
        [2, *[W0 + 1] * 4, 3],
    ]
    assert {row.dtype for row in rows} == {np.dtype(np.int32)}


def test_nothing_to_tokenize(tiny: Path) -> None:
    assert [row.shape for row in tokenize(tiny, [None, None], 8)] == [(0,), (0,)]
    assert tokenize(tiny, [], 8) == []


@pytest.mark.parametrize(("tokens", "message"), [(2, "no room"), (65, "use at most 64 tokens")])
def test_max_tokens_is_checked(tokens: int, message: str, tiny: Path) -> None:
    with pytest.raises(UserError, match=message):
        tokenize(tiny, ["w0"], tokens)


def test_positions_that_begin_after_the_padding_id_are_out_of_reach(tmp_path: Path) -> None:
    from transformers import RobertaConfig

    folder = tiny_bert(tmp_path / "roberta")
    RobertaConfig(vocab_size=SIZE, max_position_embeddings=40, pad_token_id=1).save_pretrained(str(folder))
    assert longest(folder) == 38


def test_tokenizer_that_transformers_made_up_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tiny_bert(tmp_path / "bare")
    for name in ("vocab.txt", "tokenizer_config.json"):
        (folder / name).unlink()
    capfd.readouterr()
    with pytest.raises(UserError, match="has only 5 words"):
        load_tokenizer(folder)
    assert capfd.readouterr() == ("", "")


def test_small_tokenizer_is_refused_and_a_mended_folder_is_read_anew(tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path / "small", words=100)
    with pytest.raises(UserError, match=f"has only {W0 + 100} words"):
        load_tokenizer(folder)
    assert len(load_tokenizer(tiny_bert(folder))) == SIZE


def test_vocabulary_depends_on_the_words_alone(tiny: Path, tmp_path: Path) -> None:
    assert vocabulary(tiny) == vocabulary(tiny_bert(tmp_path / "other", seed=1))
    assert vocabulary(tiny) != vocabulary(tiny_bert(tmp_path / "longer", words=WORDS + 1))
    assert vocabulary(tiny).startswith("sha256:")


def test_ids_of_another_vocabulary_are_refused(tiny: Path) -> None:
    check_vocabulary(tiny, vocabulary(tiny))
    with pytest.raises(UserError, match="token ids are from the vocabulary bert-base-uncased"):
        check_vocabulary(tiny, "bert-base-uncased")


def test_minilm_reads_long_texts_and_berts_ids(minilm: Path) -> None:
    assert len(tokenize("minilm", ["word " * 400], 300)[0]) == 300  # its tokenizer.json cuts at 128 by itself
    assert vocabulary("minilm") == "bert-base-uncased"
    check_vocabulary("minilm", "bert-base-uncased")


# Naming an encoder


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder", "a/b/c", Path("nowhere")])
def test_folder_that_is_not_there(name: str | Path) -> None:
    with pytest.raises(UserError, match="no text encoder folder"):
        load_backbone(name)


def test_hub_name_without_network_suggests_what_there_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    from sentiprism.assets import sources

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    sources.hub_responds.cache_clear()
    with pytest.raises(UserError, match=r"text encoder 'minilmm' is not available: .*did you mean 'minilm'"):
        load_backbone("minilmm")
    with pytest.raises(UserError, match=r"give a folder, or choose one of: minilm, mpnet$"):
        load_backbone("bert-base-uncased")
    sources.hub_responds.cache_clear()


def test_an_asset_that_is_no_text_encoder_is_refused() -> None:
    assert set(ENCODERS) < set(ASSETS)
    with pytest.raises(UserError, match=r"whisper-base is not a text encoder; give a folder, or choose one of: minilm"):
        load_backbone("whisper-base")


def test_folder_without_a_model(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"it has no config\.json"):
        load_backbone(tmp_path)


# Loading


def test_backbone_is_the_encoder_without_pooler_and_without_noise(
    tiny: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    backbone = load_backbone(tiny)
    assert not backbone.training
    assert backbone.config._attn_implementation == "sdpa"
    assert {parameter.dtype for parameter in backbone.parameters()} == {torch.float32}
    assert not [name for name, _ in backbone.named_parameters() if "pooler" in name]
    assert capfd.readouterr() == ("", "")
    assert all(torch.equal(a, b) for a, b in zip(backbone.parameters(), load_backbone(tiny).parameters(), strict=True))


def test_random_weights_are_drawn_from_the_seed_and_need_no_files(tiny: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "architecture"))
    (folder / "model.safetensors").unlink()
    torch.manual_seed(5)
    first = load_backbone(folder, pretrained=False).state_dict()
    torch.manual_seed(5)
    again = load_backbone(folder, pretrained=False).state_dict()
    known = load_backbone(tiny).state_dict()
    assert first.keys() == known.keys()
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first["embeddings.word_embeddings.weight"], known["embeddings.word_embeddings.weight"])


def test_pickled_weights_are_not_opened(tiny: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny, tmp_path / "pickled"))
    torch.save(load_backbone(tiny).state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match="has no safetensors weights"):
        load_backbone(folder)


def test_weights_of_another_architecture_are_refused(tiny: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(tiny, tmp_path / "partial"))
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"lack encoder\.layer\.1\.output\.dense\.weight"):
        load_backbone(folder)


def test_encoder_decoder_is_no_text_encoder(tiny: Path, tmp_path: Path) -> None:
    from transformers import T5Config

    folder = Path(shutil.copytree(tiny, tmp_path / "t5"))
    T5Config(vocab_size=SIZE).save_pretrained(str(folder))
    with pytest.raises(UserError, match="t5 model, not a text encoder"):
        load_backbone(folder)


def test_recipe_rebuilds_tokenizer_and_architecture_by_itself(tiny: Path, tmp_path: Path) -> None:
    recipe = tmp_path / "run" / "text"
    save_text_recipe(tiny, recipe)
    texts = ["w3 w1 w4", "Abc w1"]
    assert [row.tolist() for row in tokenize(recipe, texts, 9)] == [row.tolist() for row in tokenize(tiny, texts, 9)]
    assert vocabulary(recipe) == vocabulary(tiny)
    assert longest(recipe) == longest(tiny)
    rebuilt, known = load_backbone(recipe, pretrained=False), load_backbone(tiny)
    rebuilt.load_state_dict(known.state_dict())
    batch = pad(ids(3, 1, 4))
    with torch.no_grad():
        assert torch.equal(rebuilt(batch.values).last_hidden_state, known(batch.values).last_hidden_state)
    assert not list(recipe.glob("*.safetensors"))
    assert str(tmp_path) not in "".join(path.read_text() for path in recipe.iterdir())


def test_recipe_remembers_whose_ids_it_reads(tiny: Path, tmp_path: Path) -> None:
    named = Path(shutil.copytree(tiny, tmp_path / "bert-base-imaginary"))
    save_text_recipe(named, tmp_path / "once")
    save_text_recipe(tmp_path / "once", tmp_path / "twice")
    for folder in (named, tmp_path / "once", tmp_path / "twice"):
        check_vocabulary(folder, "bert-base-imaginary")
