"""Observers and fake quantizers: what a layer's ``weight_quantizer`` and ``input_quantizer`` are."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from compress_ext import _C
from compress_ext._C import QuantizerOptions

__all__ = ["FakeQuantizer", "Observer"]


class Observer(nn.Module):
    """Watches the range of a tensor and keeps the scale and zero point that it asks for.

    options: how the tensor is quantized; ``options.observer`` says how the range is taken.
    role: ``"weight"`` or ``"activation"``: which dimension channels lie in, and what ``min_max`` remembers.
    sizes: of the tensor. Of an activation only the rank and the channels matter: ``(1, C, 1, 1)``.
    scale_sizes: of the scale, where it is not what options and role say (see ``ops``: the shape is the granularity).

    Buffers, all float32 whatever the module is cast to: ``scale``, ``min``, ``max``, and ``zero_point`` (int32) where
    asymmetric. Raises UsageError where the granularity does not fit ``sizes``.
    """

    def __init__(
        self,
        options: QuantizerOptions,
        role: str,
        sizes: Sequence[int] = (),
        *,
        scale_sizes: Sequence[int] | None = None,
        device: torch.device | str | None = None,
    ) -> None:
        super().__init__()
        self.options = options
        self.role = role
        self.quant_min = options.quant_min
        self.quant_max = options.quant_max
        self.symmetric = options.symmetric
        self.averaging, self.forget, self.percentile = _C.observation(options, role)
        if scale_sizes is None:
            scale_sizes = _C.scale_sizes(options, role, list(sizes))
        device = torch.get_default_device() if device is None else torch.device(device)
        self._register(*_C.make_tensors(options, list(scale_sizes), device))

    def _register(self, scale: Tensor, zero_point: Tensor | None, minimum: Tensor, maximum: Tensor) -> None:
        self.register_buffer("scale", scale)
        self.register_buffer("zero_point", zero_point)
        self.register_buffer("min", minimum)
        self.register_buffer("max", maximum)

    def observe(self, x: Tensor) -> None:
        """Takes the range of x into ``min`` and ``max``, and ``scale`` and ``zero_point`` from the range, in place and
        without waiting for the device."""
        torch.ops.compress.observe_qparams_(
            self.min,
            self.max,
            self.scale,
            self.zero_point,
            x,
            self.quant_min,
            self.quant_max,
            self.symmetric,
            averaging=self.averaging,
            forget=self.forget,
            percentile=self.percentile,
        )

    def set_range(self, minimum: Tensor, maximum: Tensor) -> None:
        """Takes a range, of ``min``'s shape, and the scale and zero point that it asks for."""
        self.min.copy_(minimum)
        self.max.copy_(maximum)
        scale, zero_point = torch.ops.compress.choose_qparams(
            self.min, self.max, self.quant_min, self.quant_max, self.symmetric
        )
        self.scale.copy_(scale)
        if self.zero_point is not None:
            self.zero_point.copy_(zero_point)

    def forward(self, x: Tensor) -> Tensor:
        """x itself; in training mode the range of x is taken first."""
        if self.training:
            self.observe(x)
        return x

    def _apply(self, fn, recurse=True):
        # half() and to(bfloat16) are for weights: a scale stays float32, and is not rounded on the way.
        def keep_type(tensor: Tensor) -> Tensor:
            moved = fn(tensor)
            return moved if moved.dtype == tensor.dtype else tensor.to(moved.device)

        return super()._apply(keep_type, recurse)

    def extra_repr(self) -> str:
        grid = self.options.format + (", symmetric" if self.symmetric else "")
        return f"{grid}, scale={list(self.scale.shape)}, {self.options.observer}"


class FakeQuantizer(Observer):
    """Rounds a tensor to an integer grid and back, with straight-through gradients (Jacob et al. 2018).

    While ``enabled`` is False x goes through as it is. In training mode an observed scale follows the range of x as
    long as ``observing``; a learned one (LSQ, Esser et al. 2020) takes its first value from the first x and is then
    trained: ``scale``, and ``zero_point`` where asymmetric, are parameters.

    Arguments as :class:`Observer`; ``enabled`` as the attribute. Values as :func:`compress_ext.ops.fake_quantize`.
    """

    def __init__(
        self,
        options: QuantizerOptions,
        role: str,
        sizes: Sequence[int] = (),
        *,
        scale_sizes: Sequence[int] | None = None,
        device: torch.device | str | None = None,
        enabled: bool = True,
    ) -> None:
        super().__init__(options, role, sizes, scale_sizes=scale_sizes, device=device)
        self.enabled = enabled  #: quantizes
        self.observing = True  #: the range still moves
        self.initialized = False  #: a learned scale has its first value

    def _register(self, scale: Tensor, zero_point: Tensor | None, minimum: Tensor, maximum: Tensor) -> None:
        self.learned = self.options.scale == "learned"
        if not self.learned:
            super()._register(scale, zero_point, minimum, maximum)
            return
        self.scale = nn.Parameter(scale)
        self.register_parameter("zero_point", None if zero_point is None else nn.Parameter(zero_point))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """x on the grid. mask: packed, of x's shape: pruned elements count as zero (``ops.fake_quantize``)."""
        if not self.enabled:
            return x if mask is None else torch.ops.compress.apply_mask(x, mask)
        if self.learned:
            return self._learned(x, mask)
        if self.training and self.observing:
            self.observe(x)
        return torch.ops.compress.fake_quantize(
            x, self.scale, self.zero_point, self.quant_min, self.quant_max, mask=mask
        )

    def _learned(self, x: Tensor, mask: Tensor | None) -> Tensor:
        if self.training and not self.initialized:
            self._initialize(x)
        return torch.ops.compress.fake_quantize_learnable(
            x, self.scale, self.zero_point, self.quant_min, self.quant_max, mask=mask
        )

    @torch.no_grad()
    def _initialize(self, x: Tensor) -> None:
        torch.ops.compress.initialize_learned_(
            self.scale.detach(),
            None if self.zero_point is None else self.zero_point.detach(),
            x.detach(),
            self.quant_min,
            self.quant_max,
            self.symmetric,
            skip_zeros=self.role == "weight",
        )
        self.initialized = True

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args)
        # A scale that left its place at 1 was trained, or initialised, where it was saved.
        loaded = state_dict.get(prefix + "scale")
        if self.learned and loaded is not None:
            self.initialized = bool((loaded != 1).any())

    def extra_repr(self) -> str:
        grid = self.options.format + (", symmetric" if self.symmetric else "")
        source = "learned" if self.learned else self.options.observer
        return f"{grid}, scale={list(self.scale.shape)}, {source}" + ("" if self.enabled else ", off")
