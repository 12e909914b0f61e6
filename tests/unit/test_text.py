"""Text encoders: tokens, hidden states, and their keeping."""

import io
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from makers_text import WORDS, tiny_bert
from sentiprism.errors import UserError
from sentiprism.features import text as rooms
from sentiprism.features.text import (
    check_vocabulary,
    encode_frozen,
    load_backbone,
    load_tokenizer,
    longest,
    save_text_recipe,
    tokenize,
    vocabulary,
)
from sentiprism.nn.text import TextEncoder
from sentiprism.types import ModalitySpec, Sequence

W0 = 5 + 26 * 2
SIZE = W0 + WORDS


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bert(tmp_path_factory.mktemp("encoders") / "tiny")


@pytest.fixture(scope="module")
def encoder(tiny: Path) -> TextEncoder:
    return TextEncoder(ModalitySpec(kind="tokens", width=SIZE, encoder=str(tiny))).eval()


def pad(*rows: list[int], to: int = 0) -> Sequence:
    width = max(to, 1, *map(len, rows))
    values, mask = (
        torch.zeros(len(rows), width, dtype=torch.long),
        torch.zeros(len(rows), width, dtype=torch.bool),
    )
    for index, row in enumerate(rows):
        values[index, : len(row)] = torch.tensor(row, dtype=torch.long)
        mask[index, : len(row)] = True
    return Sequence(values, mask)


def ids(*words: int) -> list[int]:
    return [2, *(W0 + word for word in words), 3]


@torch.no_grad()
def states(encoder: TextEncoder, batch: Sequence) -> Tensor:
    return encoder(batch).values


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
    with pytest.raises(UserError, match="knows 5 words"):
        load_tokenizer(folder)
    assert capfd.readouterr() == ("", "")


def test_small_tokenizer_is_refused_and_a_mended_folder_is_read_anew(tmp_path: Path) -> None:
    folder = tiny_bert(tmp_path / "small", words=100)
    with pytest.raises(UserError, match=f"knows {W0 + 100} words"):
        load_tokenizer(folder)
    assert len(load_tokenizer(tiny_bert(folder))) == SIZE


def test_vocabulary_depends_on_the_words_alone(tiny: Path, tmp_path: Path) -> None:
    assert vocabulary(tiny) == vocabulary(tiny_bert(tmp_path / "other", seed=1))
    assert vocabulary(tiny) != vocabulary(tiny_bert(tmp_path / "longer", words=WORDS + 1))
    assert vocabulary(tiny).startswith("sha256:")


def test_ids_of_another_vocabulary_are_refused(tiny: Path) -> None:
    check_vocabulary(tiny, vocabulary(tiny))
    with pytest.raises(UserError, match="token ids are of the vocabulary bert-base-uncased"):
        check_vocabulary(tiny, "bert-base-uncased")


# Naming an encoder


@pytest.mark.parametrize("name", ["./nowhere", "/no/such/folder", "a/b/c", Path("nowhere")])
def test_folder_that_is_not_there(name: str | Path) -> None:
    with pytest.raises(UserError, match="no text encoder folder"):
        load_backbone(name)


def test_hub_name_without_network_suggests_what_there_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from huggingface_hub import constants

    from sentiprism.features import sources

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    sources.hub_reachable.cache_clear()
    with pytest.raises(UserError, match=r"no text encoder 'minilmm' here: .*did you mean 'minilm'"):
        load_backbone("minilmm")
    sources.hub_reachable.cache_clear()


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
    with pytest.raises(UserError, match="holds no safetensors weights"):
        load_backbone(folder)


