"""The C++ reference networks, whose checkpoints the C++ trainer and Python share."""

import os
from collections.abc import Mapping

from compress_ext import _C
from compress_ext._C import Network

__all__ = ["Network", "load", "make"]


def make(options: Mapping | str, input_shape: tuple[int, int, int] = (1, 8, 8), classes: int = 10) -> Network:
    """A network with fresh parameters from torch's generator (``torch.manual_seed``).

    options: the block ``model`` of a config, as a dict or as YAML: ``{"type": "convnet", "width": 24}``, ``{"type":
        "mlp", "hidden": [300, 100]}``, ``{"type": "resnet", "depth": 20}``.
    input_shape: ``(channels, height, width)`` of an image. classes: logits per image.

    Raises UsageError that names the key and what it allows.
    """
    return _C.make_network(options if isinstance(options, str) else dict(options), input_shape, classes)


def load(path: str | os.PathLike) -> Network:
    """The network of a run's final ``model.safetensors``, packed or plain, as it is deployed, in evaluation mode.
    Raises ``compress_ext.Error`` for a file that no run wrote."""
    return _C.load_model(path)
