"""Hidden states of text encoders, in a model and frozen, and their keeping."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from makers_text import SIZE, W0, ids, pad, rows_of, tiny_bert
from sentiprism.errors import UserError
from sentiprism.nn.text import TextEncoder
from sentiprism.text import frozen
from sentiprism.text.encoders import load_backbone, tokenize
from sentiprism.text.frozen import encode_frozen
from sentiprism.types import ModalitySpec, Sequence


@pytest.fixture(scope="module")
def encoder(tiny: Path) -> TextEncoder:
    return TextEncoder(ModalitySpec(kind="tokens", width=SIZE, encoder=str(tiny))).eval()


@torch.no_grad()
def states(encoder: TextEncoder, batch: Sequence) -> Tensor:
    return encoder(batch).values


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


def test_an_encoder_without_dropout_has_the_same_states_in_training(tiny: Path) -> None:
    spec = ModalitySpec(kind="tokens", width=SIZE, encoder=str(tiny))
    text = pad(ids(1, 2, 3))
    for dropout, same in ((None, False), (0.0, True), (0.5, False)):
        encoder = TextEncoder(spec.model_copy(update={"dropout": dropout}))
        assert torch.equal(states(encoder.train(), text), states(encoder.eval(), text)) is same


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
    return {f"{path.parent.name}/{path.name}" for path in (home / "cache" / "text").glob("*/[!.]*")}


def test_frozen_states_are_the_encoders_own(home: Path, tiny: Path, encoder: TextEncoder) -> None:
    found = encode_frozen(tiny, frozen_rows(), batch_size=2)
    assert found.lengths.tolist() == [4, 0, 6, 3]
    assert all(isinstance(part, np.memmap) for part in found.parts)
    for row, own in zip(frozen_rows(), rows_of(found), strict=True):
        assert own.shape == (len(row), 32)
        if len(row):
            expected = states(encoder, pad(row.tolist()))[0]
            np.testing.assert_allclose(own, expected.numpy(), atol=1e-5)


def test_frozen_states_of_a_text_are_made_once(home: Path, tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = rows_of(encode_frozen(tiny, frozen_rows()))
    (name,) = kept(home)
    with monkeypatch.context() as patch:
        patch.setattr(frozen, "load_backbone", None)  # to need it would be an error
        for order in ([0, 1, 2, 3], [3, 0], [2, 2, 1]):  # other folds of the same texts
            again = rows_of(encode_frozen(tiny, [frozen_rows()[row] for row in order]))
            for row, own in zip(order, again, strict=True):
                np.testing.assert_array_equal(own, first[row])
    changed = frozen_rows()
    changed[0][1] += 1
    found = encode_frozen(tiny, changed)
    assert np.abs(rows_of(found)[0] - first[0]).max() > 1e-3
    np.testing.assert_array_equal(rows_of(found)[2], first[2])
    (new,) = kept(home) - {name}
    assert sorted(len(part) for part in found.parts) == [4, 13], f"{new} has the changed text alone"


def test_same_ids_cut_elsewhere_or_read_by_other_weights_are_other_states(
    home: Path, tiny: Path, tmp_path: Path
) -> None:
    row = np.asarray(ids(1, 2, 3), dtype=np.int32)
    whole = encode_frozen(tiny, [row])
    parts = encode_frozen(tiny, [row[:2], row[2:]])
    other = encode_frozen(tiny_bert(tmp_path / "other", seed=1), [row])
    below = encode_frozen(tiny, [row], layer=0)
    assert len(kept(home)) == 4
    (expected,) = rows_of(whole)
    for found in (parts, other, below):
        assert np.abs(np.concatenate(rows_of(found)) - expected).max() > 1e-3


def test_layers_are_the_networks_hidden_states(home: Path, tiny: Path) -> None:
    row = np.asarray(ids(1, 2, 3), dtype=np.int32)
    with torch.no_grad():
        hidden = load_backbone(tiny)(torch.from_numpy(row).long()[None], output_hidden_states=True).hidden_states
    for layer in (0, 1, -2):
        (found,) = rows_of(encode_frozen(tiny, [row], layer=layer))
        np.testing.assert_allclose(found, hidden[layer][0].numpy(), atol=1e-5)
    with pytest.raises(UserError, match="no layer 3"):
        encode_frozen(tiny, [row], layer=3)
    assert len(kept(home)) == 3


def test_frozen_without_any_text(home: Path, tiny: Path) -> None:
    found = encode_frozen(tiny, [np.zeros(0, np.int32)] * 3)
    assert found.lengths.tolist() == [0, 0, 0]
    assert [row.shape for row in rows_of(found)] == [(0, 32)] * 3


def test_frozen_row_too_long_for_the_encoder(home: Path, tiny: Path) -> None:
    with pytest.raises(UserError, match="65 tokens are more"):
        encode_frozen(tiny, [np.full(65, W0, np.int32)])


def test_full_disk_is_one_line_and_leaves_nothing(home: Path, tiny: Path) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, before[1]))  # the 13 rows need 1,664 bytes
    try:
        with pytest.raises(UserError, match=r"hidden states cannot be cached .* set SENTIPRISM_HOME"):
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
