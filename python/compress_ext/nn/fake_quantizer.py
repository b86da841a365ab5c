"""Observers and fake quantizers: what a layer's ``weight_quantizer`` and ``input_quantizer`` are."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from compress_ext import _C
from compress_ext._C import QuantizerOptions
from compress_ext._recomputation import is_recomputing

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

    def observe(self, x: Tensor, fold_factor: Tensor | None = None) -> None:
        """Takes the range of x into ``min`` and ``max``, and ``scale`` and ``zero_point`` from the range, in place and
        without waiting for the device. x may have more dimensions in front than ``scale``, or no batch dimension.
        With a fold_factor (``ops.observe_qparams_``) those of ``x * fold_factor``."""
        x = self._of_scales_rank(x)
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
            fold_factor=fold_factor,
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
        if self.training and not is_recomputing():
            self.observe(x)
        return x

    @torch.no_grad()
    def reset(self) -> None:
        """As new: nothing observed, scale 1."""
        for name, value in (("scale", 1), ("zero_point", 0), ("min", float("inf")), ("max", float("-inf"))):
            if getattr(self, name, None) is not None:
                getattr(self, name).fill_(value)

    def _of_scales_rank(self, x: Tensor) -> Tensor:
        # One scale per channel lies in the dimensions that a layer's input has without a batch: [N, T, C] meets [1, C].
        rank = self.scale.dim()
        return x if rank == 0 or x.dim() == rank else x.reshape(-1, *x.shape[x.dim() - rank + 1 :])

    def _apply(self, fn, recurse=True):
        # half() and to(bfloat16) are for weights: a scale stays float32, and is not rounded on the way.
        def keep_type(tensor: Tensor) -> Tensor:
            moved = fn(tensor)
            return moved if moved.dtype == tensor.dtype else tensor.to(moved.device)

        was_meta = self.scale.is_meta
        super()._apply(keep_type, recurse)
        if was_meta and not self.scale.is_meta:
            self.reset()  # to_empty() gave it memory that holds anything
        return self

    def extra_repr(self) -> str:
        grid = self.options.format + (", symmetric" if self.symmetric else "")
        return f"{grid}, scale={list(self.scale.shape)}, {self.options.observer}"


class FakeQuantizer(Observer):
    """Rounds a tensor to an integer grid and back, with straight-through gradients (Jacob et al. 2018).

    While ``enabled`` is False x goes through as it is, and so it does in evaluation mode before a first x was seen. In
    training mode an observed scale follows the range of x as long as ``observing``; a learned one (LSQ, Esser et al.
    2020) takes its first value from the first x and is then trained: ``scale``, and ``zero_point`` where asymmetric,
    are parameters.

    Arguments as :class:`Observer`; ``enabled`` as the attribute. Values as :func:`compress_ext.ops.fake_quantize`.
    Activation checkpointing observes once; inside ``torch.compile(fullgraph=True)`` it needs
    ``torch._dynamo.config.skip_fwd_side_effects_in_bwd_under_checkpoint = True``.
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
        self.initialized = False  #: the scale has its first value

    def _register(self, scale: Tensor, zero_point: Tensor | None, minimum: Tensor, maximum: Tensor) -> None:
        self.learned = self.options.scale == "learned"
        if not self.learned:
            super()._register(scale, zero_point, minimum, maximum)
            return
        self.scale = nn.Parameter(scale)
        self.register_parameter("zero_point", None if zero_point is None else nn.Parameter(zero_point))

    def forward(self, x: Tensor, mask: Tensor | None = None, fold_factor: Tensor | None = None) -> Tensor:
        """x on the grid.

        mask: packed, of x's shape: pruned elements count as zero (``ops.fake_quantize``).
        fold_factor: broadcast against x and scale; what is quantized is ``x * fold_factor``, and the result is divided
            by it again (``torch.ops.compress.fake_quantize_folded``).
        """
        if self.enabled and self.training and not is_recomputing():
            self._follow(x, fold_factor)
        if not self.quantizes:
            return x if mask is None else torch.ops.compress.apply_mask(x, mask)
        rows = self._of_scales_rank(x)
        y = self._quantize(rows, mask, fold_factor)
        return y if rows is x else y.view(x.shape)

    def _quantize(self, x: Tensor, mask: Tensor | None, fold_factor: Tensor | None) -> Tensor:
        ops, grid, ends = torch.ops.compress, (self.scale, self.zero_point), (self.quant_min, self.quant_max)
        if self.learned:
            return ops.fake_quantize_learnable(x, *grid, *ends, mask=mask, fold_factor=fold_factor)
        if fold_factor is not None:
            return ops.fake_quantize_folded(x, *grid, fold_factor, *ends, mask=mask)
        return ops.fake_quantize(x, *grid, *ends, mask=mask)

    @property
    def quantizes(self) -> bool:
        """Whether x comes out on the grid: enabled, and there is a scale."""
        return self.enabled and self.initialized

    def _follow(self, x: Tensor, fold_factor: Tensor | None) -> None:
        if not self.learned and self.observing:
            self.observe(x, fold_factor)
            self.initialized = True
        elif self.learned and not self.initialized:
            self._initialize(x if fold_factor is None else x * fold_factor)

    def reset(self) -> None:
        super().reset()
        self.initialized = False

    def has_seen(self) -> bool:
        """Whether the tensors, loaded from somewhere, are those of a quantizer that has seen an x. Waits for the
        device."""
        seen = (self.scale.detach() != 1) if self.learned else (self.min != float("inf"))
        return bool(seen.any())

    @torch.no_grad()
    def _initialize(self, x: Tensor) -> None:
        torch.ops.compress.initialize_learned_(
            self.scale.detach(),
            None if self.zero_point is None else self.zero_point.detach(),
            self._of_scales_rank(x.detach()),
            self.quant_min,
            self.quant_max,
            self.symmetric,
            skip_zeros=self.role == "weight",
        )
        self.initialized = True

    def _load_from_state_dict(self, state_dict, prefix, *args) -> None:
        super()._load_from_state_dict(state_dict, prefix, *args)
        if prefix + "scale" in state_dict and not self.scale.is_meta:
            self.initialized = self.has_seen()

    def extra_repr(self) -> str:
        grid = self.options.format + (", symmetric" if self.symmetric else "")
        source = "learned" if self.learned else self.options.observer
        return f"{grid}, scale={list(self.scale.shape)}, {source}" + ("" if self.enabled else ", off")
