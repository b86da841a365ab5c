"""A trained model as ordinary modules of torch."""

import torch
from torch import Tensor, nn

from compress_ext._network import Network
from compress_ext.nn import conversion
from compress_ext.nn.compressible import Compressible
from compress_ext.nn.fake_quantizer import FakeQuantizer

__all__ = ["finalize"]


class _GridConstants(nn.Module):
    """Holds what the graph of a plain quantizer reads."""


def plain_quantizer(quantizer: FakeQuantizer) -> nn.Module:
    """A module of torch alone, without a class of ours, that computes what an enabled quantizer does in evaluation
    mode."""
    scale = quantizer.scale.detach().clone()
    zero_point = quantizer.zero_point
    zero_point = torch.zeros_like(scale, dtype=torch.int32) if zero_point is None else zero_point.detach()
    zero_point = zero_point.round().clamp(quantizer.quant_min, quantizer.quant_max).to(torch.int32)
    constants = nn.Module()
    constants.register_buffer("scale", scale.flatten() if scale.dim() else scale)
    constants.register_buffer("zero_point", zero_point.flatten() if scale.dim() else zero_point)
    graph = torch.fx.Graph()
    x = graph.placeholder("x")
    arguments = [x, graph.get_attr("scale"), graph.get_attr("zero_point")]
    function = torch.fake_quantize_per_tensor_affine
    if scale.dim():
        function = torch.fake_quantize_per_channel_affine
        arguments.append(max(range(scale.dim()), key=lambda dim: scale.shape[dim]))
    graph.output(graph.call_function(function, (*arguments, quantizer.quant_min, quantizer.quant_max)))
    return torch.fx.GraphModule(constants, graph, "FakeQuantize")


def finalize(model: nn.Module, network: Network) -> nn.Module:
    """Bakes masks and quantization into ``model``, in place; what its root becomes."""
    layers = [module for module in model.modules() if isinstance(module, Compressible)]
    folded = {layer.batch_norm for layer in layers if layer.folds_batch_norm}
    replacements: dict[nn.Module, nn.Module] = {batch_norm: nn.Identity() for batch_norm in folded}
    for layer in layers:
        _bake_weight(layer)
        quantizer = layer.input_quantizer
        conversion.revert_(layer)
        if quantizer is not None and quantizer.enabled:
            replacements[layer] = nn.Sequential()
            replacements[layer].add_module("input_quantizer", plain_quantizer(quantizer).train(layer.training))
            replacements[layer].add_module("layer", layer)
            replacements[layer].training = layer.training
    for batch_norm in network.batch_norms():
        conversion.revert_(batch_norm)
    network.remove_hooks()
    return _replace(model, replacements)


@torch.no_grad()
def _bake_weight(layer: Compressible) -> None:
    weight, bias = layer.deployed_parameters()
    if weight is not layer.weight:
        _set(layer, "weight", weight)
    if bias is not layer.bias:
        _set(layer, "bias", bias)


def _set(layer: nn.Module, name: str, value: Tensor) -> None:
    old = getattr(layer, name)
    if isinstance(old, nn.Parameter) and old.shape == value.shape:
        old.copy_(value)  # the same parameter: whoever holds it sees the change
    else:
        setattr(layer, name, nn.Parameter(value))


def _replace(model: nn.Module, replacements: dict[nn.Module, nn.Module]) -> nn.Module:
    # Named by every place where a module hangs: a shared one hangs in several.
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if child in replacements and parent not in replacements.values():
                setattr(parent, name, replacements[child])
    return replacements.get(model, model)
