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
    "apply_masks_",
    "choose_float_scale",
    "choose_qparams",
    "distillation_loss",
    "fake_quantize",
    "fake_quantize_multi",
    "fake_quantize_float",
    "initialize_learned_",
    "magnitude_mask",
    "magnitude_mask_multi",
    "magnitude_threshold",
    "nm_mask",
    "observe_min_max_",
    "observe_multi_",
    "observe_qparams_",
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


def fake_quantize_multi(
    xs: Sequence[Tensor],
    scales: Sequence[Tensor],
    zero_points: Sequence[Tensor] | None,
    quant_min: int,
    quant_max: int,
    *,
    masks: Sequence[Tensor | None] | None = None,
    grad_factors: Sequence[float] | None = None,
) -> list[Tensor]:
    """:func:`fake_quantize` of many tensors on one grid in one call, such as a whole model's weights: one parallel
    region on the CPU, a launch for up to 38 tensors on CUDA. Results and gradients are the single operator's, bit for
    bit.

    Inputs are saved for the backward: scales must not change in between.

    xs: on one device; dtypes and shapes may differ.
    scales, zero_points, masks, grad_factors: one per x, as in :func:`fake_quantize`; None for none at all, and a mask
        may be None by itself.
    """
    return torch.ops.compress.fake_quantize_multi(
        xs,
        scales,
        zero_points or [],
        quant_min,
        quant_max,
        masks=masks or [],
        grad_factors=grad_factors or [],
    )


def fake_quantize_float(
    x: Tensor,
    scale: Tensor,
    exponent_bits: int,
    mantissa_bits: int,
    *,
    mask: Tensor | None = None,
) -> Tensor:
    """Rounds ``x`` to a small float format and back, ``cast(x / scale) * scale``, with straight-through gradients.

    The cast rounds half to even, keeps the format's subnormals, the sign of zero and NaN, and saturates at the format's
    largest value, infinity included (OCP Microscaling Formats Specification 1.0, section 6.3). Within the range it
    equals torch's casts bit for bit; beyond it those give NaN (``float8_e4m3fn``) or infinity (``float8_e5m2``).

    x: float32, float64, float16 or bfloat16; any shape and strides.
    scale: float32, positive; its shape is the granularity: ``[N, K / 32]`` for MX blocks, ``[N, K / 16]`` for NVFP4's.
        See :func:`choose_float_scale`. It is a constant: one that requires a gradient is an error.
    exponent_bits, mantissa_bits: 4, 3 (FP8 E4M3, largest 448); 5, 2 (FP8 E5M2, 57344); 3, 2 (FP6 E3M2, 28); 2, 3 (FP6
        E2M3, 7.5); 2, 1 (FP4 E2M1, 6).
    mask: packed, of x's shape; a cleared element counts as zero and gets no gradient.

    Returns a tensor like x. The gradient of x is zero where the rounding saturated.
    """
    return torch.ops.compress.fake_quantize_float(x, scale, exponent_bits, mantissa_bits, mask=mask)


