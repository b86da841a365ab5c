"""Quantizer options and state as Python sees them, against torch.ao's observers and torch's fake quantization."""

import math

import compress_ext
import pytest
import torch
from compress_ext import QuantizerOptions, ops, quant
from torch.ao.quantization import MinMaxObserver, MovingAverageMinMaxObserver, PerChannelMinMaxObserver


def tensor(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def state_of(x, role="weight", **options):
    return quant.make_state(QuantizerOptions(**options), role, x.shape)


def symmetric_range(observer):
    observer.quant_min, observer.quant_max = -127, 127  # the narrow grid
    return observer


def test_weight_channels_are_those_of_torch_ao():
    weight = tensor(6, 3, 3, 3)
    state = state_of(weight, granularity="channel")
    state.observe_(weight)
    reference = symmetric_range(PerChannelMinMaxObserver(dtype=torch.qint8, qscheme=torch.per_channel_symmetric))
    reference(weight)
    scale, zero_point = reference.calculate_qparams()
    assert state.scale.shape == (6, 1, 1, 1)
    assert state.scale.flatten().allclose(scale, rtol=1e-6)  # two divisions in another order
    assert state.zero_point is None
    expected = torch.fake_quantize_per_channel_affine(weight, state.scale.flatten(), zero_point.int(), 0, -127, 127)
    assert state.apply(weight).equal(expected)


@pytest.mark.parametrize(
    ("observer", "reference"),
    [
        ("min_max", MinMaxObserver(dtype=torch.qint8)),
        ("moving_average", MovingAverageMinMaxObserver(averaging_constant=0.1, dtype=torch.qint8)),
    ],
)
def test_activation_ranges_are_those_of_torch_ao(observer, reference):
    state = state_of(tensor(4, 5), "activation", symmetric=False, observer=observer, averaging=0.1)
    for seed in range(5):
        x = tensor(4, 5, seed=seed)
        state.observe_(x)
        reference(x)
    scale, zero_point = reference.calculate_qparams()
    assert state.min.item() == pytest.approx(reference.min_val.item(), rel=1e-6)  # float32 averages
    assert state.max.item() == pytest.approx(reference.max_val.item(), rel=1e-6)
    assert state.scale.item() == pytest.approx(scale.item(), rel=1e-6)
    assert state.zero_point.dtype == torch.int32
    assert state.zero_point.item() == zero_point.item()


def test_min_max_remembers_activations_but_not_weights():
    wide, narrow = 10 * tensor(8, 8), tensor(8, 8)
    for role, expected in (("activation", wide), ("weight", narrow)):
        state = state_of(wide, role)
        state.observe_(wide)
        state.observe_(narrow)
        assert state.max.item() == expected.max().item(), role


def test_percentiles_leave_out_outliers():
    x = torch.arange(1000.0)
    x[-1] = 1e6
    state = state_of(x, "activation", symmetric=False, observer="percentile", percentile=99.0, averaging=1.0)
    state.observe_(x)
    assert state.max.item() == 989.0  # the ceil(0.99 * 1000)-th smallest


@pytest.mark.parametrize("bits", range(2, 9))
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize(("granularity", "group_size"), [("tensor", 0), ("channel", 0), ("group", 4)])
def test_integers_say_what_apply_says(bits, symmetric, granularity, group_size):
    x = tensor(6, 8)
    state = state_of(x, format=f"int{bits}", symmetric=symmetric, granularity=granularity, group_size=group_size)
    state.observe_(x)
    integers = state.quantize(x)
    assert integers.dtype == torch.int8
    assert integers.min() >= state.options.quant_min and integers.max() <= state.options.quant_max
    assert len(integers.unique()) > 2 or bits == 2
    assert state.dequantize(integers).equal(state.apply(x))


def test_a_mask_is_fused():
    x = tensor(6, 8)
    keep = tensor(6, 8, seed=1) > 0
    state = state_of(x)
    state.observe_(x)
    expected = torch.where(keep, state.apply(x), 0.0)
    assert state.apply(x, ops.pack_mask(keep)).equal(expected)


def test_learned_gradients_are_those_of_torch():
    x = tensor(16, 8).requires_grad_()
    state = state_of(x, scale="learned", format="int4")
    state.initialize_learned_(x)
    assert state.scale.item() == pytest.approx(2 * x.detach().abs().mean().item() / math.sqrt(7), rel=1e-6)
    state.scale.requires_grad_()
    factor = quant.gradient_factor(state.options, x, state.scale)
    assert factor == pytest.approx(1 / math.sqrt(128 * 7))
    upstream = tensor(16, 8, seed=2)
    state.apply(x).backward(upstream)

    y, scale = x.detach().clone().requires_grad_(), state.scale.detach().reshape(1).requires_grad_()
    reference = torch._fake_quantize_learnable_per_tensor_affine(y, scale, torch.zeros(1), -7, 7, factor)
    reference.backward(upstream)
    assert x.grad.equal(y.grad)
    assert state.scale.grad.item() == pytest.approx(scale.grad.item(), rel=1e-4)  # sums in another order


def test_asymmetric_learned_zero_points_are_float():
    x = tensor(4, 4) + 3
    state = state_of(x, "activation", scale="learned", symmetric=False)
    state.initialize_learned_(x)
    assert state.zero_point.dtype == torch.float32
    state.scale.requires_grad_()
    state.zero_point.requires_grad_()
    (state.apply(x) * tensor(4, 4, seed=1)).sum().backward()
    assert state.scale.grad is not None and state.zero_point.grad is not None


def test_calls_change_the_tensors_in_place():
    x = tensor(4, 4)
    state = state_of(x)
    scale, address = state.scale, state.scale.data_ptr()
    assert (scale.item(), state.min.item(), state.max.item()) == (1.0, math.inf, -math.inf)
    state.observe_(x)
    assert scale.item() != 1.0 and state.scale.data_ptr() == address


def test_a_parameter_may_take_a_tensors_place():
    x = tensor(4, 4)
    state = state_of(x, scale="learned")
    parameter = torch.nn.Parameter(torch.tensor(0.5))
    state.scale = parameter
    assert state.scale is parameter
    state.apply(x).sum().backward()
    assert parameter.grad is not None
    with pytest.raises(compress_ext.UsageError, match=r"scale must be contiguous Float \[\] .got Float \[1\]"):
        state.scale = torch.ones(1)
    with pytest.raises(compress_ext.UsageError, match="scale must be .*got Double"):
        state.scale = torch.tensor(1.0, dtype=torch.float64)
    with pytest.raises(compress_ext.UsageError, match="a symmetric quantizer has no zero_point"):
        state.zero_point = torch.tensor(0, dtype=torch.int32)


def test_learned_scales_stay_positive():
    scales = [torch.tensor([-1.0, 2.0], requires_grad=True), torch.zeros(())]
    quant.keep_positive_(scales)
    assert scales[0].tolist() == [torch.finfo(torch.float32).eps, 2.0]
    assert scales[1].item() > 0


@pytest.mark.parametrize(
    ("options", "role", "sizes", "expected"),
    [
        ({}, "weight", (4, 6), ()),
        ({"granularity": "channel"}, "weight", (4, 6, 3, 3), (4, 1, 1, 1)),
        ({"granularity": "channel"}, "activation", (4, 6, 3, 3), (1, 6, 1, 1)),
        ({"granularity": "group", "group_size": 3}, "weight", (4, 6), (4, 2)),
    ],
)
def test_granularity_is_the_shape_of_scale(options, role, sizes, expected):
    assert quant.scale_sizes(QuantizerOptions(**options), role, sizes) == expected
    assert quant.make_state(QuantizerOptions(**options), role, sizes).scale.shape == expected


def test_defaults_are_the_recipes():
    assert quant.default_weight_options().granularity == "channel"
    assert not quant.default_activation_options().symmetric
    assert quant.default_activation_options().observer == "moving_average"


def test_options_read_back_from_their_text():
    options = QuantizerOptions(format="int4", granularity="group", group_size=16, symmetric=False, percentile=99.5)
    assert repr(eval(repr(options))) == repr(options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"format": "in8"}, "format: unknown 'in8' .allowed: int2 to int8., did you mean 'int8'"),
        ({"format": "int9"}, "format: unknown 'int9'"),
        ({"granularity": "chanel"}, "granularity: unknown 'chanel' .*did you mean 'channel'"),
        ({"scale": "lerned"}, "scale: unknown 'lerned' .allowed: observed, learned., did you mean 'learned'"),
        ({"observer": "minmax"}, "observer: unknown 'minmax' .*did you mean 'min_max'"),
        ({"granularity": "group"}, "group_size .*got 0, expected 1 or more"),
        ({"group_size": 8}, "group_size is for granularity 'group' .got 8 with 'tensor'"),
        ({"averaging": 0.0}, "averaging .*got 0, expected above 0"),
        ({"averaging": float("nan")}, "averaging .*got nan"),
        ({"percentile": 50.0}, "percentile .*got 50, expected above 50"),
    ],
)
def test_wrong_options_are_usage_errors(arguments, message):
    with pytest.raises(compress_ext.UsageError, match="QuantizerOptions: " + message):
        QuantizerOptions(**arguments)


@pytest.mark.parametrize(
    ("options", "role", "sizes", "message"),
    [
        ({}, "wieght", (4,), "role: unknown 'wieght' .allowed: weight, activation., did you mean 'weight'"),
        ({"granularity": "group", "group_size": 4}, "weight", (4, 6), "group_size 4 does not divide the 6 inputs"),
        ({"granularity": "group", "group_size": 3}, "activation", (4, 6), "group is for weights"),
    ],
)
def test_what_does_not_fit_is_a_usage_error(options, role, sizes, message):
    with pytest.raises(compress_ext.UsageError, match=message):
        quant.make_state(QuantizerOptions(**options), role, sizes)


def test_a_scale_that_does_not_fit_x_is_the_operators_error():
    with pytest.raises(RuntimeError, match="fake_quantize: "):
        state_of(tensor(4, 6), granularity="channel").apply(tensor(5, 6))
