"""What keeps the processes of a distributed training in step: observers that saw other batches, learned scales whose
first values came from other batches. Weights are equal already, and masks follow from weights."""

import torch
from torch import distributed, nn

from compress_ext.nn.fake_quantizer import FakeQuantizer


def is_distributed() -> bool:
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def is_first_process() -> bool:
    return not is_distributed() or distributed.get_rank() == 0


class Synchronizer:
    """Of the quantizers of a model. ``step`` is called by all processes after every optimizer step."""

    def __init__(self, model: nn.Module) -> None:
        self.quantizers = [module for module in model.modules() if isinstance(module, FakeQuantizer)]
        self._unequal = [quantizer for quantizer in self.quantizers if quantizer.learned]

    @torch.no_grad()
    def step(self) -> None:
        if not is_distributed():
            return
        self._reduce_ranges()
        self._average_first_scales()

    def _reduce_ranges(self) -> None:
        """All ranges become those of one batch: the min over processes of ``state + a * (batch - state)`` is that of
        the min of their batches, since all start from one state."""
        observing = [
            quantizer
            for quantizer in self.quantizers
            if quantizer.enabled and quantizer.observing and not quantizer.learned and quantizer.role == "activation"
        ]
        if not observing:
            return
        # One message: the maximum of -min and of max.
        ranges = torch.cat([part.flatten() for q in observing for part in (-q.min, q.max)])
        distributed.all_reduce(ranges, distributed.ReduceOp.MAX)
        offset = 0
        for quantizer in observing:
            count = quantizer.min.numel()
            low, high = ranges[offset : offset + count], ranges[offset + count : offset + 2 * count]
            quantizer.set_range(-low.view_as(quantizer.min), high.view_as(quantizer.max))
            offset += 2 * count

    def _average_first_scales(self) -> None:
        """Once per learned scale, after the step in which it got its first value."""
        fresh = [quantizer for quantizer in self._unequal if quantizer.initialized]
        if not fresh:
            return
        parameters = [parameter for quantizer in fresh for parameter in quantizer.parameters(recurse=False)]
        values = torch.cat([parameter.flatten() for parameter in parameters])
        distributed.all_reduce(values)
        values /= distributed.get_world_size()
        for parameter, value in zip(parameters, values.split([p.numel() for p in parameters]), strict=True):
            parameter.copy_(value.view_as(parameter))
        self._unequal = [quantizer for quantizer in self._unequal if not quantizer.initialized]
