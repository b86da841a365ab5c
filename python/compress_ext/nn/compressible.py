"""What every layer with a weight offers to the compression methods: slots, empty at first."""

from collections.abc import Callable

import torch
from torch import Tensor

from compress_ext import _C
from compress_ext._C import QuantizerOptions
from compress_ext._recomputation import is_recomputing
from compress_ext.errors import UsageError
from compress_ext.nn.fake_quantizer import FakeQuantizer

__all__ = ["Compressible"]


class Compressible:
    """Mixed into a layer of torch. An empty slot costs one comparison and changes nothing.

    Filled slots have the names that checkpoints use: buffer ``weight_mask`` (packed, see ``ops.pack_mask``), children
    ``weight_quantizer`` and ``input_quantizer`` (:class:`compress_ext.quant.FakeQuantizer`).
    """

    #: Dimension of the weight that holds output channels: one scale each with granularity 'channel'.
    output_dim = 0
    #: The batch norm after this layer, in a tuple so that it is no child of this module.
    _batch_norm: tuple = ()
    _divisor: Tensor | None = None

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.make_slots()

    def make_slots(self) -> None:
        """Makes the empty slots of a layer that was torch's own until now."""
        self.register_buffer("weight_mask", None)
        self.register_module("weight_quantizer", None)
        self.register_module("input_quantizer", None)

    def _apply(self, fn, recurse=True):
        was_meta = self.weight_mask is not None and self.weight_mask.is_meta
        super()._apply(fn, recurse)
        if was_meta and not self.weight_mask.is_meta:
            self.weight_mask = self._full_mask()  # to_empty() gave it memory that holds anything
        return self

    @property
    def has_filled_slots(self) -> bool:
        return any(slot is not None for slot in (self.weight_mask, self.weight_quantizer, self.input_quantizer))

    # ---- filling slots

    def add_weight_mask(self) -> None:
        """A mask that keeps all. Raises UsageError where there is one already."""
        self._check_empty("weight_mask")
        self.weight_mask = self._full_mask()

    def _full_mask(self) -> Tensor:
        return torch.ops.compress.pack_mask(torch.ones_like(self.weight, dtype=torch.bool))

    def add_weight_quantizer(self, options: QuantizerOptions) -> FakeQuantizer:
        """A quantizer of the weight, not enabled. Raises UsageError where there is one or it does not fit."""
        self._check_empty("weight_quantizer")
        self.weight_quantizer = FakeQuantizer(
            options,
            "weight",
            scale_sizes=self._weight_scale_sizes(options),
            device=self.weight.device,
            enabled=False,
        ).train(self.training)
        return self.weight_quantizer

    def add_input_quantizer(self, options: QuantizerOptions) -> FakeQuantizer:
        """A quantizer of the layer's input, not enabled. Raises UsageError where there is one, where it does not fit,
        and for a layer whose input is no real tensor."""
        self._check_empty("input_quantizer")
        channels = self.input_channel_sizes()
        if channels is None:
            raise UsageError(f"a layer of type {self.layer_type} has no input that can be quantized")
        self.input_quantizer = FakeQuantizer(
            options, "activation", channels, device=self.weight.device, enabled=False
        ).train(self.training)
        return self.input_quantizer

    def input_channel_sizes(self) -> tuple[int, ...] | None:
        """The shape of one scale per input channel; None where the input cannot be quantized."""
        raise NotImplementedError

    @property
    def layer_type(self) -> str:
        """'Linear', 'Conv2d', ...: what recipes select by."""
        return type(self).__name__

    def _weight_scale_sizes(self, options: QuantizerOptions) -> list[int]:
        if self.output_dim == 0 or options.granularity == "tensor":
            return _C.scale_sizes(options, "weight", list(self.weight.shape))
        if options.granularity != "channel":
            raise UsageError(
                f"granularity '{options.granularity}' does not fit a {self.layer_type} layer; use channel or tensor"
            )
        return [size if dim == self.output_dim else 1 for dim, size in enumerate(self.weight.shape)]

    def _check_empty(self, slot: str) -> None:
        if getattr(self, slot) is not None:
            raise UsageError(f"the slot {slot} of this {self.layer_type} layer is filled already")

    # ---- batch norm

    def set_batch_norm(self, batch_norm: torch.nn.Module | None) -> None:
        """Names the batch norm (``compress_ext.nn.BatchNorm*``) that normalises this layer's output and nothing else's.

        Both stay modules of their own. While the weight is not quantized nothing changes. Once it is, the weight is
        quantized as it will be deployed, folded (Jacob et al. 2018, section 3.2), this layer's forward normalises, and
        the batch norm lets its input through:

        statistics of the batch   ``batch_norm(conv(x, q(w * f) / f))``, f = fold factor, without gradient through f
        running statistics        ``conv(x, q(w * f), folded_bias)``: evaluation, and training once it is frozen

        None takes it away. Raises UsageError for other channel counts and for one without running statistics.
        """
        if self._batch_norm:
            self._batch_norm[0]._producer = ()
        self._batch_norm = ()
        if batch_norm is None:
            return
        if self.input_channel_sizes() is None:
            raise UsageError(f"a batch norm is not folded into a layer of type {self.layer_type}")
        channels = self.weight.shape[self.output_dim] * (self.groups if self.output_dim == 1 else 1)
        if batch_norm.num_features != channels:
            raise UsageError(
                f"the batch norm has {batch_norm.num_features} features, the {self.layer_type} {channels} outputs"
            )
        if batch_norm.running_var is None:
            raise UsageError("a batch norm without running statistics cannot be folded; set track_running_stats")
        self._batch_norm = (batch_norm,)
        batch_norm._producer = (self,)

    @property
    def batch_norm(self) -> torch.nn.Module | None:
        """The batch norm that is folded into this layer; None where there is none."""
        return self._batch_norm[0] if self._batch_norm else None

    @property
    def quantizes_weight(self) -> bool:
        quantizer = self.weight_quantizer
        return quantizer is not None and quantizer.enabled and (quantizer.training or quantizer.initialized)

    @property
    def folds_batch_norm(self) -> bool:
        """Whether this layer's forward normalises too."""
        return len(self._batch_norm) > 0 and self.quantizes_weight

    # ---- forward

    def compressed_weight(self, weight: Tensor | None = None, fold_factor: Tensor | None = None) -> Tensor:
        """The weight through mask and quantizer, in one pass; itself where both slots are empty. A fold_factor is
        ``FakeQuantizer.forward``'s, and asks for a quantizer."""
        weight = self.weight if weight is None else weight
        if self.weight_quantizer is not None:
            return self.weight_quantizer(weight, self.weight_mask, fold_factor)
        return weight if self.weight_mask is None else torch.ops.compress.apply_mask(weight, self.weight_mask)

    def compressed_input(self, x: Tensor) -> Tensor:
        return x if self.input_quantizer is None else self.input_quantizer(x)

    def compressed_forward(self, x: Tensor, compute: Callable[[Tensor, Tensor, Tensor | None], Tensor]) -> Tensor:
        """The layer's forward; ``compute(x, weight, bias)`` is its arithmetic."""
        x = self.compressed_input(x)
        if not self.folds_batch_norm:
            return compute(x, self.compressed_weight(), self.bias)
        batch_norm = self._batch_norm[0]
        if not batch_norm.uses_batch_statistics:
            return compute(x, self._deployed_weight(batch_norm), batch_norm.folded_bias(self.bias))
        # Quantized folded, then unfolded: the factor goes into the scale, not through weight or output.
        divisor = self._per_output(self._fold_divisor(batch_norm))
        return batch_norm.normalize(compute(x, self.compressed_weight(fold_factor=divisor), self.bias))

    def _fold_divisor(self, batch_norm: torch.nn.Module) -> Tensor:
        # A checkpoint's second pass must find the first one's again, though running statistics have moved since.
        if is_recomputing():
            return self._divisor
        divisor = batch_norm.fold_divisor()
        if not torch.compiler.is_compiling():
            self._divisor = divisor
        return divisor

    @torch.no_grad()
    def deployed_parameters(self) -> tuple[Tensor, Tensor | None]:
        """Weight and bias of the plain layer that computes what this one does in evaluation mode."""
        if not self.folds_batch_norm:
            return self.compressed_weight().detach(), self.bias
        batch_norm = self._batch_norm[0]
        return self._deployed_weight(batch_norm), batch_norm.folded_bias(self.bias)

    def _deployed_weight(self, batch_norm: torch.nn.Module) -> Tensor:
        factor = self._per_output(batch_norm.fold_factor())
        if self.weight.dtype not in (torch.float16, torch.bfloat16):
            return self.compressed_weight(self.weight * factor)
        # Rounded to 16 bits once, on the grid: a product rounded before would meet other integers than training's.
        return self.compressed_weight(self.weight.float() * factor.float()).to(self.weight.dtype)

    def _per_output(self, factor: Tensor) -> Tensor:
        """One factor per output channel, against the weight."""
        return factor.view([-1 if dim == self.output_dim else 1 for dim in range(self.weight.dim())])
