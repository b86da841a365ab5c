"""fake_quantize_folded: quantized as the folded weight is, divided by the factor again, without either product."""

import pytest
import torch

ops = torch.ops.compress

SHAPES = [
    ((), None),
    ((12, 1), None),
    ((12, 4), None),
    ((12, 1), torch.int32),
    ((12, 1), torch.float32),
    ((), torch.int32),
]


def make(shape, zero_point, device, dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(12, 32, generator=generator).to(device, dtype)
    scale = (torch.rand(shape, generator=generator) * 0.1 + 0.05).to(device)
    zero = None if zero_point is None else torch.full(shape, 3.0, device=device).to(zero_point)
    factor = torch.randn(12, 1, generator=generator).to(device)  # of both signs
    return x, scale, zero, factor


def composite(x, scale, zero_point, factor, mask=None):
    """The same with both products, in double: ties in the last bit of float32 fall otherwise."""
    folded = x.double() * factor.double()
    if mask is not None:
        folded = torch.where(mask, folded, 0.0)
    sizes = [n // s for n, s in zip(x.shape, scale.shape, strict=True)] if scale.dim() else None

    def meet(tensor):
        tensor = tensor.double()
        return tensor if sizes is None else tensor.repeat_interleave(sizes[0], 0).repeat_interleave(sizes[1], 1)

    zero = 0.0 if zero_point is None else meet(zero_point)
    position = folded / meet(scale)
    steps = position + (position.round() - position).detach()
    return (steps.clamp(-8 - zero, 7 - zero) * meet(scale)) / factor.double()


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("shape, zero_point", SHAPES, ids=str)
def test_value_and_gradients(shape, zero_point, masked, device):
    x, scale, zero, factor = make(shape, zero_point, device)
    leaves = [tensor.requires_grad_() for tensor in (x, scale)]
    doubles = [tensor.detach().double().requires_grad_() for tensor in leaves]
    mask = torch.rand(x.shape, generator=torch.Generator().manual_seed(1)).to(device) > 0.3 if masked else None
    packed = None if mask is None else ops.pack_mask(mask)
    y = ops.fake_quantize_folded(x, scale, zero, factor, -8, 7, mask=packed)
    expected = composite(*doubles, zero, factor, mask)
    # Float32's rounding of scale / factor, of the product and of the sums over up to 384 elements.
    torch.testing.assert_close(y, expected.float(), rtol=1e-6, atol=1e-6)
    grad = torch.randn(x.shape, generator=torch.Generator().manual_seed(2)).to(device)
    got = torch.autograd.grad(y, leaves, grad)
    wanted = torch.autograd.grad(expected, doubles, grad.double())
    torch.testing.assert_close(got[0], wanted[0].float(), rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(got[1], wanted[1].float(), rtol=1e-4, atol=1e-4)


def test_integers_are_those_of_the_folded_weight(device):
    x, scale, _, factor = make((12, 1), None, device)
    deployed = ops.fake_quantize(x * factor, scale, None, -8, 7) / scale
    trained = ops.fake_quantize_folded(x, scale, None, factor, -8, 7) * factor / scale
    assert torch.equal(deployed.round(), trained.round())


def test_the_factor_is_a_constant(device):
    x, scale, _, factor = make((12, 1), None, device)
    y = ops.fake_quantize_folded(x, scale.requires_grad_(), None, factor.requires_grad_(), -8, 7)
    y.sum().backward()
    assert factor.grad is None and scale.grad is not None


@pytest.mark.parametrize("factor_dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16, torch.float64], ids=str)
@pytest.mark.parametrize("shape, zero_point", SHAPES, ids=str)
def test_every_type_meets_every_other(shape, zero_point, dtype, factor_dtype, device):
    x, scale, zero, factor = make(shape, zero_point, device, dtype)
    factor = factor.to(factor_dtype)
    y = ops.fake_quantize_folded(x, scale, zero, factor, -8, 7)
    assert y.dtype == dtype
    expected = composite(x, scale, zero, factor.float())
    # Results in 16 bits are rounded by half an ulp; in float64 they are products of float32 scales.
    tolerance = max(torch.finfo(dtype).eps, 1e-6)
    torch.testing.assert_close(y.double(), expected, rtol=tolerance, atol=1e-6)


def test_blocks_along_the_factors_dimension(device):
    x, _, _, factor = make((), None, device)
    scale = torch.rand(3, 4, generator=torch.Generator().manual_seed(1)).to(device) * 0.1 + 0.05
    zero_point = torch.full((3, 4), 2, dtype=torch.int32, device=device)
    y = ops.fake_quantize_folded(x, scale, zero_point, factor, -8, 7)
    torch.testing.assert_close(y, composite(x, scale, zero_point, factor).float(), rtol=1e-6, atol=1e-6)


def test_errors_say_what_is_wrong():
    x, scale, _, factor = make((12, 1), None, "cpu")
    cases = [
        ((x, scale, None, factor[:, 0], -8, 7), r"fake_quantize_folded: fold_factor must have x's rank"),
        ((x, scale, None, factor[:6], -8, 7), r"got \[6, 1\], expected to fit \[12, 32\]"),
        ((x, scale, None, factor.int(), -8, 7), "fold_factor must be float32"),
        ((x, scale, None, factor.to("meta"), -8, 7), "fold_factor must be on x's device"),
        ((x, scale, torch.zeros(3, 1, dtype=torch.int32), factor, -8, 7), "zero_point must have scale's shape"),
    ]
    for arguments, message in cases:
        with pytest.raises(RuntimeError, match=message):
            ops.fake_quantize_folded(*arguments)


def test_learned_scales_keep_lsqs_factor(device):
    """One scale for the tensor counts 384 elements, though it meets twelve factors."""
    x, scale, _, factor = make((), None, device)
    scale.requires_grad_()
    ops.fake_quantize_learnable(x, scale, None, -8, 7, fold_factor=factor).sum().backward()
    plain = scale.detach().clone().requires_grad_()
    ops.fake_quantize_folded(x, plain, None, factor, -8, 7).sum().backward()
    torch.testing.assert_close(scale.grad, plain.grad / (384 * 7) ** 0.5)


def test_opcheck_and_compile():
    x, scale, zero, factor = make((12, 1), torch.int32, "cpu")
    torch.library.opcheck(ops.fake_quantize_folded.default, (x.requires_grad_(), scale, zero, factor, -8, 7))
    compiled = torch.compile(ops.fake_quantize_folded, fullgraph=True, backend="aot_eager")
    expected = ops.fake_quantize_folded(x, scale, zero, factor, -8, 7)
    assert torch.equal(compiled(x, scale, zero, factor, -8, 7), expected)


def test_an_empty_weight(device):
    empty, one = torch.empty(0, 4, device=device), torch.ones(1, 1, device=device)
    assert ops.fake_quantize_folded(empty, one, None, one, -8, 7).shape == (0, 4)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
def test_factors_can_be_divided_by(dtype, device):
    weight = torch.tensor([0.0, -0.0, 1e-41, 2e-38, -2.0, 1e-3], device=device).to(dtype)
    factor = ops.batch_norm_fold_factor(weight, torch.ones(6, dtype=dtype, device=device), 0.0, nonzero=True)
    assert torch.equal(factor.cpu(), torch.tensor([1.0, 1.0, 1.0, 1.0, -2.0, 1e-3]).to(dtype))
    scale = torch.tensor(1e6, device=device)
    y = ops.fake_quantize_folded(torch.zeros(6, 4, device=device), scale, None, factor[:, None], -8, 7)
    assert torch.equal(y, torch.zeros_like(y))
