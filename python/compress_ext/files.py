"""Safetensors files: what the C++ trainer and Python exchange (https://github.com/huggingface/safetensors)."""

import os
from collections.abc import Mapping

from torch import Tensor

from compress_ext import _C


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
