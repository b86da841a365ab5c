"""choose_qparams: parity with torch.ao's observers, and ranges that are empty, infinite or NaN."""

import math

import pytest
import torch
from torch.ao.quantization.observer import MinMaxObserver, PerChannelMinMaxObserver

ops = torch.ops.compress

GRIDS = [(-128, 127), (0, 255), (-127, 127), (-8, 7), (0, 15), (-2, 1)]


def samples():
    generator = torch.Generator().manual_seed(0)
    yield torch.zeros(4)
    yield torch.full((4,), 1e-30)
    for scale in (1e-3, 1.0, 300.0, 1e20):
        for shift in (-5.0, 0.0, 5.0):
            yield (torch.randn(16, 9, generator=generator) + shift) * scale


@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("quant_min, quant_max", GRIDS)
def test_equals_torch_ao_bit_for_bit(quant_min, quant_max, symmetric):
    scheme = torch.per_tensor_symmetric if symmetric else torch.per_tensor_affine
    # torch.ao gives symmetric unsigned grids a zero point of their middle; ours stay at 0.
    dtype = torch.qint8 if symmetric or quant_min < 0 else torch.quint8
    for x in samples():
        reference = MinMaxObserver(dtype=dtype, qscheme=scheme, quant_min=quant_min, quant_max=quant_max)
        reference(x)
        expected_scale, expected_zero_point = reference.calculate_qparams()
        scale, zero_point = ops.choose_qparams(x.min(), x.max(), quant_min, quant_max, symmetric)
        assert scale.dtype == torch.float32 and zero_point.dtype == torch.int32
        assert scale.shape == () and zero_point.shape == ()
        assert torch.equal(scale, expected_scale.reshape(()))
        assert torch.equal(zero_point, expected_zero_point.reshape(()).int())


def test_per_channel_equals_torch_ao_bit_for_bit():
    x = torch.randn(12, 40, generator=torch.Generator().manual_seed(1)) * torch.logspace(-4, 4, 12).view(12, 1)
    reference = PerChannelMinMaxObserver(dtype=torch.quint8, qscheme=torch.per_channel_affine)
    reference(x)
    expected_scale, expected_zero_point = reference.calculate_qparams()
    scale, zero_point = ops.choose_qparams(x.amin(1, keepdim=True), x.amax(1, keepdim=True), 0, 255, False)
    assert scale.shape == (12, 1)
    assert torch.equal(scale.view(-1), expected_scale)
    assert torch.equal(zero_point.view(-1), expected_zero_point.int())


@pytest.mark.parametrize("symmetric", [False, True])
def test_special_ranges(symmetric):
    inf, nan = math.inf, math.nan
    low = torch.tensor([inf, nan, 1.0, nan, -inf, 0.0])
    high = torch.tensor([-inf, 1.0, nan, nan, inf, 0.0])
    scale, zero_point = ops.choose_qparams(low, high, -8, 7, symmetric)
    assert scale[0] == 1.0  # never observed
    assert scale[1:4].isnan().all()  # divergence is seen
    assert scale[4] == inf
    assert scale[5] == torch.finfo(torch.float32).eps
    assert zero_point[:5].tolist() == [0, 0, 0, 0, 0]
    assert zero_point[5] == (0 if symmetric else -8)


def test_the_whole_range_of_float32_does_not_overflow_where_symmetric():
    top = torch.finfo(torch.float32).max
    scale, _ = ops.choose_qparams(torch.tensor(-top), torch.tensor(top), -127, 127, True)
    assert scale == top / 127


def test_zero_point_saturates_on_the_widest_grid():
    low, high = torch.tensor(-65536.0), torch.tensor(0.0)
    _, zero_point = ops.choose_qparams(low, high, -(2**31), 2**31 - 1, False)
    assert zero_point == 2**31 - 1


def test_strided_and_empty():
    low = -torch.rand(4, 6).t()
    high = torch.rand(6, 8)[:, ::2]
    got = ops.choose_qparams(low, high, -8, 7, False)
    wanted = ops.choose_qparams(low.contiguous(), high.contiguous(), -8, 7, False)
    assert torch.equal(got[0], wanted[0]) and torch.equal(got[1], wanted[1])
    scale, zero_point = ops.choose_qparams(torch.empty(0, 1), torch.empty(0, 1), -8, 7, True)
    assert scale.shape == (0, 1) and zero_point.shape == (0, 1)


def test_is_a_constant_for_autograd():
    low = torch.tensor(-1.0, requires_grad=True)
    scale, zero_point = ops.choose_qparams(low, torch.tensor(1.0), -8, 7, True)
    assert not scale.requires_grad and not zero_point.requires_grad


@pytest.mark.parametrize("shape", [(), (5,), (4, 1)], ids=str)
def test_opcheck(shape):
    low, high = -torch.rand(shape), torch.rand(shape)
    torch.library.opcheck(ops.choose_qparams.default, (low, high, 0, 255, False))


def test_errors_say_what_is_wrong():
    low, high = torch.tensor([-1.0]), torch.tensor([1.0])
    cases = [
        ((low, high, 7, 7, True), "choose_qparams: quant_min must be below quant_max .got 7 and 7"),
        ((low, high, -(2**31) - 1, 7, True), "must fit int32"),
        ((low, high, 0, 2**31, True), "must fit int32"),
        ((low.double(), high, -8, 7, True), "min and max must be float32 .got Double and Float"),
        ((low, high.expand(2), -8, 7, True), r"max must have min's shape .got \[2\], expected \[1\]"),
        ((low, high.to("meta"), -8, 7, True), "max must be on min's device"),
    ]
    for arguments, message in cases:
        with pytest.raises(RuntimeError, match=message):
            ops.choose_qparams(*arguments)