def choose_float_scale(
    min: Tensor,
    max: Tensor,
    exponent_bits: int,
    mantissa_bits: int,
    *,
    scale_format: str = "float32",
    tensor_amax: Tensor | None = None,
) -> Tensor:
    """The scale (float32, of min's shape) for :func:`fake_quantize_float` of an observed range; of an ``amax`` alone,
    pass ``-amax, amax``. With ``largest`` the format's largest value:

    - ``"float32"``: ``amax / largest``, at least 2^-126.
    - ``"e8m0"``, MX: the power of two ``2^(floor(log2(amax)) - emax)``, within 2^-127..2^127 (OCP Microscaling Formats
      1.0, section 6.3).
    - ``"e4m3"``, NVFP4: ``amax / largest`` rounded to FP8 E4M3 (at least 2^-9) in units of ``tensor_amax / (448 *
      largest)``, times that unit. ``tensor_amax`` is one float32, the largest magnitude of the whole tensor.

    A range never observed (+inf, -inf) gives 1. NaN or infinity gives NaN, so that divergence is seen. Not
    differentiable.
    """
    return torch.ops.compress.choose_float_scale(
        min, max, exponent_bits, mantissa_bits, scale_format=scale_format, tensor_amax=tensor_amax
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


def observe_qparams_(
    min: Tensor,
    max: Tensor,
    scale: Tensor,
    zero_point: Tensor | None,
    x: Tensor,
    quant_min: int,
    quant_max: int,
    symmetric: bool,
    *,
    averaging: float = 0.0,
    forget: bool = False,
    percentile: float = 100.0,
    fold_factor: Tensor | None = None,
) -> None:
    """One step of an observer: :func:`observe_min_max_`, then :func:`choose_qparams`, all in place, in one pass over x
    and without waiting for the device.

    min, max: float32, of one shape that says the granularity; +inf and -inf before the first observation.
    scale: float32, of min's shape.
    zero_point: int32, int64 or float32, of min's shape; 0 where symmetric. None only where symmetric.
    averaging: 0 keeps the running minimum and maximum; in (0, 1] the range moves by ``averaging * (batch - range)``.
    forget: starts from an empty range: for weights, whose first, wild steps should not set the scale for ever.
    percentile: in (50, 100]; below 100 the observer sees the lower (100 - percentile) and upper ``percentile`` of each
        block, exact: the k-th of n values with ``k = ceil(percentile / 100 * n)``. This costs a selection.
    fold_factor: of any float type, of x's rank, each size 1 or x's: the observer sees ``x * fold_factor`` in float32, a
        weight with its batch norm folded in; no product is made where each scale has one factor.

    x is a constant for autograd; a learned scale is written under ``torch.no_grad()``. NaN in x makes the range and the
    scale NaN. An empty x changes nothing.
    """
    torch.ops.compress.observe_qparams_(
        min,
        max,
        scale,
        zero_point,
        x,
        quant_min,
        quant_max,
        symmetric,
        averaging=averaging,
        forget=forget,
        percentile=percentile,
        fold_factor=fold_factor,
    )


def observe_multi_(
    mins: Sequence[Tensor],
    maxs: Sequence[Tensor],
    scales: Sequence[Tensor],
    zero_points: Sequence[Tensor] | None,
    xs: Sequence[Tensor],
    quant_min: int,
    quant_max: int,
    symmetric: bool,
    *,
    averaging: float = 0.0,
    forget: bool = False,
) -> None:
    """:func:`observe_qparams_` on many tensors under one rule in one call, such as a whole model's weights. Each list
    holds one entry per x; zero_points may be None where symmetric. No two of the tensors that are written share memory.
    """
    torch.ops.compress.observe_multi_(
        mins,
        maxs,
        scales,
        zero_points or [],
        xs,
        quant_min,
        quant_max,
        symmetric,
        averaging=averaging,
        forget=forget,
    )


def initialize_learned_(
    scale: Tensor,
    zero_point: Tensor | None,
    x: Tensor,
    quant_min: int,
    quant_max: int,
    symmetric: bool,
    *,
    skip_zeros: bool = False,
) -> None:
    """First values of a learned scale (and zero_point) from the first x it meets, in place, under ``torch.no_grad()``
    where they are parameters.

    Symmetric: ``scale = 2 * mean(|x|) / sqrt(quant_max)`` of each block (LSQ, Esser et al. 2020, section 2.1), at least
    float32's epsilon, and zero_point, where there is one, 0. Asymmetric: the range of x (LSQ+, Bhalgat et al. 2020,
    section 3.2), as :func:`choose_qparams`.

    scale: float32; its shape is the granularity. zero_point: of scale's shape; None only where symmetric.
    skip_zeros: the mean leaves zeros out, as for pruned weights. An empty x changes nothing.
    """
    torch.ops.compress.initialize_learned_(scale, zero_point, x, quant_min, quant_max, symmetric, skip_zeros=skip_zeros)


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


def magnitude_mask_multi(weights: Sequence[Tensor], threshold: Tensor) -> list[Tensor]:
    """:func:`magnitude_mask` of many weights against one threshold, in one call. They are on one device; dtypes may
    differ."""
    return torch.ops.compress.magnitude_mask_multi(weights, threshold)


def nm_mask(score: Tensor, n: int, m: int) -> Tensor:
    """The packed mask that keeps the ``n`` largest ``|score|`` of every ``m`` consecutive elements, ``1 <= n <= m <=
    16``; 2:4 is what sparse tensor cores multiply (Mishra et al. 2021). Usually score is the weight itself.

    Groups run along dimension 1, the inputs: of a linear weight ``[out, in]`` and of a conv weight ``[out, in, kh,
    kw]`` (at each kernel position by itself); of a vector along its only dimension. Its size must be a multiple of m.
    Of equal magnitudes the first are kept. NaN counts as larger than infinity, so that it is seen.
    """
    return torch.ops.compress.nm_mask(score, n, m)


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


def apply_masks_(xs: Sequence[Tensor], masks: Sequence[Tensor]) -> None:
    """:func:`apply_mask_` on many tensors in one call, after an optimizer step. They are on one device and share no
    memory."""
    torch.ops.compress.apply_masks_(xs, masks)


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
