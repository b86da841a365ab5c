"""feature_loss as Python sees it; its values are tested in tests/cpp/distill."""

import compress_ext
import pytest
import torch
from compress_ext import distill


@pytest.mark.parametrize("kind", ["mse", "attention", "relational"])
def test_the_gradient_goes_to_the_student_only(kind):
    student = torch.randn(4, 3, 5, 5, dtype=torch.float64, requires_grad=True)
    teacher = torch.randn(4, 3, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: distill.feature_loss(x, teacher, kind), student)
    distill.feature_loss(student, teacher, kind).backward()
    assert teacher.grad is None


def test_mse_is_torchs():
    student, teacher = torch.randn(4, 6), torch.randn(4, 6)
    expected = torch.nn.functional.mse_loss(student, teacher)
    assert distill.feature_loss(student, teacher).item() == pytest.approx(expected.item(), rel=1e-6)  # float32 sums


def test_errors_name_shapes_and_kinds():
    with pytest.raises(compress_ext.UsageError, match=r"\[4, 6\].*\[4, 5\]"):
        distill.feature_loss(torch.ones(4, 6), torch.ones(4, 5))
    with pytest.raises(compress_ext.UsageError, match="did you mean 'attention'"):
        distill.feature_loss(torch.ones(4, 6), torch.ones(4, 6), "atention")
