"""Gradients of the parameters that came with a Compressor, averaged over processes.

DDP cannot have them: it fixes at its construction which parameters get a gradient in every step, and a learned scale
gets none before its quantizer is on, a projector lies outside of the model. FSDP2 shards no scalars. So they are
reduced here, in one message at the end of each backward pass, before anybody clips, unscales or steps.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence

import torch
from torch import distributed, nn

from compress_ext import _processes


class GradientReduction:
    """parameters: all that may get a gradient. active: those of them that take part now, the same in all processes;
    one that got no gradient in this process counts as zero."""

    def __init__(
        self,
        parameters: Sequence[nn.Parameter],
        active: Callable[[], Sequence[nn.Parameter]],
        group: distributed.ProcessGroup | None = None,
    ) -> None:
        self._active = active
        self._group = group
        self._backward = -1  # the backward pass whose end is awaited
        # A parameter that held this, which holds the model, would never be let go: the cycle passes through C++.
        arrived = weakref.WeakMethod(self._arrived)

        def hook(_: nn.Parameter) -> None:
            if (alive := arrived()) is not None:
                alive()

        self._handles = [parameter.register_post_accumulate_grad_hook(hook) for parameter in parameters]

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()

    def _arrived(self) -> None:
        backward = torch._C._current_graph_task_id()
        if backward != self._backward:
            self._backward = backward
            self._at_the_end_of_backward(lambda: self._at_the_end_of_backward(self._reduce))

    @staticmethod
    def _at_the_end_of_backward(callback: Callable[[], None]) -> None:
        # One that is queued in another runs after it, and so after what DDP queued during the pass: where DDP reduces a
        # scale itself (it was given a module round the model), its gradient is final by then, and its average itself.
        torch.autograd.Variable._execution_engine.queue_callback(callback)

    @torch.no_grad()
    def _reduce(self) -> None:
        gradients = []
        for parameter in self._active():
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
            gradients.append(parameter.grad)
        # Averaged again with what a later micro-batch added: the average of a sum is the sum of averages, so gradient
        # accumulation needs no no_sync() here.
        _processes.reduce_mean(gradients, self._group)