def test_weights_of_another_architecture_are_refused(tiny: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file, save_file

    folder = Path(shutil.copytree(tiny, tmp_path / "partial"))
    weights = load_file(folder / "model.safetensors")
    del weights["encoder.layer.1.output.dense.weight"]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(UserError, match=r"have no encoder\.layer\.1\.output\.dense\.weight"):
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


# The encoder as part of a model


def test_answer_does_not_depend_on_padding_or_on_the_batch(encoder: TextEncoder) -> None:
    rows = [ids(1, 2, 3), ids(4), ids(5, 6, 7, 8, 9, 10)]
    together = states(encoder, pad(*rows, to=20))
    assert together.shape == (3, 20, encoder.width)
    for index, row in enumerate(rows):
        alone = states(encoder, pad(row))[0]
        torch.testing.assert_close(together[index, : len(row)], alone, atol=1e-5, rtol=0)
        assert together[index, len(row) :].abs().max() == 0


def test_garbage_in_the_padding_changes_nothing(encoder: TextEncoder) -> None:
    clean = pad(ids(1, 2), ids(1, 2, 3, 4), [])
    dirty = Sequence(clean.values.masked_fill(~clean.mask, 10**9), clean.mask)
    assert torch.equal(states(encoder, clean), states(encoder, dirty))


def test_missing_text_is_zero_and_changes_nobody(encoder: TextEncoder) -> None:
    some = states(encoder, pad([], ids(1, 2), [], ids(3)))
    assert some[[0, 2]].abs().max() == 0
    torch.testing.assert_close(some[[1, 3]], states(encoder, pad(ids(1, 2), ids(3))), atol=1e-5, rtol=0)
    assert states(encoder, pad([], [])).abs().max() == 0


@pytest.mark.parametrize("rows", [([], []), ([], ids(1, 2)), (ids(1), ids(1, 2))])
def test_every_parameter_gets_a_finite_gradient(rows: tuple[list[int], ...], tiny: Path) -> None:
    encoder = TextEncoder(ModalitySpec(kind="tokens", width=SIZE, encoder=str(tiny))).train()
    encoder(pad(*rows)).values.square().sum().backward()
    for name, parameter in encoder.named_parameters():
        assert name.startswith("backbone.")
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name


def test_frozen_layers_stay_as_they_are(tiny: Path) -> None:
    spec = ModalitySpec(kind="tokens", width=SIZE, encoder=str(tiny), frozen_layers=1)
    encoder = TextEncoder(spec).train()
    ids = torch.tensor([[2, 60, 3]])
    encoder(Sequence(ids, ids > 0)).values.sum().backward()
    learning = {name for name, p in encoder.named_parameters() if p.grad is not None}
    assert learning
    assert all(name.startswith("backbone.encoder.layer.1.") for name in learning)
    with pytest.raises(UserError, match="2 layers, 3 are to be frozen"):
        TextEncoder(spec.model_copy(update={"frozen_layers": 3}))


def test_features_pass_through_with_zero_padding() -> None:
    encoder = TextEncoder(ModalitySpec(kind="features", width=3))
    mask = torch.tensor([[True, True], [True, False], [False, False]])
    out = encoder(Sequence(torch.full((3, 2, 3), 7.0).masked_fill(~mask[..., None], torch.nan), mask))
    assert out.values[..., 0].tolist() == [[7, 7], [7, 0], [0, 0]]
    assert (encoder.width, encoder.contextual, list(encoder.parameters())) == (3, False, [])
    assert TextEncoder(ModalitySpec(kind="features", width=3, encoder="bert-base-uncased")).contextual


def test_token_ids_need_an_encoder_that_knows_them(tiny: Path) -> None:
    with pytest.raises(UserError, match="without a text encoder"):
        TextEncoder(ModalitySpec(kind="tokens", width=SIZE))
    with pytest.raises(UserError, match=f"has {SIZE} words, the token ids 30522"):
        TextEncoder(ModalitySpec(kind="tokens", width=30522, encoder=str(tiny)))


def test_exported_graph_agrees_at_other_sizes(encoder: TextEncoder) -> None:
    import onnxruntime

    class Flat(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, values: Tensor, mask: Tensor) -> Tensor:
            return self.encoder(Sequence(values, mask)).values

    batch, steps = torch.export.Dim("B", min=1, max=64), torch.export.Dim("T", min=2, max=64)
    program = torch.onnx.export(
        Flat().eval(),
        tuple(pad(ids(1, 2, 3), ids(4, 5), [])),
        dynamo=True,
        dynamic_shapes=({0: batch, 1: steps}, {0: batch, 1: steps}),
        verbose=False,
    )
    file = io.BytesIO()
    program.save(file)
    session = onnxruntime.InferenceSession(file.getvalue(), providers=["CPUExecutionProvider"])
    other = pad(ids(7), [], ids(1, 2, 3, 4, 5, 6, 7), ids(9, 8), to=12)
    names = [entry.name for entry in session.get_inputs()]
    (answer,) = session.run(None, dict(zip(names, (part.numpy() for part in other), strict=True)))
    np.testing.assert_allclose(answer, states(encoder, other).numpy(), atol=1e-5)


# Frozen


def frozen_rows() -> list[np.ndarray]:
    return [np.asarray(row, dtype=np.int32) for row in (ids(1, 2), [], ids(3, 4, 5, 6), ids(7))]


def kept(home: Path) -> set[str]:
    return {path.name for path in (home / "cache" / "text").iterdir() if path.is_dir()}


def test_frozen_states_are_the_encoders_own(home: Path, tiny: Path, encoder: TextEncoder) -> None:
    values, lengths = encode_frozen(tiny, frozen_rows(), batch_size=2)
    assert lengths.tolist() == [4, 0, 6, 3]
    assert values.shape == (13, 32)
    assert isinstance(values, np.memmap)
    for row, found in zip(frozen_rows(), np.split(values, np.cumsum(lengths)[:-1]), strict=True):
        if len(row):
            expected = states(encoder, pad(row.tolist()))[0]
            np.testing.assert_allclose(found, expected.numpy(), atol=1e-5)


def test_frozen_states_are_made_once(home: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = bytes(encode_frozen(tiny, frozen_rows()).values)
    (name,) = kept(home)
    with monkeypatch.context() as patch:
        patch.setattr(rooms, "load_backbone", None)  # to need it would be an error
        assert bytes(encode_frozen(tiny, frozen_rows()).values) == first
    changed = frozen_rows()
    changed[0][1] += 1
    assert bytes(encode_frozen(tiny, changed).values) != first
    assert name in kept(home)
    assert len(kept(home)) == 2


def test_same_ids_cut_elsewhere_or_read_by_other_weights_are_other_states(
    home: Path, tiny: Path, tmp_path: Path
) -> None:
    row = np.asarray(ids(1, 2, 3), dtype=np.int32)
    whole = encode_frozen(tiny, [row])
    parts = encode_frozen(tiny, [row[:2], row[2:]])
    other = encode_frozen(tiny_bert(tmp_path / "other", seed=1), [row])
    below = encode_frozen(tiny, [row], layer=0)
    assert len(kept(home)) == 4
    for values in (parts.values, other.values, below.values):
        assert np.abs(values - whole.values).max() > 1e-3


def test_layers_are_the_networks_hidden_states(home: Path, tiny: Path) -> None:
    row = np.asarray(ids(1, 2, 3), dtype=np.int32)
    with torch.no_grad():
        hidden = load_backbone(tiny)(torch.from_numpy(row).long()[None], output_hidden_states=True).hidden_states
    for layer in (0, 1, -2):
        found = encode_frozen(tiny, [row], layer=layer).values
        np.testing.assert_allclose(found, hidden[layer][0].numpy(), atol=1e-5)
    with pytest.raises(UserError, match="no layer 3"):
        encode_frozen(tiny, [row], layer=3)
    assert len(kept(home)) == 3


def test_frozen_without_any_text(home: Path, tiny: Path) -> None:
    values, lengths = encode_frozen(tiny, [np.zeros(0, np.int32)] * 3)
    assert values.shape == (0, 32)
    assert lengths.tolist() == [0, 0, 0]


def test_frozen_row_too_long_for_the_encoder(home: Path, tiny: Path) -> None:
    with pytest.raises(UserError, match="65 tokens are more"):
        encode_frozen(tiny, [np.full(65, W0, np.int32)])


def test_full_disk_is_one_line_and_leaves_nothing(home: Path, tiny: Path) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))  # the 13 rows need 1,664 bytes
    try:
        with pytest.raises(UserError, match=r"hidden states cannot be kept .* set SENTIPRISM_HOME"):
            encode_frozen(tiny, frozen_rows())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert kept(home) == set()


# The real one


def test_minilm_knows_what_belongs_together(minilm: Path) -> None:
    texts = [
        "A dog runs across the park.",
        "A puppy is running outside.",
        "The bank raised its interest rates.",
    ]
    rows = tokenize("minilm", texts, 50)
    assert rows[0].tolist() == [101, 1037, 3899, 3216, 2408, 1996, 2380, 1012, 102]
    encoder = TextEncoder(ModalitySpec(kind="tokens", width=30522, encoder="minilm")).eval()
    batch = pad(*(row.tolist() for row in rows))
    means = states(encoder, batch).sum(1) / batch.mask.sum(1, keepdim=True)
    same, other = torch.cosine_similarity(means[:1], means[1:])
    assert same > 0.5
    assert other < 0.2


def test_minilm_reads_long_texts_and_berts_ids(minilm: Path) -> None:
    assert len(tokenize("minilm", ["word " * 400], 300)[0]) == 300  # its tokenizer.json cuts at 128 by itself
    assert vocabulary("minilm") == "bert-base-uncased"
    check_vocabulary("minilm", "bert-base-uncased")
