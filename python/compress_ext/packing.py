"""Compressed models in the packed file of docs/packed_format.md, and back."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn

from compress_ext import _C, _finalize
from compress_ext._fast_path import fast_path_off
from compress_ext._model_calls import evaluation_mode
from compress_ext.errors import Error, UsageError
from compress_ext.nn import conversion
from compress_ext.nn.compressible import Compressible
from compress_ext.nn.fake_quantizer import FakeQuantizer

__all__ = ["deployed", "load_into", "remember", "save_packed", "unique_tensors"]


@dataclass(frozen=True)
class PackedLayer:
    """A compressed layer of a model that is finalized, or not yet, without its weight and bias."""

    name: str
    aliases: tuple[str, ...]  #: every name that it hangs under
    type: str
    batch_norm_folded: bool
    weight_quantizer: tuple | None  #: (options, scale, zero_point or None) where it is applied
    input_quantizer: tuple | None


#: What finalize() did to models that live, so that their integers can still be packed.
_finalized: WeakKeyDictionary[nn.Module, list[PackedLayer]] = WeakKeyDictionary()


def compressed_layers(model: nn.Module) -> list[tuple[PackedLayer, Compressible]]:
    """The layers of a model that have a slot filled."""
    names: dict[nn.Module, list[str]] = {}
    for name, module in model.named_modules(remove_duplicate=False):
        names.setdefault(module, []).append(name)
    layers = []
    with evaluation_mode(model):
        for module, aliases in names.items():
            if isinstance(module, Compressible) and module.has_filled_slots:
                layers.append((_describe(module, aliases), module))
    return layers


def remember(model: nn.Module, layers: list[PackedLayer]) -> None:
    """Keeps what the layers of a finalized model were, for as long as it lives."""
    _finalized[model] = layers


def save_packed(path: str | os.PathLike, model: nn.Module, metadata: Mapping[str, str] | None = None) -> None:
    """Writes a model with compressed layers, finalized or not, as a packed file."""
    network = deployed(model)
    if not network.compressed:
        raise UsageError(f"{path}: no layer of the model is pruned or quantized yet; save its state dict")
    network.save_packed(path, dict(metadata or {}))


def deployed(model: nn.Module) -> _C.DeployedNetwork:
    """The model as it is deployed: what is counted, listed and written of it."""
    model = _uncompiled(model)
    if model in _finalized:
        layers, rest = list(_baked(model, _finalized[model])), _rest_of_finalized(model, _finalized[model])
    else:
        compressed = compressed_layers(model)
        with evaluation_mode(model):
            layers = [(layer, *module.deployed_parameters()) for layer, module in compressed]
        rest = _rest_of_running(model, compressed)
    types = {name: type(module).__name__ for name, module in model.named_modules()}
    types |= {layer.name: layer.type for layer, _, _ in layers}
    network = _C.DeployedNetwork(list(types.items()))
    for layer, weight, bias in layers:
        if bias is not None and len(bias) != len(weight):  # of a transposed convolution
            rest[f"{layer.name}.bias"] = bias
            bias = None
        network.add_layer(
            layer.name, layer.type, weight, bias, layer.batch_norm_folded, layer.weight_quantizer, layer.input_quantizer
        )
    parameters = {name for name, tensor in rest.items() if isinstance(tensor, nn.Parameter)}
    network.set_plain({name: tensor.detach() for name, tensor in rest.items()}, parameters)
    return network


def unique_tensors(model: nn.Module) -> dict[str, Tensor]:
    """The state dict, each tensor once: under its first name where several modules share it."""
    model = _uncompiled(model)
    seen: set[int] = set()
    tensors = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        if isinstance(tensor, Tensor) and id(tensor) not in seen:
            seen.add(id(tensor))
            tensors[name] = tensor
    return tensors


def _uncompiled(model: nn.Module) -> nn.Module:
    """What ``torch.compile`` put its wrapper round."""
    return getattr(model, "_orig_mod", model)


# ---- what a layer is


def _describe(layer: Compressible, aliases: list[str]) -> PackedLayer:
    return PackedLayer(
        aliases[0],
        tuple(aliases),
        layer.layer_type,
        layer.folds_batch_norm,
        _grid(layer.weight_quantizer),
        _grid(layer.input_quantizer),
    )


def _grid(quantizer: FakeQuantizer | None) -> tuple | None:
    if quantizer is None or not quantizer.quantizes:
        return None
    zero_point = quantizer.zero_point
    return (
        quantizer.options,
        quantizer.scale.detach().clone(),
        None if zero_point is None else zero_point.detach().clone(),
    )


def _baked(model: nn.Module, layers: list[PackedLayer]) -> Iterator[tuple[PackedLayer, Tensor, Tensor | None]]:
    for layer in layers:
        module = model.get_submodule(_baked_name(layer, layer.name))
        bias = getattr(module, "bias", None)  # an embedding has none
        yield layer, module.weight.detach(), None if bias is None else bias.detach()


def _baked_name(layer: PackedLayer, name: str) -> str:
    """Where finalize() has put the layer that hung under ``name``."""
    return _dotted(name, "layer") if layer.input_quantizer is not None else name


def _dotted(module: str, name: str) -> str:
    return f"{module}.{name}" if module else name


# ---- the tensors that no packed layer holds


def _rest_of_finalized(model: nn.Module, layers: list[PackedLayer]) -> dict[str, Tensor]:
    packed = {name for layer in layers for alias in layer.aliases for name in _baked_tensors(layer, alias)}
    weights = {id(model.get_submodule(_baked_name(layer, layer.name)).weight) for layer in layers}
    return {
        name: tensor
        for name, tensor in unique_tensors(model).items()
        if name not in packed and id(tensor) not in weights  # a weight that is tied to a packed one
    }


def _baked_tensors(layer: PackedLayer, name: str) -> list[str]:
    baked = _baked_name(layer, name)
    quantizer = [_dotted(name, f"input_quantizer.{tensor}") for tensor in ("scale", "zero_point")]
    return [_dotted(baked, "weight"), _dotted(baked, "bias"), *quantizer]


def _rest_of_running(model: nn.Module, layers: list[tuple[PackedLayer, Compressible]]) -> dict[str, Tensor]:
    packed: set[str] = set()
    for layer, module in layers:
        for alias in layer.aliases:
            packed.update(_dotted(alias, name) for name in module.state_dict())
    folded = {module.batch_norm for layer, module in layers if layer.batch_norm_folded}
    for name, module in model.named_modules(remove_duplicate=False):
        if module in folded:
            packed.update(_dotted(name, tensor) for tensor in module.state_dict())
    return {name: tensor for name, tensor in unique_tensors(model).items() if name not in packed}


# ---- loading


@dataclass(frozen=True)
class _InputGrid:
    scale: Tensor
    zero_point: Tensor
    quant_min: int
    quant_max: int


def load_into(path: str | os.PathLike, model: nn.Module) -> nn.Module:
    """Puts a packed file into a fresh float model; what its root becomes."""
    layers, plain = _C.read_packed_layers(path)
    modules = dict(model.named_modules(remove_duplicate=False))
    for name, packed in layers.items():
        _check_layer(path, name, modules.get(name), packed[0])
    folded = _folded_batch_norms(path, model, layers, plain)
    writer = _Writer()
    with torch.no_grad():
        for name, tensor in plain.items():
            owner, _, attribute = name.rpartition(".")
            writer.write(modules[owner], attribute, tensor)
        for name, (weight, bias, _, _) in layers.items():
            writer.write(modules[name], "weight", weight)
            if bias is not None:
                writer.write(modules[name], "bias", bias)
    replacements: dict[nn.Module, nn.Module] = {batch_norm: nn.Identity() for batch_norm in folded}
    for name, (_, _, _, grid) in layers.items():
        if grid is not None:
            layer = modules[name]
            scale, zero_point, quant_min, quant_max = grid
            device = layer.weight.device
            quantizer = _InputGrid(scale.to(device), zero_point.to(device), quant_min, quant_max)
            replacements[layer] = _finalize.quantizing(layer, _finalize.plain_quantizer(quantizer))
    for module in model.modules():
        module.__dict__.update(fast_path_off(module))
    return _finalize.replace(model, replacements).eval()


class _Writer:
    """Copies into parameters and buffers. One that is tied to another is untied where their values differ."""

    def __init__(self) -> None:
        self._written: dict[int, Tensor] = {}

    def write(self, module: nn.Module, name: str, value: Tensor) -> None:
        old = getattr(module, name, None)
        if old is None or not torch.equal(self._written.get(id(old), value), value):
            like = next(module.parameters(recurse=False)) if old is None else old
            setattr(module, name, nn.Parameter(value.to(like), requires_grad=like.requires_grad))
            return
        self._written[id(old)] = value
        old.copy_(value)


def _check_layer(path: str | os.PathLike, name: str, module: nn.Module | None, weight: Tensor) -> None:
    where = f"{path}: layer '{name}'"
    if module is None:
        raise Error(f"{where}: the model has no such layer; the file belongs to another model")
    if isinstance(module, Compressible) and module.has_filled_slots:
        raise Error(f"{where}: the model's layer is compressed already; load into a fresh model")
    if not conversion.is_layer(module):
        raise Error(f"{where}: the model has a {type(module).__name__} there, which cannot be packed")
    if module.weight.shape != weight.shape:
        raise Error(
            f"{where}: its weight has shape {tuple(weight.shape)}, the model's layer {tuple(module.weight.shape)}; "
            "the file belongs to a model of other options"
        )


def _folded_batch_norms(path: str | os.PathLike, model: nn.Module, layers: Mapping, plain: Mapping) -> list[nn.Module]:
    """The batch norms that the file has no tensors of, since they are folded into layers. Raises Error where anything
    else is missing, unknown or of another shape."""
    own = {name: tensor for name, tensor in model.state_dict(keep_vars=True).items() if isinstance(tensor, Tensor)}
    given = {*plain, *(_dotted(layer, name) for layer in layers for name in ("weight", "bias"))}
    covered = {id(own[name]) for name in given if name in own}
    missing = {name for name, tensor in own.items() if id(tensor) not in covered}
    folded = []
    for name, module in model.named_modules():
        tensors = {_dotted(name, tensor) for tensor in module.state_dict()}
        if conversion.is_batch_norm(module) and tensors and tensors <= missing:
            folded.append(module)
            missing -= tensors
    if missing or len(folded) != sum(packed[2] for packed in layers.values()):
        what = sorted(missing)[:3] or [name for name, module in model.named_modules() if module in folded][:3]
        raise Error(f"{path}: lacks {', '.join(map(repr, what))}; the file belongs to a model of other options")
    made = {_dotted(name, "bias") for name in layers}
    for name, tensor in plain.items():
        if name in made and name not in own:
            continue  # of a transposed convolution whose batch norm is folded
        if name not in own or own[name].shape != tensor.shape:
            raise Error(f"{path}: holds '{name}', which the model does not have, or has in another shape")
    return folded
