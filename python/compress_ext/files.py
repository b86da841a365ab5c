"""Safetensors files: what the C++ trainer and Python exchange (https://github.com/huggingface/safetensors)."""

import os
from collections.abc import Mapping

from torch import Tensor, nn

from compress_ext import _C, packing


def save_safetensors(
    path: str | os.PathLike, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Writes ``tensors`` (any device, any strides) in their order. The file is written aside and renamed, so that a
    crash leaves the old file or the new one. Raises ``compress_ext.Error`` that names the file."""
    _C.save_safetensors(path, dict(tensors), dict(metadata or {}))


def load_safetensors(path: str | os.PathLike) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a file, on the CPU, and its metadata. Raises ``compress_ext.Error`` for a file that is missing,
    cut off or otherwise wrong."""
    return _C.load_safetensors(path)


def load_checkpoint(path: str | os.PathLike) -> dict[str, Tensor]:
    """The state dict of a run: plain tensors by name, on the CPU.

    path: a run's folder (its newest checkpoint), a checkpoint's folder, or a file. A packed file is taken apart as by
        :func:`load_packed`.

    Raises ``compress_ext.Error`` that says where it looked or what is wrong with the file.
    """
    return _C.load_checkpoint(path)


def load_packed(path: str | os.PathLike, model: nn.Module | None = None) -> dict[str, Tensor] | nn.Module:
    """The model of a packed file: ``model = cx.load_packed("model.safetensors", Model())``, where ``Model()`` is a
    fresh float model of the same layers. It becomes, in place, what ``Compressor.finalize()`` returned, in evaluation
    mode and bit for bit; use what is returned, which is another module where the root itself is a quantized layer.

    Without a model: the tensors that it computes with (docs/packed_format.md): ``<layer>.weight`` and ``<layer>.bias``
    as float32, the layer's batch norm included where it was folded in; for a layer that quantizes its input
    ``<layer>.input_quantizer.scale`` and ``.zero_point``; other tensors as they are.

    Raises ``compress_ext.Error`` for a file that is not packed, is damaged or belongs to another model, naming the
    layer, before the model is changed.
    """
    return _C.load_packed(path) if model is None else packing.load_into(path, model)
