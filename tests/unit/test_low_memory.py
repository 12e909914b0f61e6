"""Updates within the backward pass, and moments that take little memory."""

import pytest
import torch

from makers_models import batch, build, small, specs
from sentiprism.errors import UserError
from sentiprism.training import compact
from sentiprism.training.checkpoint import load_checkpoint, save_checkpoint
from sentiprism.training.compact import CompactAdamW
from sentiprism.training.config import OptimConfig
from sentiprism.training.engine import Engine
from sentiprism.training.optimizer import build_optimizer, check_in_backward
from sentiprism.training.train import launch, resolve


def steps(model, optimizer, numbers) -> None:
    for number in numbers:
        optimizer.zero_grad()
        torch.manual_seed(number)
        output = model(batch(model.features, 4, seed=number))
        sum(model.config.loss_weights[name] * loss for name, loss in output.losses.items()).backward()
        optimizer.step()


def trained(name: str, numbers=range(3), **settings):
    model = build(name, specs(), config=small(name)).train()
    optimizer = build_optimizer(model, OptimConfig(**settings))
    steps(model, optimizer, numbers)
    return model, optimizer


def test_each_gradient_is_freed_and_the_moments_are_the_same():
    """That the weights of every model are the same is a contract."""
    (model, optimizer), (other, inside) = trained("mdf"), trained("mdf", in_backward=True)
    states = [one.state_dict()["state"] for one in (optimizer, inside)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][i][key], states[1][i][key]) for i in states[0] for key in states[0][i])
    assert not any(p.grad is not None for p in other.parameters())
    assert any(p.grad is not None for p in model.parameters())


def test_what_needs_all_gradients_at_once_is_refused_before_a_run_begins(tmp_path):
    base = {"model": "mdf", "dataset": "synthetic", "optim": {"in_backward": True, "clip": 1.0}}
    with pytest.raises(UserError, match=r"frees each gradient at once, but optim\.clip=1\.0 needs them together"):
        launch(resolve(base), out=tmp_path / "run", device="cpu", quiet=True)
    assert not (tmp_path / "run").exists()
    for settings in ({"accumulate": 2}, {"clip_value": 0.5}):
        with pytest.raises(UserError, match="needs them together; leave out one of the two"):
            check_in_backward(OptimConfig(in_backward=True, **settings), Engine("cpu"))
    check_in_backward(OptimConfig(in_backward=True), Engine("cpu"))


def parameters(*shapes) -> list[torch.nn.Parameter]:
    torch.manual_seed(0)
    return [torch.nn.Parameter(torch.randn(shape)) for shape in shapes]


def adamw(pairs, gradients, count: int, optimizer) -> list[torch.Tensor]:
    groups = [{"params": [p], "lr": 0.01, "weight_decay": 0.1 * (p.ndim > 1)} for p in pairs]
    made = optimizer(groups)
    for _ in range(count):
        for p, gradient in zip(pairs, gradients, strict=True):
            p.grad = gradient.clone()
        made.step()
    return [p.detach() for p in pairs]


def test_squares_of_rank_one_are_kept_exactly_and_vectors_are_adamw():
    """The product of row and column means is the second moment itself if that has rank 1."""
    shapes = ((5, 7), (6,), (3, 2, 4))
    matrix = torch.outer(torch.arange(1.0, 6), torch.linspace(-1, 2, 7).add(0.03))
    gradients = [matrix, torch.randn(6), torch.ones(3, 2, 4)]
    found = adamw(parameters(*shapes), gradients, 5, CompactAdamW)
    wanted = adamw(parameters(*shapes), gradients, 5, torch.optim.AdamW)
    begun = parameters(*shapes)
    for before, ours, theirs in zip(begun, found, wanted, strict=True):
        moved, expected = ours - before, theirs - before
        if before.ndim == 1:
            torch.testing.assert_close(moved, expected, rtol=1e-5, atol=1e-7)
        else:  # the first moment is rounded to 8 bits
            torch.testing.assert_close(moved, expected, rtol=0.01, atol=1e-6)


def test_a_matrix_is_the_same_in_blocks_of_any_height(monkeypatch):
    gradients = [torch.randn(40, 6, generator=torch.Generator().manual_seed(1))]
    whole = adamw(parameters((40, 6)), gradients, 4, CompactAdamW)
    monkeypatch.setattr(compact, "NUMBERS", 20)
    torch.testing.assert_close(adamw(parameters((40, 6)), gradients, 4, CompactAdamW), whole)


def test_one_step_by_hand():
    """The squares 9, 1 and 0, 4 have row means 5 and 2, column means 4.5 and 2.5, and the mean 3.5."""
    gradient = torch.tensor([[3.0, 1.0], [0.0, 2.0]])
    value = torch.nn.Parameter(torch.zeros(2, 2))
    (after,) = adamw([value], [gradient], 1, CompactAdamW)
    row, column = torch.tensor([5.0, 2.0]), torch.tensor([4.5, 2.5])
    second = (
        torch.outer(row, column) / 3.5
    )  # both betas' corrections make the first step's moments the values themselves
    torch.testing.assert_close(after, -0.01 * gradient / second.sqrt(), rtol=0.01, atol=1e-7)


def test_compact_moments_are_small_and_resumed_bit_by_bit(tmp_path):
    usual, compacted = (trained("mdf", moments=kind)[1] for kind in ("full", "compact"))
    sizes = [sum(t.nbytes for s in one.state.values() for t in s.values() if t.ndim) for one in (usual, compacted)]
    assert sizes[1] < 0.4 * sizes[0]
    model, optimizer = trained("mdf", moments="compact", numbers=range(2))
    save_checkpoint(tmp_path / "last.safetensors", model, optimizer, {})
    other, fresh = trained("mdf", moments="compact", numbers=(), lr=1e-3)
    load_checkpoint(tmp_path / "last.safetensors", other, fresh)
    matrices = [state["exp_avg"] for p, state in fresh.state.items() if p.ndim > 1]
    assert {one.dtype for one in matrices} == {torch.bfloat16}
    for one in ((model, optimizer), (other, fresh)):
        steps(*one, range(2, 4))
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), other.parameters(), strict=True))
    with pytest.raises(UserError, match="cannot be used"):
        load_checkpoint(tmp_path / "last.safetensors", *trained("mdf", numbers=()))


def test_a_model_learns_with_both(tmp_path):
    base = {
        "model": "lf_dnn",
        "dataset": "synthetic",
        "optim": {"in_backward": True, "moments": "compact", "epochs": 4, "batch_size": 16, "lr": 1e-3},
    }
    run = launch(resolve(base), out=tmp_path / "run", device="cpu", quiet=True)
    full = resolve(base, ["optim.moments=full", "optim.in_backward=false"])
    usual = launch(full, out=tmp_path / "usual", device="cpu", quiet=True)
    ours, theirs = (one.valid_scores("mae")[0] for one in (run, usual))
    assert abs(ours - theirs) < 0.1 * theirs
