"""CubeMLP's units against numbers worked out by hand, and the cube they mix."""

import pytest
import torch
from torch.testing import assert_close

from makers_models import batch, build, small, specs
from sentiprism.models.cubemlp import CubeMLP, Mix, block
from sentiprism.types import Sequence


def cubemlp(**config) -> CubeMLP:
    return build("cubemlp", specs(), config={**small("cubemlp"), **config}).eval()


@torch.no_grad()
@pytest.mark.parametrize("axis", [1, 2, 3])
def test_a_unit_mixes_along_its_own_axis_only(axis):
    torch.manual_seed(0)
    cube = torch.randn(2, 4, 3, 5)
    unit = Mix(axis, cube.shape[axis], 6, dropout=0.0)
    changed = cube.clone()
    changed[0, 1, 2, 3] += 1
    moved = (unit(changed) - unit(cube)).abs() > 1e-6
    along = [0, 1, 2, 3]
    along[axis] = slice(None)
    assert unit(cube).shape[axis] == 6
    line = moved[tuple(along)]
    assert line.any()
    assert moved.sum() == line.sum()


@torch.no_grad()
def test_a_unit_is_norm_linear_gelu_linear_beside_a_projected_residual():
    unit = Mix(3, 2, 2, dropout=0.0)
    unit.residual.weight.copy_(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    for layer in (unit.layers[1], unit.layers[3]):
        layer.weight.copy_(10 * torch.eye(2))
        layer.bias.zero_()
    # the norm makes (1, -1) of (6, 2), GELU (10, 0) of (10, -10)
    assert_close(unit(torch.tensor([[[[6.0, 2.0]]]])), torch.tensor([[[[102.0, 6.0]]]]), rtol=1e-4, atol=1e-3)


@torch.no_grad()
def test_a_block_takes_a_cube_to_another():
    assert block((8, 3, 6), (4, 3, 2), 0.0)(torch.randn(2, 8, 3, 6)).shape == (2, 4, 3, 2)


@torch.no_grad()
def test_sequences_of_any_length_become_a_cube_of_their_means():
    model, seen = cubemlp(steps=2), []
    model.blocks.register_forward_hook(lambda _, args, __: seen.append(args[0]))
    given = batch(specs(), 2)
    model(given)
    assert seen[0].shape == (2, 2, 3, 16)
    values, mask = model.recurrent["vision"](given.vision)
    assert int(mask[0].sum()) == 4  # the first row is full
    assert_close(seen[0][0, :, 2], values[0].reshape(2, 2, 16).mean(dim=1))


@torch.no_grad()
def test_a_missing_modality_is_zero_in_the_cube():
    model, seen = cubemlp(), []
    model.blocks.register_forward_hook(lambda _, args, __: seen.append(args[0]))
    given = batch(specs(), 2)
    model(given._replace(audio=Sequence(given.audio.values, torch.zeros_like(given.audio.mask))))
    assert [bool(seen[0][:, :, m].any()) for m in range(3)] == [True, False, True]


def test_the_last_block_shrinks_the_cube():
    model = cubemlp(depth=2, steps=8, last_steps=4, last_width=6)
    assert model.blocks(torch.randn(2, 8, 3, 16)).shape == (2, 4, 3, 6)
    assert model.head.in_features == 3 * 6


@pytest.mark.parametrize("used", [("text",), ("audio", "vision")])
def test_fewer_modalities(used):
    model = cubemlp(modalities=used)
    model(batch(specs(), 3)).losses["task"].backward()
    assert all(p.grad is not None for p in model.parameters())


def test_layer_norms_have_the_authors_eps():
    model = build("cubemlp", specs(), config=small("cubemlp"))
    assert {m.eps for m in model.modules() if isinstance(m, torch.nn.LayerNorm)} == {1e-6}
