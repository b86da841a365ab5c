"""Layers of ``torch.nn`` with compression slots: same arguments, names, initialisation; subclasses of torch's own, so
that ``isinstance`` and code written for torch keep working. :class:`compress_ext.Compressor` makes them of a model's
layers in place; they can be built by hand as well::

    layer = cx.nn.Conv2d(3, 16, 3)
    layer.add_weight_mask()
    layer.add_weight_quantizer(cx.quant.default_weight_options()).enabled = True

``weight`` and ``bias`` stay; slots are the buffer ``weight_mask`` and the children ``weight_quantizer`` and
``input_quantizer``, under the names of the C++ layers' checkpoints. A batch norm is folded by
``layer.set_batch_norm(batch_norm)``.
"""

from compress_ext.nn.batch_norm import BatchNorm1d, BatchNorm2d, BatchNorm3d, SyncBatchNorm
from compress_ext.nn.compressible import Compressible
from compress_ext.nn.conv import Conv1d, Conv2d, Conv3d, ConvTranspose2d
from compress_ext.nn.embedding import Embedding
from compress_ext.nn.fake_quantizer import FakeQuantizer, Observer
from compress_ext.nn.linear import Linear

__all__ = [
    "BatchNorm1d",
    "BatchNorm2d",
    "BatchNorm3d",
    "Compressible",
    "Conv1d",
    "Conv2d",
    "Conv3d",
    "ConvTranspose2d",
    "Embedding",
    "FakeQuantizer",
    "Linear",
    "Observer",
    "SyncBatchNorm",
]
