"""What keeps the processes of a distributed training in step. Weights are equal already, and masks follow from weights;
observers, first values of learned scales, gradients of scales and projectors, and batch norms come from other batches
in each process. docs/distributed.md says what is sent when."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, distributed, nn

from compress_ext import _processes, _sharding
from compress_ext._gradient_reduction import GradientReduction
from compress_ext.errors import UsageError
from compress_ext.nn import conversion
from compress_ext.nn.compressible import Compressible
from compress_ext.nn.fake_quantizer import FakeQuantizer


class Synchronizer:
    """model: its quantizers, masks and batch norms are looked after. projectors: parameters of distillation, outside
    the model. group: the processes; None is the default group.

    Every method is called by all processes alike.
    """

    def __init__(
        self,
        model: nn.Module,
        projectors: Sequence[nn.Parameter] = (),
        group: distributed.ProcessGroup | None = None,
    ) -> None:
        self.quantizers = [module for module in model.modules() if isinstance(module, FakeQuantizer)]
        self._learned = [quantizer for quantizer in self.quantizers if quantizer.learned]
        self._first_scales_due = list(self._learned)
        self._model = model
        self._projectors = list(projectors)
        self._group = group
        self._reduction: GradientReduction | None = None
        self._handles: list[torch.utils.hooks.RemovableHandle] = []
        self._checked = False
        self._ignored_by_ddp = _hide_from_ddp(model, self.quantizers)

    def start(self) -> None:
        """What was made, drawn or loaded in each process for itself becomes that of the first."""
        if not _processes.is_distributed(self._group):
            return
        if self._reduction is None:
            parameters = [*self._scales(self._learned), *self._projectors]
            self._reduction = GradientReduction(parameters, self._trained_now, self._group)
            self._count_all_elements()
        self._first_scales_due = [quantizer for quantizer in self._learned if not quantizer.initialized]
        _processes.broadcast([tensor for tensor in self._own_tensors() if not tensor.is_meta], self._group)

    def step(self, *, last: bool) -> None:
        """After an optimizer step, before schedules move. last: no step follows."""
        if not _processes.is_distributed(self._group):
            return
        if self._reduction is None:
            self.start()  # the processes found each other only now
        if not self._checked:
            self._check_batch_norms()
            self._checked = True
        self._reduce_ranges()
        self._average_first_scales()
        if last or any(quantizer.enabled for quantizer in self.quantizers):
            self._share_batch_norms()

    def stop(self) -> None:
        """Leaves nothing behind on the model."""
        if self._reduction is not None:
            self._reduction.remove()
        for handle in self._handles:
            handle.remove()
        _show_to_ddp(self._model, self._ignored_by_ddp)

    # ---- observers

    def _reduce_ranges(self) -> None:
        """All ranges become those of one batch: the min over processes of ``state + a * (batch - state)`` is that of
        the min of their batches, since all start from one state."""
        observing = [
            quantizer
            for quantizer in self.quantizers
            if quantizer.enabled and quantizer.observing and not quantizer.learned and quantizer.role == "activation"
        ]
        # One message: the maximum of -min and of max.
        ranges = [(-quantizer.min, quantizer.max.clone()) for quantizer in observing]
        _processes.reduce_max([bound for pair in ranges for bound in pair], self._group)
        for quantizer, (negated_min, maximum) in zip(observing, ranges, strict=True):
            quantizer.set_range(-negated_min, maximum)

    # ---- learned scales and projectors

    def _trained_now(self) -> list[nn.Parameter]:
        return self._scales([quantizer for quantizer in self._learned if quantizer.enabled]) + self._projectors

    @staticmethod
    def _scales(quantizers: Sequence[FakeQuantizer]) -> list[nn.Parameter]:
        return [
            parameter
            for quantizer in quantizers
            for parameter in quantizer.parameters(recurse=False)
            if parameter.requires_grad
        ]

    def _count_all_elements(self) -> None:
        """LSQ multiplies the gradient of a scale with 1 / sqrt(elements * quant_max): those of an activation count
        in all processes, as if one had the whole batch."""
        factor = distributed.get_world_size(self._group) ** -0.5
        activations = [quantizer for quantizer in self._learned if quantizer.role == "activation"]
        self._handles = [
            parameter.register_hook(lambda gradient: gradient * factor) for parameter in self._scales(activations)
        ]

    @torch.no_grad()
    def _average_first_scales(self) -> None:
        """Once per learned scale, after the step in which it got its first value: the average over the processes that
        have one. Waits for the device, that once."""
        due = [quantizer for quantizer in self._first_scales_due if quantizer.enabled]
        if not due:
            return
        for quantizer in due:
            self._check_not_sharded(quantizer)
        device = due[0].scale.device
        counts = torch.tensor([float(quantizer.initialized) for quantizer in due], device=device)
        values = [
            [parameter.detach() * float(quantizer.initialized) for parameter in quantizer.parameters(recurse=False)]
            for quantizer in due
        ]
        _processes.reduce_sum([counts, *(value for each in values for value in each)], self._group)
        for quantizer, count, sums in zip(due, counts.tolist(), values, strict=True):
            if count > 0:
                for parameter, total in zip(quantizer.parameters(recurse=False), sums, strict=True):
                    parameter.copy_(total / count)
                quantizer.initialized = True
        self._first_scales_due = [quantizer for quantizer in self._first_scales_due if not quantizer.initialized]

    @staticmethod
    def _check_not_sharded(quantizer: FakeQuantizer) -> None:
        if any(_sharding.is_sharded(parameter) for parameter in quantizer.parameters(recurse=False)):
            raise UsageError(
                "Compressor: a learned scale is sharded; call fully_shard(..., "
                "ignored_params=set(compressor.added_parameters())), for every module"
            )

    # ---- batch norms

    def _check_batch_norms(self) -> None:
        modules = set(self._model.modules())
        for name, layer in self._model.named_modules():
            if isinstance(layer, Compressible) and layer.batch_norm is not None and layer.batch_norm not in modules:
                raise UsageError(
                    f"Compressor: the batch norm that is folded into layer '{name}' was replaced; call "
                    "SyncBatchNorm.convert_sync_batchnorm before the Compressor is made"
                )

    def _share_batch_norms(self) -> None:
        """Running statistics become those of the first process, as DDP's broadcast_buffers makes them before each
        forward pass: a quantized weight holds them, and frozen ones stay as they are."""
        statistics = [
            statistic
            for module in self._model.modules()
            if conversion.is_batch_norm(module) and module.running_var is not None and not module.frozen
            for statistic in (module.running_mean, module.running_var)
        ]
        _processes.broadcast(statistics, self._group)

    def _own_tensors(self) -> list[Tensor]:
        masks = [
            module.weight_mask
            for module in self._model.modules()
            if isinstance(module, Compressible) and module.weight_mask is not None
        ]
        states = [
            tensor
            for quantizer in self.quantizers
            for tensor in (*quantizer.parameters(recurse=False), *quantizer.buffers(recurse=False))
        ]
        return masks + [tensor for tensor in states if not _sharding.is_sharded(tensor)] + self._projectors


def _hide_from_ddp(model: nn.Module, quantizers: Sequence[FakeQuantizer]) -> list[str]:
    """Names to DDP what it must neither reduce nor broadcast, since the Synchronizer does: the tensors of quantizers
    and masks. Those names."""
    ours = {id(tensor) for quantizer in quantizers for tensor in (*quantizer.parameters(), *quantizer.buffers())}
    ours |= {id(module.weight_mask) for module in model.modules() if isinstance(module, Compressible)}
    tensors = (*model.named_parameters(remove_duplicate=False), *model.named_buffers(remove_duplicate=False))
    names = [name for name, tensor in tensors if id(tensor) in ours]
    # torch has no public setter for this list; it calls this one a workaround until there is one.
    before = getattr(model, "_ddp_params_and_buffers_to_ignore", ())
    if names:
        nn.parallel.DistributedDataParallel._set_params_and_buffers_to_ignore_for_model(model, [*before, *names])
    return names


def _show_to_ddp(model: nn.Module, names: Sequence[str]) -> None:
    if names:
        model._ddp_params_and_buffers_to_ignore = [
            name for name in model._ddp_params_and_buffers_to_ignore if name not in names
        ]
