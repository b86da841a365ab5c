"""Weights that FSDP2 or tensor parallelism shards (``torch.distributed.tensor``)."""

from torch import Tensor
from torch.distributed.tensor import DTensor, Replicate, Shard

from compress_ext.errors import UsageError


def mask_of_part(mask: Tensor, weight: DTensor) -> Tensor:
    """The rows of a packed mask that belong to what this process holds of the weight: a packed mask is cut where its
    weight is, between rows."""
    from torch.distributed.tensor._utils import compute_local_shape_and_global_offset

    for placement in weight.placements:
        if not isinstance(placement, (Replicate, Shard)) or (isinstance(placement, Shard) and placement.dim != 0):
            raise UsageError(
                f"a pruned weight must be sharded along dimension 0 (got {placement}); its mask is packed row by row"
            )
    shape, offset = compute_local_shape_and_global_offset(weight.shape, weight.device_mesh, weight.placements)
    return mask[offset[0] : offset[0] + shape[0]]
