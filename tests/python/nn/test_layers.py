"""Layers with slots: torch's own while the slots are empty; with slots, torch's operators composed by hand."""

import copy
import pickle

import compress_ext as cx
import pytest
import torch
from layer_cases import (
    CASES,
    INPUT_OPTIONS,
    WEIGHT_OPTIONS,
    make_input,
    make_ours,
    make_torch,
    run,
    torch_fake_quantize,
)
from torch import nn
from torch.testing import assert_close

QUANTIZED_INPUT = [name for name in CASES if name != "embedding"]


def equal(got: dict, expected: dict) -> None:
    assert got.keys() == expected.keys()
    for name, tensor in expected.items():
        assert tensor is None or torch.equal(got[name], tensor), name


@pytest.mark.parametrize("name", CASES)
def test_with_empty_slots_it_is_torchs_layer(name):
    ours, torchs = make_ours(name), make_torch(name)
    assert isinstance(ours, type(torchs)) and type(ours).__name__ == type(torchs).__name__
    assert list(ours.state_dict()) == list(torchs.state_dict())
    equal(run(ours, make_input(name)), run(torchs, make_input(name)))


@pytest.mark.parametrize("name", CASES)
def test_state_dicts_load_both_ways(name):
    ours, torchs = make_ours(name), make_torch(name)
    with torch.no_grad():
        torchs.weight += 1
    ours.load_state_dict(torchs.state_dict(), strict=True)
    assert torch.equal(ours.weight, torchs.weight)
    torchs.load_state_dict(ours.state_dict(), strict=True)


@pytest.mark.parametrize("options", WEIGHT_OPTIONS.values(), ids=WEIGHT_OPTIONS)
@pytest.mark.parametrize("name", CASES)
def test_weight_slots_equal_torchs_operators(name, options):
    ours, torchs = make_ours(name), make_torch(name)
    ours.add_weight_mask()
    kept = torch.rand(ours.weight.shape, generator=torch.Generator().manual_seed(2)) > 0.5
    ours.weight_mask.copy_(cx.ops.pack_mask(kept))
    ours.add_weight_quantizer(options).enabled = True

    got = run(ours, make_input(name))
    original = torchs.weight
    leaf = original.detach().clone().requires_grad_()
    x = make_input(name)
    x = x.requires_grad_() if x.is_floating_point() else x
    del torchs.weight
    torchs.weight = torch_fake_quantize(leaf * kept, ours.weight_quantizer)
    y = torchs(x)
    (y * torch.randn(y.shape, generator=torch.Generator().manual_seed(7))).sum().backward()
    assert torch.equal(got["y"], y)
    assert torch.equal(got["weight"], leaf.grad)
    assert x.grad is None or torch.equal(got["x"], x.grad)


@pytest.mark.parametrize("options", INPUT_OPTIONS.values(), ids=INPUT_OPTIONS)
@pytest.mark.parametrize("name", QUANTIZED_INPUT)
def test_input_quantizer_equals_torchs_operators(name, options):
    ours, torchs = make_ours(name), make_torch(name)
    ours.add_input_quantizer(options).enabled = True
    x = make_input(name)
    got = run(ours, x)
    leaf = x.clone().requires_grad_()
    y = torchs(torch_fake_quantize(leaf, ours.input_quantizer))
    (y * torch.randn(y.shape, generator=torch.Generator().manual_seed(7))).sum().backward()
    assert torch.equal(got["y"], y)
    assert torch.equal(got["x"], leaf.grad)
    assert torch.equal(got["weight"], torchs.weight.grad)


