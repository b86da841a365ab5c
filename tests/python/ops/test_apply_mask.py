"""apply_mask and apply_mask_: a selection, its gradient, and what happens in place."""

import pytest
import torch

ops = torch.ops.compress

FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


def sample(*shape, dtype=torch.float32):
    generator = torch.Generator().manual_seed(len(shape) + 1)
    x = torch.randn(shape, generator=generator).to(dtype)
    kept = torch.rand(shape, generator=generator) > 0.4
    return x, kept, ops.pack_mask(kept)


def selected(x, kept):
    return torch.where(kept, x, torch.zeros((), dtype=x.dtype))


@pytest.mark.parametrize("dtype", [*FLOATS, torch.int8, torch.int32, torch.int64, torch.bool], ids=str)
def test_selects_in_every_dtype(dtype):
    for shape in ((), (0,), (37,), (5, 7), (6, 16), (4, 3, 3, 3), (0, 4), (3, 0)):
        x, kept, mask = sample(*shape)
        x = (x * 4).to(dtype)
        assert torch.equal(ops.apply_mask(x, mask), selected(x, kept))
        written = x.clone()
        ops.apply_mask_(written, mask)
        assert torch.equal(written, selected(x, kept))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_sizes_around_the_vector(dtype):
    for length in range(1, 71):
        x, kept, mask = sample(3, length, dtype=dtype)
        assert torch.equal(ops.apply_mask(x, mask), selected(x, kept)), length


def test_nan_and_infinity_under_a_cleared_bit_become_zero():
    x = torch.tensor([float("nan"), float("inf"), -float("inf"), -1.0])
    none = ops.pack_mask(torch.zeros(4, dtype=torch.bool))
    result = ops.apply_mask(x, none)
    assert torch.equal(result, torch.zeros(4))
    assert not torch.signbit(result).any()
    assert ops.apply_mask(x, ops.pack_mask(torch.ones(4, dtype=torch.bool)))[0].isnan()


def test_strided_inputs():
    x, kept, _ = sample(6, 4, 5, 3)
    views = [lambda t: t.transpose(0, 2), lambda t: t.to(memory_format=torch.channels_last), lambda t: t[::2, :, 1:]]
    for view in views:
        mask = ops.pack_mask(view(kept))
        result = ops.apply_mask(view(x), mask)
        assert torch.equal(result, selected(view(x), view(kept)))
        assert result.stride() == torch.empty_like(view(x)).stride()
        base = x.clone()
        target = view(base)
        ops.apply_mask_(target, mask)
        assert torch.equal(target, selected(view(x), view(kept)))
    one_row = torch.randn(5).expand(3, 5)
    assert torch.equal(ops.apply_mask(one_row, ops.pack_mask(torch.ones(3, 5, dtype=torch.bool))), one_row)


def test_gradient_is_masked_and_differentiates_again():
    x, kept, mask = sample(5, 7, dtype=torch.float64)
    x.requires_grad_()
    grad = torch.randn(5, 7, dtype=torch.float64)
    ops.apply_mask(x, mask).backward(grad)
    assert torch.equal(x.grad, selected(grad, kept))
    assert torch.autograd.gradcheck(lambda t: ops.apply_mask(t, mask), x)
    assert torch.autograd.gradgradcheck(lambda t: ops.apply_mask(t, mask) ** 2, x)


def test_gradient_of_an_expanded_grad():
    x, kept, mask = sample(4, 9)
    x.requires_grad_()
    ops.apply_mask(x, mask).sum().backward()
    assert torch.equal(x.grad, kept.float())


def test_in_place_obeys_autograd():
    x, kept, mask = sample(5, 7)
    leaf = x.clone().requires_grad_()
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        ops.apply_mask_(leaf, mask)
    with pytest.raises(RuntimeError, match="a view of a leaf Variable"):
        ops.apply_mask_(leaf[:], mask)
    with pytest.raises(RuntimeError, match="apply_mask_: has no gradient"):
        ops.apply_mask_(leaf * 2, mask)
    assert torch.equal(leaf.detach(), x)
    version = leaf._version
    with torch.no_grad():
        ops.apply_mask_(leaf, mask)
    assert leaf._version == version + 1
    assert torch.equal(leaf.detach(), selected(x, kept))


def test_in_place_change_of_a_saved_tensor_is_noticed():
    x, _, mask = sample(5, 7)
    weight = torch.randn(5, 7, requires_grad=True)
    product = weight * x
    ops.apply_mask_(x, mask)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        product.sum().backward()


def test_in_place_under_inference_mode_bumps_an_ordinary_tensor():
    x, kept, mask = sample(5, 7)
    result = x.clone()
    version = result._version
    with torch.inference_mode():
        ops.apply_mask_(result, mask)
    assert result._version == version + 1
    assert torch.equal(result, selected(x, kept))


@pytest.mark.parametrize("shape", [(9,), (5, 7), (3, 2, 2, 2)], ids=str)
def test_opcheck(shape):
    x, _, mask = sample(*shape)
    torch.library.opcheck(ops.apply_mask.default, (x.clone().requires_grad_(), mask))
    torch.library.opcheck(ops.apply_mask.default, (x.half(), mask))
    torch.library.opcheck(ops.apply_mask_.default, (x.clone(), mask))


def test_opcheck_of_a_channels_last_tensor():
    x, _, mask = sample(3, 4, 2, 2)
    torch.library.opcheck(ops.apply_mask.default, (x.to(memory_format=torch.channels_last).requires_grad_(), mask))


def test_compiles_with_gradient_and_in_place():
    @torch.compile(fullgraph=True, dynamic=True, backend="aot_eager")
    def step(x, mask, state):
        ops.apply_mask_(state, mask)
        return (ops.apply_mask(x, mask) ** 2).sum() + state.sum()

    for shape in ((3, 5), (4, 9), (6, 17)):
        x, kept, mask = sample(*shape)
        state = x.clone()
        x.requires_grad_()
        loss = step(x, mask, state)
        loss.backward()
        assert torch.equal(x.grad, 2 * selected(x.detach(), kept))
        assert torch.equal(state, selected(x.detach(), kept))


def test_many_threads_give_what_one_gives():
    x, kept, mask = sample(1001, 403)
    threads = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            assert torch.equal(ops.apply_mask(x, mask), selected(x, kept))
    finally:
        torch.set_num_threads(threads)


def test_errors_say_what_is_wrong():
    x, _, mask = sample(5, 7)
    with pytest.raises(RuntimeError, match=r"apply_mask: mask has the wrong shape \(got \[5, 2\], expected \[5, 1\]"):
        ops.apply_mask(x, torch.zeros(5, 2, dtype=torch.uint8))
    with pytest.raises(RuntimeError, match="apply_mask: mask must be packed to uint8"):
        ops.apply_mask(x, torch.ones(5, 7, dtype=torch.bool))
    with pytest.raises(RuntimeError, match="apply_mask: x must be dense and real"):
        ops.apply_mask(x.to(torch.complex64), mask)
    with pytest.raises(RuntimeError, match="apply_mask_: mask has the wrong shape"):
        ops.apply_mask_(x, mask[:4])
    with pytest.raises(RuntimeError, match="more than one element of the written-to tensor"):
        ops.apply_mask_(torch.zeros(7).expand(5, 7), mask)
    with pytest.raises(RuntimeError, match="mask must be on x's device"):
        ops.apply_mask(x, mask.to("meta"))
