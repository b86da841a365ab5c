"""Every layer with slots, in the shapes, strides, groups and paddings that convolutions come in."""

import copy

import torch
from compress_ext import nn as cx_nn
from compress_ext.quant import QuantizerOptions
from torch import nn

#: name: (class of torch, its arguments, its keyword arguments, sizes of an input)
CASES = {
    "linear": (nn.Linear, (9, 5), {}, (4, 9)),
    "linear of tokens, no bias": (nn.Linear, (9, 5), {"bias": False}, (2, 3, 9)),
    "linear of a vector": (nn.Linear, (9, 5), {}, (9,)),
    "conv1d": (nn.Conv1d, (4, 6, 3), {"stride": 2, "groups": 2}, (2, 4, 11)),
    "conv2d": (nn.Conv2d, (4, 6, 3), {"padding": 1}, (2, 4, 7, 6)),
    "conv2d depthwise": (nn.Conv2d, (4, 8, (3, 1)), {"groups": 4, "bias": False}, (2, 4, 7, 6)),
    "conv2d same, dilated": (nn.Conv2d, (4, 6, 3), {"padding": "same", "dilation": 2}, (2, 4, 7, 6)),
    "conv2d reflect": (nn.Conv2d, (4, 6, 3), {"padding": 2, "padding_mode": "reflect"}, (2, 4, 7, 6)),
    "conv2d circular, strides": (
        nn.Conv2d,
        (4, 6, 3),
        {"padding": (1, 2), "padding_mode": "circular", "stride": (2, 1)},
        (2, 4, 7, 6),
    ),
    "conv2d of one image": (nn.Conv2d, (4, 6, 3), {}, (4, 7, 6)),
    "conv2d of one channel": (nn.Conv2d, (1, 6, 3), {}, (2, 1, 7, 6)),
    "conv3d": (nn.Conv3d, (2, 3, 2), {"padding_mode": "replicate", "padding": 1}, (1, 2, 4, 5, 3)),
    "conv_transpose2d": (nn.ConvTranspose2d, (4, 6, 3), {"stride": 2, "output_padding": 1}, (2, 4, 5, 4)),
    "conv_transpose2d grouped": (nn.ConvTranspose2d, (4, 6, 3), {"groups": 2, "bias": False}, (2, 4, 5, 4)),
    "embedding": (nn.Embedding, (12, 8), {"padding_idx": 3}, (3, 5)),
}


def make_torch(name: str) -> nn.Module:
    cls, arguments, keywords, _ = CASES[name]
    torch.manual_seed(0)
    return cls(*arguments, **keywords)


def make_ours(name: str) -> nn.Module:
    cls, arguments, keywords, _ = CASES[name]
    torch.manual_seed(0)
    return getattr(cx_nn, cls.__name__)(*arguments, **keywords)


def make_input(name: str, seed: int = 1) -> torch.Tensor:
    cls, arguments, _, sizes = CASES[name]
    generator = torch.Generator().manual_seed(seed)
    if cls is nn.Embedding:
        return torch.randint(arguments[0], sizes, generator=generator)
    return torch.randn(sizes, generator=generator)


def run(layer: nn.Module, x: torch.Tensor) -> dict[str, torch.Tensor]:
    """Output and all gradients of a fixed, uneven loss."""
    layer.zero_grad()
    x = x.clone().requires_grad_() if x.is_floating_point() else x
    y = layer(x)
    weights = torch.randn(y.shape, generator=torch.Generator().manual_seed(7)).to(y.dtype)
    (y * weights).sum().backward()
    gradients = {name: parameter.grad for name, parameter in layer.named_parameters()}
    return copy.deepcopy({"y": y.detach(), "x": x.grad, **gradients})


WEIGHT_OPTIONS = {
    "tensor": QuantizerOptions(format="int8"),
    "channel": QuantizerOptions(format="int4", granularity="channel"),
    "asymmetric": QuantizerOptions(format="int8", granularity="channel", symmetric=False),
    "percentile": QuantizerOptions(format="int8", granularity="channel", observer="percentile", percentile=90),
}
INPUT_OPTIONS = {
    "tensor": QuantizerOptions(format="int8", symmetric=False, observer="moving_average"),
    "channel": QuantizerOptions(format="int8", granularity="channel", symmetric=False, observer="min_max"),
    "symmetric percentile": QuantizerOptions(format="int4", observer="percentile", percentile=95),
}


def channel_dim(scale: torch.Tensor) -> int:
    return max(range(scale.dim()), key=lambda dim: scale.shape[dim])


def torch_fake_quantize(x: torch.Tensor, quantizer) -> torch.Tensor:
    """What the quantizer computes, by torch's operators: the axis counted from the end."""
    scale = quantizer.scale.detach()
    zero_point = torch.zeros_like(scale) if quantizer.zero_point is None else quantizer.zero_point.detach()
    zero_point = zero_point.round().to(torch.int32)
    grid = (quantizer.quant_min, quantizer.quant_max)
    if scale.numel() == 1:
        return torch.fake_quantize_per_tensor_affine(x, scale.flatten()[0], zero_point.flatten()[0], *grid)
    axis = x.dim() - (scale.dim() - channel_dim(scale))
    return torch.fake_quantize_per_channel_affine(x, scale.flatten(), zero_point.flatten(), axis, *grid)
