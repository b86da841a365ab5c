"""Quantizers on tensors: options, state and observers.

    options = QuantizerOptions(format="int8", granularity="channel")
    state = make_state(options, "weight", weight.shape)
    state.observe_(weight)
    y = state.apply(weight)             # differentiable
    integers = state.quantize(weight)   # int8

The granularity is the shape of ``state.scale``, as in ``compress_ext.ops``. A role, ``"weight"`` or ``"activation"``,
says where channels lie (dimension 0 of a weight; dimension 1 of an activation, the last one of a matrix) and what the
``min_max`` observer remembers (of a weight: the weight as it is now; of an activation: every batch).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from compress_ext import _C
from compress_ext._C import QuantizerOptions, QuantizerState
from compress_ext.nn.fake_quantizer import FakeQuantizer, Observer

__all__ = [
    "FakeQuantizer",
    "Observer",
    "QuantizerOptions",
    "QuantizerState",
    "default_activation_options",
    "default_weight_options",
    "gradient_factor",
    "keep_positive_",
    "make_state",
    "scale_sizes",
]


def default_weight_options() -> QuantizerOptions:
    """int8, symmetric, one scale per output channel, range of the weight as it is."""
    return _C.default_weight_options()


def default_activation_options() -> QuantizerOptions:
    """int8, asymmetric, one scale per tensor, moving average of each batch's range."""
    return _C.default_activation_options()


def make_state(
    options: QuantizerOptions, role: str, sizes: Sequence[int], device: torch.device | str = "cpu"
) -> QuantizerState:
    """A state for an x of ``sizes`` before any observation: scale 1, zero_point 0, an empty range. Raises UsageError
    where the granularity does not fit x."""
    return _C.make_state(options, role, sizes, torch.device(device))


def scale_sizes(options: QuantizerOptions, role: str, sizes: Sequence[int]) -> tuple[int, ...]:
    """The shape of the scale for an x of ``sizes``. Raises UsageError where the granularity does not fit x."""
    return _C.scale_sizes(options, role, sizes)


def gradient_factor(options: QuantizerOptions, x: Tensor, scale: Tensor) -> float:
    """LSQ's gradient factor ``1 / sqrt(elements per scale * quant_max)`` (Esser et al. 2020, section 2.2): the
    ``grad_factor`` of ``ops.fake_quantize`` for a learned scale."""
    return _C.gradient_factor(options, x, scale)


def keep_positive_(scales: Sequence[Tensor]) -> None:
    """Keeps learned scales positive after an optimizer step: float32's epsilon at least, in place."""
    _C.keep_positive_(list(scales))
