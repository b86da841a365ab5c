"""Losses between a student and its teacher. The one on logits is ``compress_ext.ops.distillation_loss``."""

from torch import Tensor

from compress_ext import _C

__all__ = ["feature_loss"]


def feature_loss(student: Tensor, teacher: Tensor, kind: str = "mse") -> Tensor:
    """How far a student layer's features are from a teacher layer's: a scalar, differentiable in ``student``.

    kind: ``"mse"`` mean squared difference of equal shapes (Romero et al. 2015); ``"attention"`` distance of attention
        maps of ``[N, C, H, W]``, of which all but N may differ (Zagoruyko & Komodakis 2017, eq. 2); ``"relational"``
        Huber loss between normalised distances of all pairs of samples of ``[N, ...]`` (Park et al. 2019, eq. 4-6).

    float16 and bfloat16 are computed in, and give, float32. Raises UsageError that names both shapes where they do not
    fit, and the nearest kind for an unknown one.
    """
    return _C.feature_loss(student, teacher, kind)
