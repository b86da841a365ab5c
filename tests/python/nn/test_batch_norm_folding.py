"""A layer that folds the batch norm after it: a reference written out, the deployed layer, and torch's own layers while
nothing is quantized."""

import copy

import compress_ext as cx
import pytest
import torch
from compress_ext.nn import conversion
from torch import nn
from torch.nn import functional as F
from torch.testing import assert_close

WEIGHT = cx.QuantizerOptions(granularity="channel")
PAIRS = {
    "conv1d": (lambda: cx.nn.Conv1d(3, 4, 3), lambda **k: cx.nn.BatchNorm1d(4, **k), (5, 3, 9), F.conv1d),
    "conv2d": (lambda: cx.nn.Conv2d(3, 4, 3), lambda **k: cx.nn.BatchNorm2d(4, **k), (5, 3, 6, 7), F.conv2d),
    "conv2d, no bias": (
        lambda: cx.nn.Conv2d(3, 4, 3, bias=False),
        lambda **k: cx.nn.BatchNorm2d(4, **k),
        (5, 3, 6, 7),
        F.conv2d,
    ),
    "conv3d": (lambda: cx.nn.Conv3d(3, 4, 2), lambda **k: cx.nn.BatchNorm3d(4, **k), (5, 3, 3, 4, 4), F.conv3d),
    "linear": (lambda: cx.nn.Linear(6, 4), lambda **k: cx.nn.BatchNorm1d(4, **k), (9, 6), F.linear),
    "conv_transpose2d": (
        lambda: cx.nn.ConvTranspose2d(3, 4, 3),
        lambda **k: cx.nn.BatchNorm2d(4, **k),
        (5, 3, 4, 4),
        F.conv_transpose2d,
    ),
}


def make(name: str, options=WEIGHT, **keywords):
    torch.manual_seed(0)
    layer, batch_norm = PAIRS[name][0](), PAIRS[name][1](**keywords)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in (*batch_norm.parameters(), batch_norm.running_mean):
            tensor.normal_(generator=generator)
        batch_norm.running_var.uniform_(0.5, 2, generator=generator)
    if options is not None:
        layer.add_weight_quantizer(options).enabled = True
    layer.set_batch_norm(batch_norm)
    return layer, batch_norm, torch.randn(PAIRS[name][2], generator=generator)


def per_output(layer, factor):
    return factor.view([-1 if dim == layer.output_dim else 1 for dim in range(layer.weight.dim())])


def quantized(layer, weight):
    """Straight-through rounding of a weight on the scale of its own range, per output channel."""
    dims = [dim for dim in range(weight.dim()) if dim != layer.output_dim]
    scale = weight.detach().abs().amax(dims) / 127
    zero = torch.zeros_like(scale, dtype=torch.int32)
    return torch.fake_quantize_per_channel_affine(weight, scale, zero, layer.output_dim, -127, 127)


def gradients(y, tensors):
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(7))
    return torch.autograd.grad((y * weights).sum(), tensors)


@pytest.mark.parametrize("name", PAIRS)
def test_while_nothing_is_quantized_it_is_torchs(name):
    layer, batch_norm, x = make(name, options=None)
    ours, plain = nn.Sequential(layer, batch_norm), copy.deepcopy(nn.Sequential(layer, batch_norm))
    for module in plain:
        conversion.revert_(module)
        assert type(module) in (*conversion.LAYERS, *conversion.BATCH_NORMS)
    for _ in range(2):
        assert torch.equal(ours(x), plain(x))
    assert torch.equal(batch_norm.running_var, plain[1].running_var)
    assert torch.equal(ours.eval()(x), plain.eval()(x))


