"""The operators, as functions with documentation. Each calls ``torch.ops.compress.<name>`` and nothing else, so they
work under autograd, ``torch.compile(fullgraph=True)``, CUDA graphs and on meta tensors.

**Granularity is the shape of** ``scale``: a scalar is one scale per tensor; otherwise ``scale`` has the rank of ``x``
and each of its sizes divides that of ``x``: ``[C, 1, 1, 1]`` per channel, ``[N, K / g]`` per group of ``g``,
``[N / b, K / b]`` per block, ``[T, 1]`` per token.

**A packed mask** holds one bit per element, row by row: see :func:`pack_mask`.

Wrong shapes, types or ranges raise ``RuntimeError("<operator>: what is wrong (got ..., expected ...)")`` before
anything is written. Values of ``scale`` are never looked at: that would wait for the device.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = [
    "apply_mask",
    "apply_mask_",
    "choose_qparams",
    "distillation_loss",
    "fake_quantize",
    "magnitude_mask",
    "magnitude_threshold",
    "observe_min_max_",
    "pack_mask",
    "unpack_mask",
]


def fake_quantize(
    x: Tensor,
    scale: Tensor,
    zero_point: Tensor | None,
    quant_min: int,
    quant_max: int,
    *,
    mask: Tensor | None = None,
    grad_factor: float = 1.0,
) -> Tensor:
    """Rounds ``x`` to an integer grid and back, with straight-through gradients (Jacob et al. 2018; LSQ, Esser et al.
    2020, for the gradient of ``scale``).

    ``(clamp(round(x / scale) + zero_point, quant_min, quant_max) - zero_point) * scale``, rounding half to even.

    x: float32, float64, float16 or bfloat16; any shape and strides.
    scale: float32, positive; its shape is the granularity. A gradient is computed where it requires one.
    zero_point: of scale's shape; int32 or int64, or float32 where it is learned; None is 0.
    quant_min, quant_max: the grid's ends, inclusive (int8: -128, 127; narrow -127, 127).
    mask: packed, of x's shape; a cleared element counts as zero and gets no gradient.
    grad_factor: multiplies the gradients of scale and zero_point (LSQ's g, section 2.2).

    Returns a tensor like x. Equal bit for bit to ``torch.fake_quantize_per_tensor_affine`` and ``..._per_channel_...``
    for finite x; larger values saturate and NaN stays NaN.
    """
    return torch.ops.compress.fake_quantize(
        x, scale, zero_point, quant_min, quant_max, mask=mask, grad_factor=grad_factor
    )


def observe_min_max_(min: Tensor, max: Tensor, x: Tensor, averaging: float) -> None:
    """Takes x's range into the observer state ``min``, ``max``, in place, in one pass and without waiting for the
    device.

    min, max: float32, of one shape that says the granularity; +inf and -inf before the first observation.
    averaging: 0 keeps the running minimum and maximum; in (0, 1] the state moves by ``averaging * (batch - state)``,
        as torch.ao's MovingAverageMinMaxObserver.

    NaN in x makes the state NaN, so that divergence is seen. An empty x changes nothing.
    """
    torch.ops.compress.observe_min_max_(min, max, x, averaging)


def choose_qparams(min: Tensor, max: Tensor, quant_min: int, quant_max: int, symmetric: bool) -> tuple[Tensor, Tensor]:
    """The scale (float32) and zero_point (int32), both of min's shape, of an observed range, which is widened to hold
    zero.

    Symmetric: ``scale = 2 * max(-min, max) / (quant_max - quant_min)``, zero_point 0. Asymmetric: ``scale = (max -
    min) / (quant_max - quant_min)``, ``zero_point = clamp(quant_min - round(min / scale))``, as torch.ao's
    MinMaxObserver. scale is at least float32's epsilon. A range never observed gives scale 1, zero_point 0.
    """
    return torch.ops.compress.choose_qparams(min, max, quant_min, quant_max, symmetric)


def magnitude_threshold(weights: Sequence[Tensor], sparsity: float) -> Tensor:
    """The k-th smallest magnitude over all weights together, ``k = round(sparsity * elements)``: a float32 scalar
    tensor. Exact, without concatenating the weights (global magnitude pruning, Han et al. 2015).

    weights: at least one; floating, any shapes, one device. sparsity: in [0, 1]; k = 0 gives -1, which prunes nothing.
    NaN counts as larger than every number.
    """
    return torch.ops.compress.magnitude_threshold(weights, sparsity)


def magnitude_mask(weight: Tensor, threshold: Tensor) -> Tensor:
    """The packed mask of the weights to keep: ``|weight| > threshold`` (a float32 scalar tensor). NaN is kept, so that
    it is seen."""
    return torch.ops.compress.magnitude_mask(weight, threshold)


def pack_mask(mask: Tensor) -> Tensor:
    """Packs a bool tensor to one bit per element, row by row so that the mask shards with its weight.

    Returns uint8 ``[size(0), ceil(row / 8)]``, or ``[ceil(n / 8)]`` for a vector or scalar. Bit i of byte j is element
    8j + i of the row in row-major order, 1 = kept; padding bits are 0.
    """
    return torch.ops.compress.pack_mask(mask)


def unpack_mask(mask: Tensor, sizes: Sequence[int]) -> Tensor:
    """The bool tensor of shape ``sizes`` that ``mask`` was packed from (see :func:`pack_mask`)."""
    return torch.ops.compress.unpack_mask(mask, sizes)


def apply_mask(x: Tensor, mask: Tensor) -> Tensor:
    """x where the packed mask keeps it, else exactly zero: a selection, so a pruned NaN or Inf becomes 0.
    Differentiable in x."""
    return torch.ops.compress.apply_mask(x, mask)


def apply_mask_(x: Tensor, mask: Tensor) -> Tensor:
    """:func:`apply_mask` in place, for weights after an optimizer step. Returns x. Not differentiable."""
    torch.ops.compress.apply_mask_(x, mask)
    return x


def distillation_loss(
    student_logits: Tensor,
    teacher_logits: Tensor,
    temperature: float,
    *,
    target: Tensor | None = None,
    alpha: float = 1.0,
) -> Tensor:
    """Knowledge distillation on logits (Hinton et al. 2015), fused over the last dimension, mean over rows::

        alpha * T^2 * KL(softmax(teacher / T) || softmax(student / T)) + (1 - alpha) * cross_entropy(student, target)

    student_logits, teacher_logits: ``[..., V]`` of one shape; float32, float64, float16 or bfloat16; accumulated in
        float32 (float64 for float64).
    temperature: T > 0. target: int64 class ids ``[...]``, needed where alpha < 1; rows with -100 are left out of the
        cross entropy and of its mean, as torch's.

    Returns a scalar of student's dtype (float32 for float16 and bfloat16). The gradient goes to the student only and
    is recomputed from the inputs: no tensor of ``[rows, V]`` is kept.
    """
    return torch.ops.compress.distillation_loss(student_logits, teacher_logits, temperature, target=target, alpha=alpha)
