"""fake_quantize where only x is learned: one bit per element is saved, in the order of memory; scale may change."""

import pytest
import torch

ops = torch.ops.compress

FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
# x and scale; rows that do and do not end at a byte, runs of a scale that end within one
GRANULARITIES = [
    ((37, 53), ()),
    ((64, 72), ()),
    ((37, 53), (37, 1)),
    ((37, 53), (1, 53)),
    ((5, 1030), (1, 1030)),
    ((24, 96), (24, 3)),
    ((24, 96), (6, 12)),
    ((3, 5000), (3, 1)),
    ((4, 6, 5, 7), (1, 6, 1, 1)),
    ((4, 6, 5, 7), (4, 1, 1, 7)),
    ((37,), (37,)),
    ((1,), ()),
    ((), ()),
    ((3, 0), ()),
]


def sample(shape, scale_shape, device, dtype=torch.float32):
    generator = torch.Generator().manual_seed(sum(shape))
    x = (torch.randn(shape, generator=generator) * 0.7).to(dtype)
    grad = torch.randn(shape, generator=generator).to(dtype)
    scale = torch.rand(scale_shape, generator=generator) * 0.1 + 0.05
    zero_point = torch.randint(-3, 4, scale_shape, generator=generator, dtype=torch.int32)
    kept = torch.rand(shape, generator=generator) > 0.4
    return [t.to(device) for t in (x, grad, scale, zero_point, kept)]


def gradient(x, grad, *arguments, **options):
    leaf = x.detach().clone().requires_grad_()
    ops.fake_quantize(leaf, *arguments, **options).backward(grad)
    return leaf.grad


def saved_bytes(run):
    """What autograd keeps alive from forward to backward."""
    seen = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: seen.append(t.nbytes) or t, lambda t: t):
        result = run()
    return sum(seen), result


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shapes", GRANULARITIES, ids=str)
def test_equals_fake_quantize_and_its_backward(shapes, dtype, masked, device):
    x, grad, scale, zero_point, kept = sample(*shapes, device, dtype)
    mask = ops.pack_mask(kept) if masked else None
    y, clip_mask = ops.fake_quantize_clip_mask(x, scale, zero_point, -8, 7, mask=mask)
    assert torch.equal(y, ops.fake_quantize(x, scale, zero_point, -8, 7, mask=mask))
    dx, _, _ = ops.fake_quantize_backward(grad, x, scale, zero_point, -8, 7, mask, 1.0, (True, False, False))
    assert torch.equal(ops.apply_mask(grad, clip_mask), dx)
    inside = ops.fake_quantize_backward(
        torch.ones_like(x), x, scale, zero_point, -8, 7, mask, 1.0, (True, False, False)
    )[0].bool()
    assert torch.equal(clip_mask, ops.pack_mask(inside))  # the padding too


def test_what_is_not_a_number_has_no_gradient(device):
    x = torch.tensor([0.1, float("nan"), float("inf"), -float("inf"), 5.0, -5.0, -0.0, 0.7], device=device)
    y, clip_mask = ops.fake_quantize_clip_mask(x, torch.tensor(0.1, device=device), None, -8, 7)
    assert ops.unpack_mask(clip_mask, (8,)).tolist() == [True, False, False, False, False, False, True, True]
    assert y.isnan().tolist() == [False, True] + [False] * 6


def test_only_one_bit_is_saved(device):
    x, grad, scale, _, kept = sample((64, 72), (64, 1), device)
    x.requires_grad_()
    for mask in (None, ops.pack_mask(kept)):
        taken, y = saved_bytes(lambda: ops.fake_quantize(x, scale, None, -8, 7, mask=mask))  # noqa: B023
        assert taken == 64 * 72 / 8
        assert y.requires_grad
    taken, _ = saved_bytes(lambda: ops.fake_quantize(x.detach(), scale, None, -8, 7))
    assert taken == 0
    with torch.no_grad():
        assert not ops.fake_quantize(x, scale, None, -8, 7).requires_grad


def test_scale_and_mask_may_change_before_the_backward(device):
    x, grad, scale, zero_point, kept = sample((12, 40), (12, 1), device)
    mask = ops.pack_mask(kept)
    wanted = gradient(x, grad, scale, zero_point, -8, 7, mask=mask)
    leaf = x.clone().requires_grad_()
    y = ops.fake_quantize(leaf, scale, zero_point, -8, 7, mask=mask)
    scale.mul_(0.25)
    zero_point.add_(2)
    mask.zero_()
    y.backward(grad)
    assert torch.equal(leaf.grad, wanted)


