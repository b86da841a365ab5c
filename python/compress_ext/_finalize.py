"""A trained model as ordinary modules of torch."""

import operator

import torch
from torch import Tensor, nn

from compress_ext._model_calls import evaluation_mode
from compress_ext._network import Network
from compress_ext.nn import conversion
from compress_ext.nn.compressible import Compressible
from compress_ext.nn.fake_quantizer import FakeQuantizer

__all__ = ["finalize", "plain_quantizer", "quantizing", "replace"]


def plain_quantizer(quantizer: FakeQuantizer) -> nn.Module:
    """A module of torch alone, without a class of ours, that computes what a quantizer does in evaluation mode."""
    scale = quantizer.scale.detach()
    zero_point = quantizer.zero_point
    zero_point = torch.zeros_like(scale, dtype=torch.int32) if zero_point is None else zero_point.detach()
    zero_point = zero_point.round().clamp(quantizer.quant_min, quantizer.quant_max).to(torch.int32)
    constants = nn.Module()
    graph = torch.fx.Graph()
    x = graph.placeholder("x")
    grid = (quantizer.quant_min, quantizer.quant_max)
    if scale.numel() == 1:
        # Numbers, not buffers: a cast of the model to bfloat16 does not round them.
        y = graph.call_function(torch.fake_quantize_per_tensor_affine, (x, scale.item(), zero_point.item(), *grid))
    else:
        constants.register_buffer("scale", scale.flatten().clone())
        constants.register_buffer("zero_point", zero_point.flatten())
        # Counted from the end, where the channels of an input without a batch, or with more dimensions, lie too.
        channel = scale.dim() - max(range(scale.dim()), key=lambda dim: scale.shape[dim])
        axis = graph.call_function(operator.sub, (graph.call_method("dim", (x,)), channel))
        real = graph.call_method("float", (graph.get_attr("scale"),))
        arguments = (x, real, graph.get_attr("zero_point"), axis, *grid)
        y = graph.call_function(torch.fake_quantize_per_channel_affine, arguments)
    graph.output(y)
    return torch.fx.GraphModule(constants, graph, "FakeQuantize")


def finalize(model: nn.Module, network: Network) -> nn.Module:
    """Bakes masks and quantization into ``model``, in place; what its root becomes."""
    layers = [module for module in model.modules() if isinstance(module, Compressible)]
    with evaluation_mode(model):
        folded = {layer.batch_norm for layer in layers if layer.folds_batch_norm}
        _bake_parameters(model, layers)
    replacements: dict[nn.Module, nn.Module] = {
        batch_norm: nn.Identity().train(batch_norm.training) for batch_norm in folded
    }
    for layer in layers:
        quantizer = layer.input_quantizer
        conversion.revert_(layer)
        if quantizer is not None and quantizer.quantizes:
            replacements[layer] = quantizing(layer, plain_quantizer(quantizer))
    for batch_norm in network.batch_norms():
        conversion.revert_(batch_norm)
    network.remove_hooks()
    return replace(model, replacements)


def _bake_parameters(model: nn.Module, layers: list[Compressible]) -> None:
    """Gives the layers their deployed weights and biases, in place: whoever holds a parameter sees the change. Tied
    weights stay tied where all that hold one deploy the same values; else each layer gets one of its own."""
    holders: dict[nn.Parameter, list[nn.Module]] = {}
    for module in model.modules():
        for parameter in module._parameters.values():
            holders.setdefault(parameter, []).append(module)
    tied: dict[nn.Parameter, list[Compressible]] = {}
    for layer in layers:
        tied.setdefault(layer.weight, []).append(layer)
    for weight, group in tied.items():
        deployed = {layer: layer.deployed_parameters() for layer in group}
        values = [deployed[holder][0] if holder in deployed else weight for holder in holders[weight]]
        stays = all(torch.equal(value, values[0]) for value in values)
        for layer, (new_weight, new_bias) in deployed.items():
            if new_bias is not layer.bias:
                _set(layer, "bias", new_bias, in_place=layer.bias is not None and len(holders[layer.bias]) == 1)
            _set(layer, "weight", new_weight, in_place=stays)


def _set(layer: nn.Module, name: str, value: Tensor, in_place: bool) -> None:
    old = getattr(layer, name)
    if in_place:
        old.copy_(value)
    else:
        setattr(layer, name, nn.Parameter(value.clone(), requires_grad=layer.weight.requires_grad))


def quantizing(layer: nn.Module, quantizer: nn.Module) -> nn.Module:
    """The layer behind the quantizer of its input."""
    both = nn.Sequential()
    both.add_module("input_quantizer", quantizer)
    both.add_module("layer", layer)
    for module in (quantizer, both):
        module.training = layer.training
    # For code that asks model.fc.weight for its type or shape; not registered, so that each parameter counts once.
    both.__dict__.update(weight=layer.weight, bias=layer.bias)
    return both


def replace(model: nn.Module, replacements: dict[nn.Module, nn.Module]) -> nn.Module:
    # By every name under which a module hangs: a shared one hangs in several places, maybe of one parent.
    made = set(replacements.values())
    for parent in list(model.modules()):
        if parent not in made:
            for name, child in parent._modules.items():
                parent._modules[name] = replacements.get(child, child)
    return replacements.get(model, model)
