"""Messages between the processes of a data-parallel training: many tensors in one."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, distributed


def is_distributed(group: distributed.ProcessGroup | None = None) -> bool:
    """group: None is the default one, here and below."""
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size(group) > 1


def is_first(group: distributed.ProcessGroup | None = None) -> bool:
    return not is_distributed(group) or distributed.get_rank(group) == 0


def broadcast(tensors: Sequence[Tensor], group: distributed.ProcessGroup | None = None) -> None:
    """Every process gets what the first one has, in place; one message for each type of tensor."""
    for kind in sorted({tensor.dtype for tensor in tensors}, key=str):
        _in_one_message(
            [tensor for tensor in tensors if tensor.dtype == kind],
            lambda message: distributed.broadcast(message, group=group, group_src=0),
        )


def reduce_max(tensors: Sequence[Tensor], group: distributed.ProcessGroup | None = None) -> None:
    """The largest over all processes, in place."""
    _in_one_message(tensors, lambda message: distributed.all_reduce(message, distributed.ReduceOp.MAX, group))


def reduce_sum(tensors: Sequence[Tensor], group: distributed.ProcessGroup | None = None) -> None:
    """The sum over all processes, in place."""
    _in_one_message(tensors, lambda message: distributed.all_reduce(message, group=group))


def reduce_mean(tensors: Sequence[Tensor], group: distributed.ProcessGroup | None = None) -> None:
    """The average over all processes, in place."""

    def average(message: Tensor) -> None:
        distributed.all_reduce(message, group=group)
        message /= distributed.get_world_size(group)

    _in_one_message(tensors, average)


@torch.no_grad()
def _in_one_message(tensors: Sequence[Tensor], send: Callable[[Tensor], object]) -> None:
    if not tensors:
        return
    message = torch.cat([tensor.detach().flatten().to(tensors[0].device) for tensor in tensors])
    send(message)
    for tensor, part in zip(tensors, message.split([tensor.numel() for tensor in tensors]), strict=True):
        tensor.copy_(part.view(tensor.shape))