def test_a_shared_quantizer_may_observe_between_its_two_calls(device):
    x, grad, scale, _, _ = sample((12, 40), (), device)
    wanted = gradient(x, grad, scale, None, -8, 7) + gradient(x, grad, scale * 2, None, -8, 7)
    leaf = x.clone().requires_grad_()
    first = ops.fake_quantize(leaf, scale, None, -8, 7)
    scale.mul_(2)
    second = ops.fake_quantize(leaf, scale, None, -8, 7)
    (first + second).backward(grad)
    assert torch.equal(leaf.grad, wanted)


def test_learned_scale_keeps_its_inputs(device):
    x, grad, scale, _, _ = sample((12, 40), (), device)
    scale.requires_grad_()
    y = ops.fake_quantize(x.requires_grad_(), scale, None, -8, 7)
    with torch.no_grad():
        scale.mul_(2)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.backward(grad)


ORDERS = {
    "channels_last": lambda x: x.contiguous(memory_format=torch.channels_last),
    "permuted": lambda x: x.permute(3, 1, 0, 2).contiguous().permute(2, 1, 3, 0),
    "every second": lambda x: torch.stack([x, x], -1)[..., 0],
}


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("scale_shape", [(), (1, 6, 1, 1), (4, 1, 1, 1), (2, 3, 1, 7)], ids=str)
def test_any_layout_of_x_and_of_its_gradient(scale_shape, order, masked, device):
    x, grad, scale, zero_point, kept = sample((4, 6, 5, 7), scale_shape, device)
    mask = ops.pack_mask(kept) if masked else None
    wanted = gradient(x, grad, scale, zero_point, -8, 7, mask=mask)
    laid_out = ORDERS[order](x)
    for grad_order in (grad, ORDERS[order](grad)):
        leaf = laid_out.detach().requires_grad_()
        y = ops.fake_quantize(leaf, scale, zero_point, -8, 7, mask=mask)
        assert y.stride() == torch.empty_like(laid_out).stride()
        (dx,) = torch.autograd.grad(y, leaf, grad_order)
        assert torch.equal(dx, wanted)
        if not masked:
            assert dx.stride() == y.stride()
    y = ops.fake_quantize(leaf, scale, zero_point, -8, 7, mask=mask)
    (dx,) = torch.autograd.grad(y.sum(), leaf)  # a gradient of stride 0
    assert torch.equal(dx, gradient(x, torch.ones_like(x), scale, zero_point, -8, 7, mask=mask))


def test_differentiates_again_as_a_selection(device):
    x, _, scale, _, _ = sample((6, 16), (), device)
    x.requires_grad_()
    y = ops.fake_quantize(x, scale, None, -8, 7)
    (dx,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    (twice,) = torch.autograd.grad(dx.sum(), x)
    inside = gradient(x, torch.ones_like(x), scale, None, -8, 7)
    assert torch.equal(twice, 2 * inside)


@pytest.mark.parametrize("shapes", [((6, 16), ()), ((6, 13), (6, 1)), ((2, 4, 3, 3), (1, 4, 1, 1))], ids=str)
@pytest.mark.parametrize("last", [False, True])
def test_opcheck(shapes, last, device):
    x, _, scale, zero_point, kept = sample(*shapes, device)
    if last and x.dim() == 4:
        x = x.contiguous(memory_format=torch.channels_last)
    torch.library.opcheck(ops.fake_quantize_clip_mask.default, (x, scale, zero_point, -8, 7))
    torch.library.opcheck(
        ops.fake_quantize_clip_mask.default, (x, scale, zero_point, -8, 7), {"mask": ops.pack_mask(kept)}
    )
    torch.library.opcheck(ops.fake_quantize.default, (x.requires_grad_(), scale, zero_point, -8, 7))


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("last", [False, True])
def test_compiles_without_graph_breaks(last, dynamic, device):
    x, _, scale, _, _ = sample((4, 6, 5, 7), (1, 6, 1, 1), device)
    if last:
        x = x.contiguous(memory_format=torch.channels_last)

    def loss(x, scale):
        return ops.fake_quantize(x * 2, scale, None, -8, 7).square().sum()

    def gradient_of(function):
        leaf = x.detach().requires_grad_()
        (dx,) = torch.autograd.grad(function(leaf, scale), leaf)
        return dx

    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager", dynamic=dynamic)
    assert torch.equal(gradient_of(compiled), gradient_of(loss))


def test_errors_come_before_anything_is_written():
    x = torch.zeros(4, 8)
    with pytest.raises(RuntimeError, match="fake_quantize: mask has the wrong shape"):
        ops.fake_quantize_clip_mask(x, torch.tensor(1.0), None, -8, 7, mask=torch.zeros(4, 2, dtype=torch.uint8))
    with pytest.raises(RuntimeError, match="fake_quantize: without zero_point, 0 must lie between"):
        ops.fake_quantize_clip_mask(x, torch.tensor(1.0), None, 1, 7)
