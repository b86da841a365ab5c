"""Weights that FSDP2 shards (``torch.distributed.tensor``)."""

import sys

from torch import Tensor, nn

from compress_ext.errors import UsageError


def is_sharded(tensor: Tensor) -> bool:
    """Whether each process holds a part of it; the module that could have made it so is not imported for the answer."""
    module = sys.modules.get("torch.distributed.tensor")
    return module is not None and isinstance(tensor, module.DTensor)


def whole(tensor: Tensor) -> Tensor:
    """All of it, without a graph; of a sharded one a gathered copy, which every process must ask for."""
    tensor = tensor.detach()
    return tensor.full_tensor() if is_sharded(tensor) else tensor


def part(tensor: Tensor) -> Tensor:
    """What this process holds of it, in place and without a graph."""
    tensor = tensor.detach()
    return tensor.to_local() if is_sharded(tensor) else tensor


def mask_of_part(mask: Tensor, weight: Tensor, layer: str) -> Tensor:
    """The rows of a packed mask that belong to what this process holds of the weight: a packed mask is cut where its
    weight is, between rows."""
    if not is_sharded(weight):
        return mask
    from torch.distributed.tensor import Replicate, Shard
    from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

    for placement in weight.placements:
        if type(placement) not in (Replicate, Shard) or (isinstance(placement, Shard) and placement.dim != 0):
            raise UsageError(
                f"prune: the weight of layer '{layer}' is sharded as {placement}, but its mask is packed row by row; "
                "let shard_placement_fn of fully_shard return Shard(0) for it, or leave the layer out (prune.exclude)"
            )
    shape, offset = compute_local_shape_and_global_offset(weight.shape, weight.device_mesh, weight.placements)
    return mask[offset[0] : offset[0] + shape[0]]


def check_whole(model: nn.Module, message: str) -> None:
    """Raises UsageError where a parameter is sharded."""
    for name, parameter in model.named_parameters():
        if is_sharded(parameter):
            raise UsageError(f"{message} ('{name}' is sharded)")
