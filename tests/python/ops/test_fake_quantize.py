"""fake_quantize against PyTorch's kernels, the derivative by its definition in double, and the compiler."""

import pytest
import torch

ops = torch.ops.compress

FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
# x and scale: per tensor, per channel on each side, per group, blocks, per token, per element, activations
GRANULARITIES = [
    ((37, 53), ()),
    ((37, 53), (1, 1)),
    ((37, 53), (37, 1)),
    ((37, 53), (1, 53)),
    ((37, 53), (37, 53)),
    ((24, 96), (24, 3)),
    ((24, 96), (6, 12)),
    ((70, 600), (1, 600)),
    ((3, 5000), (3, 1)),
    ((4, 6, 5, 7), (1, 6, 1, 1)),
    ((4, 6, 5, 7), (4, 1, 1, 7)),
    ((1,), (1,)),
]


def sample(shape, scale_shape, device, dtype=torch.float32):
    generator = torch.Generator().manual_seed(sum(shape))
    x = (torch.randn(shape, generator=generator) * 0.7).to(dtype)
    grad = torch.randn(shape, generator=generator).to(dtype)
    scale = torch.rand(scale_shape, generator=generator) * 0.1 + 0.05
    zero_point = torch.randint(-3, 4, scale_shape, generator=generator, dtype=torch.int32)
    kept = torch.rand(shape, generator=generator) > 0.4
    return [t.to(device) for t in (x, grad, scale, zero_point, kept)]