@pytest.mark.parametrize("name", CASES)
def test_scales_follow_the_range(name):
    ours = make_ours(name)
    ours.add_weight_quantizer(WEIGHT_OPTIONS["channel"]).enabled = True
    ours(make_input(name))
    dims = [dim for dim in range(ours.weight.dim()) if dim != ours.output_dim]
    expected = ours.weight.detach().abs().amax(dims, keepdim=True) / 7  # int4, narrow
    assert_close(ours.weight_quantizer.scale, expected)
    if name in QUANTIZED_INPUT:
        ours.add_input_quantizer(INPUT_OPTIONS["channel"]).enabled = True
        x = make_input(name)
        ours(x)
        channel = x.dim() - 1 if isinstance(ours, nn.Linear) else x.dim() - ours.weight.dim() + 1
        rows = x.movedim(channel, 0).reshape(x.shape[channel], -1)
        assert torch.equal(ours.input_quantizer.min.flatten(), rows.amin(1))
        assert torch.equal(ours.input_quantizer.max.flatten(), rows.amax(1))


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("name", CASES)
def test_learned_scales_equal_torchs_learnable_operator(name, symmetric):
    options = cx.QuantizerOptions(granularity="channel", symmetric=symmetric, scale="learned")
    ours = make_ours(name)
    quantizer = ours.add_weight_quantizer(options)
    quantizer.enabled = True
    got = run(ours, make_input(name))
    assert isinstance(quantizer.scale, nn.Parameter) and quantizer.initialized
    torchs = make_torch(name)
    leaf = torchs.weight.detach().clone().requires_grad_()
    scale = quantizer.scale.detach().flatten().requires_grad_()
    zero_point = torch.zeros_like(scale) if symmetric else quantizer.zero_point.detach().flatten()
    zero_point.requires_grad_()
    factor = cx.quant.gradient_factor(options, leaf, quantizer.scale)
    grid = (quantizer.quant_min, quantizer.quant_max)
    del torchs.weight
    torchs.weight = torch._fake_quantize_learnable_per_channel_affine(
        leaf, scale, zero_point, ours.output_dim, *grid, factor
    )
    y = torchs(make_input(name))
    (y * torch.randn(y.shape, generator=torch.Generator().manual_seed(7))).sum().backward()
    assert torch.equal(got["y"], y)
    assert torch.equal(got["weight"], leaf.grad)
    # Sums of the same terms in another order.
    assert_close(got["weight_quantizer.scale"].flatten(), scale.grad, rtol=1e-4, atol=1e-5)
    if not symmetric:
        assert_close(got["weight_quantizer.zero_point"].flatten(), zero_point.grad, rtol=1e-4, atol=1e-5)


def test_groups_of_a_linear_weight():
    layer = cx.nn.Linear(12, 5)
    quantizer = layer.add_weight_quantizer(cx.QuantizerOptions(granularity="group", group_size=4))
    quantizer.enabled = True
    y = layer(torch.eye(12)) - layer.bias
    groups = layer.weight.detach().reshape(5 * 3, 4)
    scale = groups.abs().amax(1) / 127
    zero = torch.zeros(15, dtype=torch.int32)
    expected = torch.fake_quantize_per_channel_affine(groups, scale, zero, 0, -127, 127).reshape(5, 12)
    assert quantizer.scale.shape == (5, 3)
    assert_close(y.t(), expected, rtol=0, atol=1e-6)  # a sum with eleven zeros, and the bias's rounding


def test_channels_last_stays_channels_last():
    layer = cx.nn.Conv2d(4, 6, 3, padding=1).to(memory_format=torch.channels_last)
    layer.add_weight_mask()
    layer.add_weight_quantizer(WEIGHT_OPTIONS["channel"]).enabled = True
    for options in INPUT_OPTIONS.values():
        other = copy.deepcopy(layer)
        other.add_input_quantizer(options).enabled = True
        x = make_input("conv2d")
        planes = other(x.to(memory_format=torch.channels_last))
        assert planes.is_contiguous(memory_format=torch.channels_last)
        plain = other.to(memory_format=torch.contiguous_format)
        assert_close(planes, plain.eval()(x), rtol=1e-5, atol=1e-5)  # another convolution kernel


def test_output_size_of_a_transposed_convolution():
    layer = cx.nn.ConvTranspose2d(3, 4, 3, stride=2)
    layer.add_weight_quantizer(WEIGHT_OPTIONS["channel"]).enabled = True
    assert layer(torch.randn(1, 3, 5, 5), output_size=[12, 12]).shape == (1, 4, 12, 12)


# ---- types, devices, copies


def slotted(scale: str = "observed") -> nn.Module:
    layer = cx.nn.Conv2d(4, 6, 3)
    layer.add_weight_mask()
    layer.add_weight_quantizer(cx.QuantizerOptions(granularity="channel", scale=scale)).enabled = True
    layer.add_input_quantizer(cx.QuantizerOptions(symmetric=False, scale=scale)).enabled = True
    layer(make_input("conv2d"))
    return layer


