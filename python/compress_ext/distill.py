"""Losses between a student and its teacher, as functions and as modules. The one on logits is
``compress_ext.ops.distillation_loss``."""

from torch import Tensor, nn

from compress_ext import _C, ops

__all__ = ["DistillationLoss", "FeatureLoss", "feature_loss"]


def feature_loss(student: Tensor, teacher: Tensor, kind: str = "mse") -> Tensor:
    """How far a student layer's features are from a teacher layer's: a scalar, differentiable in ``student``.

    kind: ``"mse"`` mean squared difference of equal shapes (Romero et al. 2015); ``"attention"`` distance of attention
        maps of ``[N, C, H, W]``, of which all but N may differ (Zagoruyko & Komodakis 2017, eq. 2); ``"relational"``
        Huber loss between normalised distances of all pairs of samples of ``[N, ...]`` (Park et al. 2019, eq. 4-6).

    float16 and bfloat16 are computed in, and give, float32. Raises UsageError that names both shapes where they do not
    fit, and the nearest kind for an unknown one.
    """
    return _C.feature_loss(student, teacher, kind)


class DistillationLoss(nn.Module):
    """:func:`compress_ext.ops.distillation_loss` as a module (Hinton et al. 2015): fused over the last dimension.

    temperature: T > 0. alpha: share of the teacher's term; below 1 ``forward`` needs the target.
    """

    def __init__(self, temperature: float = 4.0, alpha: float = 1.0) -> None:
        super().__init__()
        self.temperature = temperature
        self.alpha = alpha

    def forward(self, student_logits: Tensor, teacher_logits: Tensor, target: Tensor | None = None) -> Tensor:
        """Logits ``[..., V]`` of one shape, target int64 ``[...]``: a scalar."""
        return ops.distillation_loss(student_logits, teacher_logits, self.temperature, target=target, alpha=self.alpha)

    def extra_repr(self) -> str:
        return f"temperature={self.temperature}, alpha={self.alpha}"


class FeatureLoss(nn.Module):
    """:func:`feature_loss` as a module. kind: ``"mse"``, ``"attention"`` or ``"relational"``."""

    def __init__(self, kind: str = "mse") -> None:
        super().__init__()
        self.kind = kind

    def forward(self, student: Tensor, teacher: Tensor) -> Tensor:
        return feature_loss(student, teacher, self.kind)

    def extra_repr(self) -> str:
        return f"kind={self.kind!r}"
