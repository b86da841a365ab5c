"""Which layer of torch becomes which of ours, in place: the module stays the same object, and so do its parameters."""

from torch import nn

from compress_ext.nn.batch_norm import BatchNorm1d, BatchNorm2d, BatchNorm3d, SyncBatchNorm
from compress_ext.nn.compressible import Compressible
from compress_ext.nn.conv import Conv1d, Conv2d, Conv3d, ConvTranspose2d
from compress_ext.nn.embedding import Embedding
from compress_ext.nn.linear import Linear

__all__ = ["BATCH_NORMS", "LAYERS", "convert_", "is_batch_norm", "is_layer", "revert_"]

#: Classes of torch, exactly (a subclass has a forward of its own), and what they become.
LAYERS: dict[type, type] = {
    nn.Linear: Linear,
    nn.Conv1d: Conv1d,
    nn.Conv2d: Conv2d,
    nn.Conv3d: Conv3d,
    nn.ConvTranspose2d: ConvTranspose2d,
    nn.Embedding: Embedding,
}
BATCH_NORMS: dict[type, type] = {
    nn.BatchNorm1d: BatchNorm1d,
    nn.BatchNorm2d: BatchNorm2d,
    nn.BatchNorm3d: BatchNorm3d,
    nn.SyncBatchNorm: SyncBatchNorm,
}
_TORCH_CLASS = {ours: torchs for torchs, ours in (LAYERS | BATCH_NORMS).items()}


def is_layer(module: nn.Module) -> bool:
    """Whether it is, or can become, a layer with slots."""
    return type(module) in LAYERS or isinstance(module, Compressible)


def is_batch_norm(module: nn.Module) -> bool:
    """Whether it is, or can become, a batch norm that freezes and folds."""
    return type(module) in BATCH_NORMS or type(module) in BATCH_NORMS.values()


def convert_(module: nn.Module) -> bool:
    """Makes a layer or batch norm of torch one of ours: its class changes, nothing else. False where it is one
    already."""
    ours = (LAYERS | BATCH_NORMS).get(type(module))
    if ours is None:
        return False
    module.__class__ = ours
    if isinstance(module, Compressible):
        module.make_slots()
    return True


def revert_(module: nn.Module) -> None:
    """Makes it torch's own again; what its slots hold is dropped."""
    if isinstance(module, Compressible):
        module.set_batch_norm(None)
        del module.weight_mask, module.weight_quantizer, module.input_quantizer
    for attribute in ("_batch_norm", "_producer", "frozen"):
        module.__dict__.pop(attribute, None)
    module.__class__ = _TORCH_CLASS[type(module)]