@pytest.mark.parametrize("cast", [lambda m: m.half(), lambda m: m.to(torch.bfloat16), lambda m: m.double()])
@pytest.mark.parametrize("scale", ["observed", "learned"])
def test_casts_leave_scales_in_float32(scale, cast):
    layer = slotted(scale)
    before = {name: tensor.clone() for name, tensor in layer.state_dict().items() if "quantizer" in name}
    layer = cast(layer)
    assert layer.weight.dtype != torch.float32 and layer.weight_mask.dtype == torch.uint8
    for name, tensor in before.items():
        after = layer.state_dict()[name]
        assert after.dtype == tensor.dtype and torch.equal(after, tensor), name
    y = layer(make_input("conv2d").to(layer.weight.dtype))
    assert y.dtype == layer.weight.dtype and y.isfinite().all()


@pytest.mark.parametrize("scale", ["observed", "learned"])
def test_meta_device_and_to_empty(scale):
    layer = slotted(scale).to("meta")
    assert all(tensor.is_meta for tensor in layer.state_dict().values())
    layer.to_empty(device="cpu")
    fresh = cx.nn.Conv2d(4, 6, 3)
    fresh.add_weight_mask()
    fresh.add_weight_quantizer(layer.weight_quantizer.options)
    fresh.add_input_quantizer(layer.input_quantizer.options)
    for name, tensor in fresh.state_dict().items():
        if "mask" in name or "quantizer" in name:
            assert torch.equal(layer.state_dict()[name], tensor), name
    assert not layer.weight_quantizer.initialized
    with torch.device("meta"):
        built = cx.nn.Conv2d(4, 6, 3)
    built.add_weight_mask()
    built.add_weight_quantizer(layer.weight_quantizer.options)
    assert built.weight_quantizer.scale.is_meta and built.weight_mask.is_meta
    state = slotted(scale).state_dict()
    state = {name: tensor for name, tensor in state.items() if "input" not in name}
    built.to_empty(device="cpu").load_state_dict(state, strict=True)
    assert built.weight_quantizer.initialized


@pytest.mark.parametrize("scale", ["observed", "learned"])
def test_copies_pickles_and_state_dicts_are_the_layer(scale):
    layer = slotted(scale).eval()
    x = make_input("conv2d", seed=3)
    other = slotted(scale).eval()
    other.load_state_dict(layer.state_dict(), strict=True)
    for copied in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer)), other):
        assert torch.equal(copied(x), layer(x))
        assert copied.weight_quantizer is not layer.weight_quantizer


def test_names_are_those_of_the_cpp_layers():
    assert [name for name in slotted().state_dict()] == [
        "weight",
        "bias",
        "weight_mask",
        "weight_quantizer.scale",
        "weight_quantizer.min",
        "weight_quantizer.max",
        "input_quantizer.scale",
        "input_quantizer.zero_point",
        "input_quantizer.min",
        "input_quantizer.max",
    ]
    learned = dict(slotted("learned").named_parameters())
    assert list(learned) == [
        "weight",
        "bias",
        "weight_quantizer.scale",
        "input_quantizer.scale",
        "input_quantizer.zero_point",
    ]


# ---- errors


@pytest.mark.parametrize("slot", ["weight_mask", "weight_quantizer", "input_quantizer"])
def test_a_slot_is_filled_once(slot):
    layer = slotted()
    options = () if slot == "weight_mask" else (cx.QuantizerOptions(),)
    with pytest.raises(cx.UsageError, match=f"the slot {slot} of this Conv2d layer is filled already"):
        getattr(layer, f"add_{slot}")(*options)


def test_the_input_of_an_embedding_is_not_quantized():
    with pytest.raises(cx.UsageError, match="of type Embedding has no input that can be quantized"):
        cx.nn.Embedding(3, 4).add_input_quantizer(cx.QuantizerOptions())


def test_groups_do_not_fit_a_transposed_convolution():
    layer = cx.nn.ConvTranspose2d(4, 4, 3)
    with pytest.raises(cx.UsageError, match="granularity 'group' does not fit a ConvTranspose2d"):
        layer.add_weight_quantizer(cx.QuantizerOptions(granularity="group", group_size=2))
    assert layer.weight_quantizer is None


def test_groups_must_divide_the_inputs():
    with pytest.raises(cx.UsageError, match="group_size 5 does not divide the 12 inputs"):
        cx.nn.Linear(12, 3).add_weight_quantizer(cx.QuantizerOptions(granularity="group", group_size=5))
