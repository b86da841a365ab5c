"""fake_quantize_float and choose_float_scale against torch's float8 casts, every code of the formats, the compiler."""

import math

import pytest
import torch

ops = torch.ops.compress

FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
# exponent bits, mantissa bits, largest value, exponent of the largest power of two: OCP MX 1.0, section 5.3
FORMATS = {"e4m3": (4, 3, 448.0, 8), "e5m2": (5, 2, 57344.0, 15), "e3m2": (3, 2, 28.0, 4), "e2m3": (2, 3, 7.5, 2)}
FORMATS["e2m1"] = (2, 1, 6.0, 2)
CASTS = {"e4m3": torch.float8_e4m3fn, "e5m2": torch.float8_e5m2}
# x and scale: per tensor, per channel, per column, MX and NVFP4 blocks, odd groups, blocks, activations
GRANULARITIES = [
    ((37, 53), ()),
    ((37, 53), (37, 1)),
    ((37, 53), (1, 53)),
    ((24, 96), (24, 3)),
    ((24, 96), (24, 6)),
    ((24, 96), (6, 12)),
    ((5, 100), (5, 20)),
    ((3, 5000), (3, 1)),
    ((4, 6, 5, 7), (1, 6, 1, 1)),
]


def spread(scale, x):
    if scale.dim() != x.dim():
        return scale.reshape(()).expand_as(x)
    for dim in range(x.dim()):
        scale = scale.repeat_interleave(x.shape[dim] // scale.shape[dim], dim)
    return scale


def values_of(name):
    """The format's values of 0 and above, decoded code by code in double."""
    exponent_bits, mantissa_bits, largest, _ = FORMATS[name]
    bias = 2 ** (exponent_bits - 1) - 1
    values = []
    for code in range(2 ** (exponent_bits + mantissa_bits)):
        exponent, mantissa = divmod(code, 2**mantissa_bits)
        fraction = mantissa / 2**mantissa_bits
        values.append(fraction * 2.0 ** (1 - bias) if exponent == 0 else (1 + fraction) * 2.0 ** (exponent - bias))
    return torch.tensor([value for value in values if value <= largest], dtype=torch.float64)


def cast(q, name):
    """The nearest value of the format, the even code at a tie, by searching all of them in double."""
    values = values_of(name)
    magnitude = q.double().abs().clamp(max=values[-1])
    above = torch.searchsorted(values, magnitude).clamp(max=len(values) - 1)
    below = (above - 1).clamp(min=0)
    up, down = values[above] - magnitude, magnitude - values[below]
    takes_above = (up < down) | ((up == down) & (above % 2 == 0))
    nearest = torch.where(takes_above, values[above], values[below])
    return torch.where(q.isnan(), q.double(), nearest.copysign(q.double()))


def bits(x):
    return x.view({2: torch.int16, 4: torch.int32, 8: torch.int64}[x.element_size()])


def sample(shapes, dtype, device, size=60.0):
    generator = torch.Generator().manual_seed(sum(shapes[0]))
    x = (torch.randn(shapes[0], generator=generator) * size).to(dtype)
    grad = torch.randn(shapes[0], generator=generator).to(dtype)
    scale = torch.rand(shapes[1], generator=generator) + 0.1
    # powers of two and others side by side: they take different paths
    scale = torch.where(torch.rand(shapes[1], generator=generator) > 0.5, scale, torch.tensor(0.25))
    kept = torch.rand(shapes[0], generator=generator) > 0.4
    return [t.to(device) for t in (x, grad, scale, kept)]


@pytest.mark.parametrize("name", CASTS)
def test_equals_torchs_cast_for_random_float32_bit_patterns(name, device):
    exponent_bits, mantissa_bits, largest, _ = FORMATS[name]
    generator = torch.Generator().manual_seed(0)
    x = torch.randint(-(2**31), 2**31, (1 << 18,), generator=generator).int().view(torch.float32).to(device)
    x = x[x.abs() <= largest]
    got = ops.fake_quantize_float(x, torch.tensor(1.0, device=device), exponent_bits, mantissa_bits)
    assert torch.equal(bits(got), bits(x.to(CASTS[name]).float()))


@pytest.mark.parametrize("name", FORMATS)
def test_every_value_and_midpoint(name, device):
    values = values_of(name)
    middles = (values[1:] + values[:-1]) / 2
    beyond = torch.tensor([values[-1] + (values[-1] - values[-2]) / 2, values[-1] * 2, 1e30, math.inf])
    exact = torch.cat([values, middles, beyond]).float()
    x = torch.cat([exact, exact.nextafter(torch.tensor(0.0)), exact.nextafter(torch.tensor(math.inf))])
    x = torch.cat([x, -x, torch.tensor([math.nan])])
    got = ops.fake_quantize_float(x.to(device), torch.tensor(1.0, device=device), *FORMATS[name][:2]).cpu()
    wanted = cast(x, name).float()
    assert torch.equal(bits(got[:-1]), bits(wanted[:-1])) and got[-1].isnan()


@pytest.mark.parametrize("name", CASTS)
def test_where_torchs_casts_do_not_saturate_ours_does(name):
    exponent_bits, mantissa_bits, largest, _ = FORMATS[name]
    first = {"e4m3": 464.0, "e5m2": 61440.0}[name]  # the tie: to even, which is 448, and for e5m2 65536
    x = torch.tensor([first, math.nextafter(first, 1e30) if name == "e5m2" else first + 1, 1e6, math.inf])
    theirs = x.to(CASTS[name]).float()
    # Torch 2.11 gives NaN or infinity here; newer ones saturate the cast to float8_e4m3fn as well.
    assert theirs.tolist()[0] in ([448.0] if name == "e4m3" else [math.inf, 57344.0])
    assert not theirs[1:].isfinite().any() or (theirs[1:3] == largest).all()
    assert (ops.fake_quantize_float(x, torch.tensor(1.0), exponent_bits, mantissa_bits) == largest).all()


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shapes", GRANULARITIES, ids=str)
def test_every_granularity_equals_the_composition(shapes, dtype, device):
    x, _, scale, _ = sample(shapes, dtype, device)
    wide = x if dtype == torch.float64 else x.float()
    scales = spread(scale, x).to(wide.dtype)
    for name, fp8 in CASTS.items():
        exponent_bits, mantissa_bits, largest, _ = FORMATS[name]
        wanted = (wide / scales).clamp(-largest, largest).to(fp8).to(wide.dtype) * scales
        got = ops.fake_quantize_float(x, scale, exponent_bits, mantissa_bits)
        assert torch.equal(bits(got), bits(wanted.to(dtype)))
    wanted = cast((wide / scales).float().cpu(), "e2m1").to(device).to(wide.dtype) * scales
    assert torch.equal(ops.fake_quantize_float(x, scale, 2, 1), wanted.to(dtype))


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shapes", GRANULARITIES, ids=str)
def test_gradient_is_straight_through_inside(shapes, dtype, masked, device):
    x, grad, scale, kept = sample(shapes, dtype, device, size=4.0)
    mask = ops.pack_mask(kept) if masked else None
    leaf = x.clone().requires_grad_()
    y = ops.fake_quantize_float(leaf, scale, 2, 1, mask=mask)
    y.backward(grad)
    inside = (x.double() / spread(scale, x).double()).abs() < 7
    inside = inside & kept if masked else inside
    assert torch.equal(leaf.grad, torch.where(inside, grad, torch.zeros_like(grad)))
    if masked:
        assert torch.equal(y, ops.fake_quantize_float(x * kept, scale, 2, 1))


def test_nan_and_infinity_have_no_gradient(device):
    x = torch.tensor([math.nan, math.inf, -math.inf, 1.0], device=device, requires_grad=True)
    ops.fake_quantize_float(x, torch.tensor(1.0, device=device), 4, 3).sum().backward()
    assert x.grad.tolist() == [0, 0, 0, 1]


def test_scale_is_a_constant(device):
    x = torch.randn(4, device=device, requires_grad=True)
    scale = torch.tensor(0.1, device=device, requires_grad=True)
    with pytest.raises(RuntimeError, match="fake_quantize_float: scale has no gradient"):
        ops.fake_quantize_float(x, scale, 4, 3)
    with torch.no_grad():
        ops.fake_quantize_float(x, scale, 4, 3)
    y = ops.fake_quantize_float(x, scale.detach(), 4, 3)
    (dx,) = torch.autograd.grad(y.square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="fake_quantize_float_backward is not implemented"):
        dx.sum().backward()


def test_channels_last_keeps_its_layout(device):
    x, grad, scale, kept = sample(((4, 6, 5, 7), (1, 6, 1, 1)), torch.float32, device)
    for mask in (None, ops.pack_mask(kept)):
        last = x.contiguous(memory_format=torch.channels_last).requires_grad_()
        plain = x.clone().requires_grad_()
        got = ops.fake_quantize_float(last, scale, 2, 3, mask=mask)
        wanted = ops.fake_quantize_float(plain, scale, 2, 3, mask=mask)
        assert got.is_contiguous(memory_format=torch.channels_last) and torch.equal(got, wanted)
        got.backward(grad.contiguous(memory_format=torch.channels_last))
        wanted.backward(grad)
        assert torch.equal(last.grad, plain.grad)


def test_strided_and_empty(device):
    x, _, scale, _ = sample(((24, 96), (24, 3)), torch.float32, device)
    assert torch.equal(ops.fake_quantize_float(x.t(), scale.t(), 4, 3), ops.fake_quantize_float(x, scale, 4, 3).t())
    wanted = ops.fake_quantize_float(x[:, ::2].contiguous(), scale, 4, 3)
    assert torch.equal(ops.fake_quantize_float(x[:, ::2], scale, 4, 3), wanted)
    assert ops.fake_quantize_float(torch.empty(0, 4, device=device), torch.ones((), device=device), 4, 3).shape == (
        0,
        4,
    )


@pytest.mark.parametrize("shapes", [((6, 16), ()), ((6, 64), (6, 2)), ((2, 4, 3, 3), (1, 4, 1, 1))], ids=str)
def test_opcheck(shapes, device):
    x, grad, scale, kept = sample(shapes, torch.float32, device)
    mask = ops.pack_mask(kept)
    torch.library.opcheck(ops.fake_quantize_float.default, (x.requires_grad_(), scale, 4, 3), {"mask": mask})
    torch.library.opcheck(ops.fake_quantize_float.default, (x.detach(), scale, 2, 1))
    torch.library.opcheck(ops.fake_quantize_float_backward.default, (grad, x.detach(), scale, 4, 3, mask))
    low, high = -torch.rand(shapes[1], device=device), torch.rand(shapes[1], device=device)
    torch.library.opcheck(ops.choose_float_scale.default, (low, high, 4, 3), {"scale_format": "e8m0"})
    amax = torch.ones((), device=device)
    arguments = {"scale_format": "e4m3", "tensor_amax": amax}
    torch.library.opcheck(ops.choose_float_scale.default, (low, high, 2, 1), arguments)


def test_mx_step_compiles_without_graph_breaks(device):
    x, _, _, kept = sample(((6, 64), ()), torch.float32, device)
    mask = ops.pack_mask(kept)

    def loss(x):
        amax = x.detach().reshape(6, 2, 32).abs().amax(-1)
        scale = ops.choose_float_scale(-amax, amax, 2, 1, scale_format="e8m0")
        return ops.fake_quantize_float(x * 2, scale, 2, 1, mask=mask).square().sum()

    def gradient(function):
        leaf = x.clone().requires_grad_()
        function(leaf).backward()
        return leaf.grad

    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager", dynamic=True)
    assert torch.equal(gradient(compiled), gradient(loss))


def amaxes():
    generator = torch.Generator().manual_seed(5)
    spread_out = torch.exp2(torch.rand(4000, generator=generator) * 276 - 149)  # subnormals to the largest
    powers = torch.exp2(torch.arange(-149, 128, dtype=torch.float64)).float()
    return torch.cat(
        [torch.zeros(1), spread_out, powers, powers.nextafter(torch.tensor(0.0)), torch.full((1,), 3.4e38)]
    )


@pytest.mark.parametrize("name", FORMATS)
def test_e8m0_scales_equal_the_specification_and_torchs_cast(name, device):
    exponent_bits, mantissa_bits, _, emax = FORMATS[name]
    amax = amaxes()
    got = ops.choose_float_scale(
        -amax.to(device), amax.to(device) / 2, exponent_bits, mantissa_bits, scale_format="e8m0"
    ).cpu()
    # frexp is exact where log2 rounds: amax = mantissa * 2^exponent with mantissa in [0.5, 1)
    floor_log2 = torch.frexp(amax.double()).exponent - 1
    exponent = torch.where(amax == 0, -127, (floor_log2 - emax).clamp(-127, 127))
    wanted = torch.exp2(exponent.double()).float()
    assert torch.equal(bits(got), bits(wanted))
    assert torch.equal(got.to(torch.float8_e8m0fnu).float(), got)  # each is an E8M0 number
    infinite = ops.choose_float_scale(
        *torch.tensor([[-math.inf, math.nan], [1.0, 1.0]], device=device),
        exponent_bits,
        mantissa_bits,
        scale_format="e8m0",
    )
    assert infinite.isnan().all()
    assert torch.tensor(math.inf).to(torch.float8_e8m0fnu).float().isnan()  # as torch's cast


def test_e4m3_scales_equal_torchs_cast(device):
    generator = torch.Generator().manual_seed(6)
    for size in (1e-3, 1.0, 3e4):
        amax = torch.rand(5000, generator=generator) * size
        amax[::50] *= 1e-7
        top = amax.max()
        unit = top / (448.0 * 6.0)
        stored = (amax / 6.0 / unit).clamp(max=448.0).to(torch.float8_e4m3fn).float().clamp(min=2.0**-9)
        got = ops.choose_float_scale(
            -amax.to(device), amax.to(device), 2, 1, scale_format="e4m3", tensor_amax=top.to(device)
        ).cpu()
        assert torch.equal(bits(got), bits(stored * unit))
        assert torch.equal((got / unit).to(torch.float8_e4m3fn).float(), stored)  # what a file stores


@pytest.mark.parametrize("name", FORMATS)
def test_float32_scales_divide(name, device):
    exponent_bits, mantissa_bits, largest, _ = FORMATS[name]
    amax = amaxes()
    got = ops.choose_float_scale(-amax.to(device) / 3, amax.to(device), exponent_bits, mantissa_bits).cpu()
    assert torch.equal(got, (amax / largest).clamp(min=torch.finfo(torch.float32).tiny))
    # no value of the block saturates
    x = amax[amax > 1e-30]
    assert torch.equal(
        ops.fake_quantize_float_backward(
            torch.ones_like(x),
            x,
            ops.choose_float_scale(-x, x, exponent_bits, mantissa_bits),
            exponent_bits,
            mantissa_bits,
            None,
        ),
        torch.ones_like(x),
    )


def test_special_ranges(device):
    inf, nan = math.inf, math.nan
    low = torch.tensor([inf, nan, 1.0, -inf, 0.0], device=device)
    high = torch.tensor([-inf, 1.0, nan, inf, 0.0], device=device)
    one = torch.ones((), device=device)
    for scale_format, least in (("float32", 2.0**-126), ("e8m0", 2.0**-127), ("e4m3", 2.0**-9 / 2688)):
        scale = ops.choose_float_scale(
            low, high, 2, 1, scale_format=scale_format, tensor_amax=one if scale_format == "e4m3" else None
        )
        assert scale[0] == 1.0  # never observed
        assert scale[1:4].isnan().all()
        assert scale[4].item() == pytest.approx(least, rel=1e-6)


def test_scale_of_strided_and_empty_ranges_is_a_constant():
    low, high = -torch.rand(4, 6).t(), torch.rand(6, 8)[:, ::2]
    got = ops.choose_float_scale(low, high, 4, 3)
    assert torch.equal(got, ops.choose_float_scale(low.contiguous(), high.contiguous(), 4, 3))
    assert ops.choose_float_scale(torch.empty(0, 2), torch.empty(0, 2), 4, 3).shape == (0, 2)
    assert not ops.choose_float_scale(low.requires_grad_(), high, 4, 3).requires_grad


def test_errors_say_what_is_wrong():
    x, one = torch.ones(4, 6), torch.ones(())
    cases = [
        ((x.int(), one, 4, 3), {}, "fake_quantize_float: x must be float32, float64, float16 or bfloat16 .got Int"),
        ((x, one.double(), 4, 3), {}, "scale must be float32 .got Double"),
        ((x, one.to("meta"), 4, 3), {}, "scale must be on x's device"),
        ((x, one, 3, 4), {}, "must name a format .got 3 and 4, expected 4 and 3, 5 and 2"),
        ((x, torch.ones(4, 4), 4, 3), {}, "scale must be a scalar, or have x's rank"),
        ((x, one, 4, 3), {"mask": torch.ones(4, 6, dtype=torch.bool)}, "mask must be packed to uint8"),
        ((x, one, 4, 3), {"mask": torch.ones(4, 2, dtype=torch.uint8)}, "mask has the wrong shape"),
    ]
    for arguments, keywords, message in cases:
        with pytest.raises(RuntimeError, match=message):
            ops.fake_quantize_float(*arguments, **keywords)
    with pytest.raises(RuntimeError, match="fake_quantize_float_backward: grad must have x's dtype"):
        ops.fake_quantize_float_backward(x.double(), x, one, 4, 3, None)
    with pytest.raises(RuntimeError, match="fake_quantize_float_backward: grad must have x's shape"):
        ops.fake_quantize_float_backward(x[:2], x, one, 4, 3, None)
    with pytest.raises(RuntimeError, match="fake_quantize_float_backward: grad must be on x's device"):
        ops.fake_quantize_float_backward(x.to("meta"), x, one, 4, 3, None)


def test_errors_of_choosing_say_what_is_wrong():
    low, high = torch.tensor([-1.0]), torch.tensor([1.0])
    cases = [
        ((low.double(), high, 4, 3), {}, "choose_float_scale: min and max must be float32 .got Double and Float"),
        ((low, high.expand(2), 4, 3), {}, r"max must have min's shape .got \[2\], expected \[1\]"),
        ((low, high.to("meta"), 4, 3), {}, "max must be on min's device"),
        ((low, high, 8, 0), {}, "choose_float_scale: exponent_bits and mantissa_bits must name a format .got 8 and 0"),
        ((low, high, 4, 3), {"scale_format": "E8M0"}, "unknown scale_format .got 'E8M0', expected 'float32', 'e8m0'"),
        ((low, high, 4, 3), {"scale_format": "e4m3"}, "'e4m3' needs tensor_amax"),
        ((low, high, 4, 3), {"tensor_amax": high}, "tensor_amax belongs to scale_format 'e4m3' .got 'float32'"),
        ((low, high, 4, 3), {"scale_format": "e4m3", "tensor_amax": high.double()}, "tensor_amax must be one float32"),
        (
            (low, high, 4, 3),
            {"scale_format": "e4m3", "tensor_amax": high.to("meta")},
            "tensor_amax must be on min's device",
        ),
    ]
    for arguments, keywords, message in cases:
        with pytest.raises(RuntimeError, match=message):
            ops.choose_float_scale(*arguments, **keywords)
