"""Batch norms that can stand still during training and be folded into the layer before them."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

__all__ = ["BatchNorm1d", "BatchNorm2d", "BatchNorm3d", "SyncBatchNorm"]


class _FoldingBatchNorm:
    """What compress_ext adds to a batch norm of torch, whose parameters, buffers and names stay.

    frozen: running statistics neither move nor give way to the batch's, also in training mode.
    """

    frozen: bool = False
    #: The layer before, in a tuple so that it is no child of this module; it normalises where it folds.
    _producer: tuple = ()

    @property
    def uses_batch_statistics(self) -> bool:
        """Whether normalising takes the batch's own statistics, not the running ones."""
        return self.training and not self.frozen

    def fold_factor(self) -> Tensor:
        """weight / sqrt(running_var + eps), ``[C]``."""
        return torch.ops.compress.batch_norm_fold_factor(self.weight, self.running_var, self.eps)

    def fold_divisor(self) -> Tensor:
        """:meth:`fold_factor` as a constant, 1 where it is 0: what a training step divides by."""
        weight = None if self.weight is None else self.weight.detach()
        return torch.ops.compress.batch_norm_fold_factor(weight, self.running_var, self.eps, nonzero=True)

    def folded_bias(self, layer_bias: Tensor | None) -> Tensor:
        """bias + (layer_bias - running_mean) * fold_factor, ``[C]``."""
        return torch.ops.compress.batch_norm_folded_bias(layer_bias, self.bias, self.running_mean, self.fold_factor())

    def normalize(self, x: Tensor) -> Tensor:
        """What a batch norm does: with the batch's statistics in training, with the running ones else."""
        if not self.frozen or self.running_var is None:
            return super().forward(x)
        return F.batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)

    def forward(self, input: Tensor) -> Tensor:
        if self._producer and self._producer[0].folds_batch_norm:
            return input  # the layer before has normalised it
        return self.normalize(input)


class BatchNorm1d(_FoldingBatchNorm, nn.BatchNorm1d):
    """``torch.nn.BatchNorm1d`` that can be frozen and folded."""


class BatchNorm2d(_FoldingBatchNorm, nn.BatchNorm2d):
    """``torch.nn.BatchNorm2d`` that can be frozen and folded."""


class BatchNorm3d(_FoldingBatchNorm, nn.BatchNorm3d):
    """``torch.nn.BatchNorm3d`` that can be frozen and folded."""


class SyncBatchNorm(_FoldingBatchNorm, nn.SyncBatchNorm):
    """``torch.nn.SyncBatchNorm`` that can be frozen and folded."""