@pytest.mark.parametrize("name", PAIRS)
def test_training_equals_the_reference(name):
    layer, batch_norm, x = make(name)
    reference = copy.deepcopy(batch_norm)
    factor = batch_norm.weight.detach() / torch.sqrt(batch_norm.running_var + batch_norm.eps)
    parameters = [p for p in (layer.weight, layer.bias, batch_norm.weight, batch_norm.bias) if p is not None]
    y = batch_norm(layer(x))
    weight = quantized(layer, layer.weight * per_output(layer, factor)) / per_output(layer, factor)
    z = PAIRS[name][3](x, weight, layer.bias)
    own = [reference.weight, reference.bias]
    expected = F.batch_norm(z, reference.running_mean, reference.running_var, *own, True, 0.1, reference.eps)
    # The factor is rounded otherwise here and there; a rounding of the weight that tips over is 1/127 of its range.
    assert_close(y, expected, rtol=1e-4, atol=1e-4)
    assert_close(batch_norm.running_mean, reference.running_mean)
    assert_close(batch_norm.running_var, reference.running_var)
    leaves = [tensor for tensor in (layer.weight, layer.bias) if tensor is not None] + own
    for got, wanted in zip(gradients(y, parameters), gradients(expected, leaves), strict=True):
        # The bias's gradient through a batch norm is zero but for rounding.
        assert_close(got, wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("name", PAIRS)
def test_evaluation_is_the_deployed_layer(name):
    layer, batch_norm, x = make(name)
    batch_norm(layer(x))
    layer.eval(), batch_norm.eval()
    weight, bias = layer.deployed_parameters()
    y = batch_norm(layer(x))
    assert torch.equal(y, PAIRS[name][3](x, weight, bias))
    factor = batch_norm.weight / torch.sqrt(batch_norm.running_var + batch_norm.eps)
    scale = layer.weight_quantizer.scale.flatten()
    zero = torch.zeros_like(scale, dtype=torch.int32)
    folded = layer.weight * per_output(layer, factor)
    expected = torch.fake_quantize_per_channel_affine(folded, scale, zero, layer.output_dim, -127, 127)
    assert_close(weight, expected, rtol=0, atol=float(scale.max()) * 1.01)  # at most one step where rounding tips
    old_bias = 0 if layer.bias is None else layer.bias
    assert_close(bias, batch_norm.bias + (old_bias - batch_norm.running_mean) * factor)


@pytest.mark.parametrize("name", PAIRS)
def test_frozen_training_is_evaluation(name):
    layer, batch_norm, x = make(name)
    batch_norm(layer(x))
    batch_norm.frozen, layer.weight_quantizer.observing = True, False
    before = batch_norm.running_mean.clone()
    y = batch_norm(layer(x))
    gradient = gradients(y, [layer.weight, batch_norm.weight, batch_norm.bias])
    assert torch.equal(batch_norm.running_mean, before)
    assert torch.equal(y, batch_norm.eval()(layer.eval()(x)))
    # Through the folded weight: d y / d bias is a sum over all but channels.
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(7))
    assert_close(gradient[2], weights.transpose(0, 1).flatten(1).sum(1))
    assert all(g.isfinite().all() and g.any() for g in gradient)


def test_frozen_without_a_quantizer_uses_running_statistics():
    batch_norm = make("conv2d", options=None)[1]
    x = torch.randn(4, 4, 3, 3)
    batch_norm.frozen = True
    y = batch_norm(x)
    assert torch.equal(y, copy.deepcopy(batch_norm).eval()(x))


def test_a_batch_norm_that_starts_at_zero_learns():
    # Residual networks start their last batch norm at zero: 0 / 0 must not come of dividing by its factor.
    layer, batch_norm, x = make("conv2d")
    nn.init.zeros_(batch_norm.weight)
    y = batch_norm(layer(x))
    assert torch.equal(y, batch_norm.bias.view(1, -1, 1, 1).expand_as(y))
    gradient = gradients(y, [batch_norm.weight])[0]
    assert gradient.isfinite().all() and gradient.any()
    z = F.conv2d(x, layer.weight, layer.bias)
    normal = (z - z.mean((0, 2, 3), True)) / z.var((0, 2, 3), unbiased=False, keepdim=True).sqrt()
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(7))
    assert_close(gradient, (normal * weights).sum((0, 2, 3)), rtol=0.05, atol=0.5)  # an int8 weight
    assert torch.isfinite(batch_norm.eval()(layer.eval()(x))).all()


def test_momentum_none_and_no_affine():
    layer, batch_norm, x = make("conv2d", momentum=None, affine=False)
    for _ in range(2):
        y = batch_norm(layer(x))
    assert int(batch_norm.num_batches_tracked) == 2
    assert_close(y.mean((0, 2, 3)), torch.zeros(4), rtol=0, atol=1e-6)
    layer.eval(), batch_norm.eval()
    weight, bias = layer.deployed_parameters()
    assert torch.equal(batch_norm(layer(x)), F.conv2d(x, weight, bias))