def spread(scale, x):
    """Every element's scale."""
    if scale.dim() != x.dim():
        return scale.reshape(()).expand_as(x)
    for dim in range(x.dim()):
        scale = scale.repeat_interleave(x.shape[dim] // scale.shape[dim], dim)
    return scale


def gathered(terms, scale):
    """The sum of terms over the block of each scale."""
    if scale.dim() != terms.dim():
        return terms.sum().reshape(scale.shape)
    shape = [n for dim in range(terms.dim()) for n in (scale.shape[dim], terms.shape[dim] // scale.shape[dim])]
    return terms.reshape(shape).sum(dim=tuple(range(1, 2 * terms.dim(), 2)))


def by_definition(x, grad, scale, zero_point, low, high):
    """Output and gradients of x, scale and zero_point in double; what is inside the grid is decided in float."""
    zero = spread(zero_point.float().round().clamp(low, high), x)
    scales = spread(scale, x)
    position = (x.float() * (1 / scales)).round() + zero
    inside = (position >= low) & (position <= high)
    steps = (position.clamp(low, high) - zero).double()
    dscale = torch.where(inside, steps - x.double() / scales.double(), steps) * grad.double()
    dzero = torch.where(inside, 0.0, -scales.double()) * grad.double()
    dx = torch.where(inside, grad, torch.zeros_like(grad))
    return steps * scales.double(), dx, gathered(dscale, scale), gathered(dzero, scale)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shapes", GRANULARITIES, ids=str)
def test_forward_equals_the_rounded_definition(shapes, dtype, device):
    x, grad, scale, zero_point, _ = sample(*shapes, device, dtype)
    got = ops.fake_quantize(x, scale, zero_point, -8, 7)
    steps, *_ = by_definition(x.double() if dtype == torch.float64 else x, grad, scale, zero_point, -8, 7)
    # one rounding of the product in the tensor's own precision (for float64 float32 per tensor and on CUDA, as ATen)
    in_float = scale.numel() == 1 or x.is_cuda
    tolerance = 2 * max(torch.finfo(dtype).eps, torch.finfo(torch.float32).eps if in_float else 0)
    torch.testing.assert_close(got.double(), steps, rtol=tolerance, atol=0)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("zero_point", [0, 3])
def test_equals_aten_bit_for_bit(zero_point, dtype, device):
    x, _, scale, _, _ = sample((37, 53), (37, 1), device, dtype)
    zero = torch.full((37, 1), zero_point, dtype=torch.int32, device=device)
    wanted = torch.fake_quantize_per_channel_affine(x, scale.flatten(), zero.flatten(), 0, -8, 7)
    assert torch.equal(ops.fake_quantize(x, scale, zero, -8, 7), wanted)
    wanted = torch.fake_quantize_per_tensor_affine(x, scale[0, 0].item(), zero_point, -8, 7)
    assert torch.equal(ops.fake_quantize(x, scale[0, 0], zero[0, 0], -8, 7), wanted)


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shapes", GRANULARITIES, ids=str)
def test_gradients_by_definition_in_double(shapes, dtype, masked, device):
    x, grad, scale, zero_point, kept = sample(*shapes, device, dtype)
    zero_point = zero_point + 0.3
    mask = ops.pack_mask(kept) if masked else None
    leaves = [t.clone().requires_grad_() for t in (x, scale, zero_point)]
    y = ops.fake_quantize(*leaves, -8, 7, mask=mask, grad_factor=0.25)
    y.backward(grad)
    seen = (x * kept, grad * kept) if masked else (x, grad)
    _, dx, dscale, dzero = by_definition(*seen, scale, zero_point, -8, 7)
    assert torch.equal(leaves[0].grad, dx)
    # sums of float32 terms of size about 1: an error of some eps per added term's magnitude, not of the cancelled sum
    terms = 32 * torch.finfo(torch.float32).eps * max(8.0, x.numel() / scale.numel()) ** 0.5
    torch.testing.assert_close(leaves[1].grad.double(), dscale * 0.25, rtol=1e-5, atol=terms)
    torch.testing.assert_close(leaves[2].grad.double(), dzero * 0.25, rtol=1e-5, atol=terms)


def test_gradients_equal_torch_learnable_per_channel(device):
    x, grad, scale, zero_point, _ = sample((64, 72), (64, 1), device)
    ours = [t.clone().requires_grad_() for t in (x, scale, zero_point.float())]
    theirs = [t.clone().requires_grad_() for t in (x, scale.flatten(), zero_point.float().flatten())]
    ops.fake_quantize(*ours, -8, 7, grad_factor=0.5).backward(grad)
    torch._fake_quantize_learnable_per_channel_affine(*theirs, 0, -8, 7, 0.5).backward(grad)
    assert torch.equal(ours[0].grad, theirs[0].grad)
    torch.testing.assert_close(ours[1].grad.flatten(), theirs[1].grad, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(ours[2].grad.flatten(), theirs[2].grad, rtol=1e-5, atol=1e-5)


def test_only_wanted_gradients(device):
    x, grad, scale, zero_point, _ = sample((8, 40), (8, 1), device)
    for wanted in ((True, False, False), (False, True, False), (False, False, True), (True, True, True)):
        grads = ops.fake_quantize_backward(grad, x, scale, zero_point.float(), -8, 7, None, 1.0, wanted)
        every = ops.fake_quantize_backward(grad, x, scale, zero_point.float(), -8, 7, None, 1.0, (True, True, True))
        for got, full, want in zip(grads, every, wanted, strict=True):
            assert torch.equal(got, full) if want else got is None


def test_channels_last_keeps_its_layout(device):
    x, grad, scale, zero_point, kept = sample((4, 6, 5, 7), (1, 6, 1, 1), device)
    for mask in (None, ops.pack_mask(kept)):
        for shape in ((), (1, 6, 1, 1), (4, 6, 1, 1), (2, 3, 1, 7)):
            scale = torch.rand(shape, device=device) * 0.1 + 0.05
            last = x.contiguous(memory_format=torch.channels_last).requires_grad_()
            plain = x.clone().requires_grad_()
            scales = [scale.clone().requires_grad_() for _ in range(2)]
            y = ops.fake_quantize(last, scales[0], None, -8, 7, mask=mask)
            assert y.is_contiguous(memory_format=torch.channels_last)
            wanted = ops.fake_quantize(plain, scales[1], None, -8, 7, mask=mask)
            assert torch.equal(y, wanted)
            y.backward(grad.contiguous(memory_format=torch.channels_last))
            wanted.backward(grad)
            assert torch.equal(last.grad, plain.grad)
            torch.testing.assert_close(scales[0].grad, scales[1].grad, rtol=1e-5, atol=1e-5)


def test_second_derivative_is_refused(device):
    x = torch.randn(4, device=device, requires_grad=True)
    scale = torch.tensor(0.1, device=device, requires_grad=True)
    y = ops.fake_quantize(x, scale, None, -8, 7)
    (dx,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="fake_quantize_backward is not implemented"):
        dx.sum().backward()


@pytest.mark.parametrize("shapes", [((6, 16), ()), ((6, 16), (6, 2)), ((2, 4, 3, 3), (1, 4, 1, 1))], ids=str)
def test_opcheck(shapes, device):
    x, grad, scale, zero_point, kept = sample(*shapes, device)
    mask = ops.pack_mask(kept)
    leaves = [t.requires_grad_() for t in (x, scale, zero_point.float())]
    # autograd's formula is not smooth, so opcheck tests its registration, not its numbers
    torch.library.opcheck(ops.fake_quantize.default, (*leaves, -8, 7), {"mask": mask, "grad_factor": 0.5})
    torch.library.opcheck(ops.fake_quantize.default, (x, scale.detach(), None, -8, 7))
    arguments = (grad, x.detach(), scale.detach(), zero_point.float(), -8, 7, mask, 0.5, [True, True, True])
    torch.library.opcheck(ops.fake_quantize_backward.default, arguments)


def test_compiles_without_graph_breaks(device):
    x, _, scale, _, kept = sample((6, 16), (6, 1), device)
    mask = ops.pack_mask(kept)

    def loss(x, scale):
        return ops.fake_quantize(x * 2, scale, None, -8, 7, mask=mask).square().sum()

    def gradients(function):
        leaves = [t.detach().clone().requires_grad_() for t in (x, scale)]
        function(*leaves).backward()
        return [leaf.grad for leaf in leaves]

    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager", dynamic=True)
    for got, wanted in zip(gradients(compiled), gradients(loss), strict=True):
        assert torch.equal(got, wanted)