def test_a_batch_norm_held_in_evaluation_mode_folds_so():
    layer, batch_norm, x = make("conv2d")
    batch_norm.eval()
    before = batch_norm.running_var.clone()
    y = batch_norm(layer(x))  # fine-tuning with batch norms that stand still
    assert torch.equal(batch_norm.running_var, before)
    assert torch.equal(y, batch_norm(layer.eval()(x)))


def test_before_anything_was_seen_evaluation_is_float():
    layer, batch_norm, x = make("conv2d")
    plain = make("conv2d", options=None)
    assert torch.equal(batch_norm.eval()(layer.eval()(x)), plain[1].eval()(plain[0].eval()(x)))


def test_state_dict_keeps_its_names_and_copies_stay_pairs():
    layer, batch_norm, x = make("conv2d")
    model = nn.Sequential(layer, batch_norm)
    assert [name for name in model.state_dict() if name.startswith("1.")] == [
        "1.weight",
        "1.bias",
        "1.running_mean",
        "1.running_var",
        "1.num_batches_tracked",
    ]
    copied = copy.deepcopy(model)
    assert copied[0].batch_norm is copied[1]
    assert torch.equal(copied(x), model(x))
    assert torch.equal(copied.eval()(x), model.eval()(x))


def test_half_folds_in_half():
    layer, batch_norm, x = make("conv2d")
    model = nn.Sequential(layer, batch_norm).to(torch.bfloat16)
    y = model(x.bfloat16())
    assert y.dtype == torch.bfloat16
    assert_close(y.float(), nn.Sequential(*make("conv2d")[:2])(x), rtol=0.1, atol=0.1)
    model.eval()
    weight, bias = layer.deployed_parameters()
    assert weight.dtype == bias.dtype == torch.bfloat16
    assert torch.equal(model(x.bfloat16()), F.conv2d(x.bfloat16(), weight, bias))


@pytest.mark.parametrize("granularity", ["tensor", "channel"])
@pytest.mark.parametrize("name", ["conv2d", "conv_transpose2d", "linear"])
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64], ids=str)
def test_models_of_other_types_train(name, dtype, granularity):
    layer, batch_norm, x = make(name, cx.QuantizerOptions(granularity=granularity))
    model = nn.Sequential(layer, batch_norm).to(dtype)
    y = model(x.to(dtype))
    y.sum().backward()
    assert y.dtype == layer.weight.grad.dtype == dtype


def test_integers_of_a_16_bit_model_are_the_deployed_ones():
    layer, batch_norm, x = make("conv2d")
    model = nn.Sequential(layer, batch_norm).to(torch.bfloat16)
    model(x.bfloat16())
    factor, scale = layer._per_output(layer._divisor), layer.weight_quantizer.scale
    with torch.no_grad():
        trained = layer.compressed_weight(fold_factor=factor).float() * factor.float() / scale
        deployed = layer.compressed_weight(layer.weight.float() * factor.float()) / scale
    # bfloat16 moves an integer of up to 127 by a quarter at most.
    assert torch.equal(trained.round(), deployed.round())


# ---- errors


def test_other_channels_are_refused():
    with pytest.raises(cx.UsageError, match="5 features, the Conv2d 4 outputs"):
        cx.nn.Conv2d(3, 4, 3).set_batch_norm(cx.nn.BatchNorm2d(5))


def test_running_statistics_are_needed():
    with pytest.raises(cx.UsageError, match="without running statistics"):
        cx.nn.Conv2d(3, 4, 3).set_batch_norm(cx.nn.BatchNorm2d(4, track_running_stats=False))


def test_an_embedding_does_not_fold():
    with pytest.raises(cx.UsageError, match="not folded into a layer of type Embedding"):
        cx.nn.Embedding(5, 4).set_batch_norm(cx.nn.BatchNorm1d(5))


def test_a_grouped_transposed_convolution_does_not_fold():
    with pytest.raises(cx.UsageError, match="ConvTranspose2d of 2 groups"):
        cx.nn.ConvTranspose2d(4, 4, 3, groups=2).set_batch_norm(cx.nn.BatchNorm2d(4))
