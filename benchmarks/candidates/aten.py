"""What PyTorch itself has: fused fake-quantize operators, and compositions where it has none."""

import torch
import torch.nn.functional as F

from benchmarks.candidates import Call
from benchmarks.operator_workloads import LARGEST_E4M3, QUANT_MAX, QUANT_MIN, SPARSITY, TEMPERATURE, Case


def fake_quantize(case: Case) -> Call | None:
    if case.workload.has("group"):
        return None
    channel, learned = case.workload.has("channel"), case.workload.has("learned")
    x, scale, mask = case.x, case.scale, case.mask
    zero = torch.zeros((), device=x.device, dtype=x.dtype)
    # ATen takes one scale per channel as a vector: a view, so that the scale's gradient is still that of the leaf.
    flat = scale.flatten() if channel else scale.reshape(1) if learned else scale
    zeros = torch.zeros_like(flat, dtype=torch.float32 if learned else torch.int32, requires_grad=False)

    def quantize(values):
        if learned and channel:
            return torch._fake_quantize_learnable_per_channel_affine(values, flat, zeros, 0, QUANT_MIN, QUANT_MAX, 1.0)
        if learned:
            return torch._fake_quantize_learnable_per_tensor_affine(values, flat, zeros, QUANT_MIN, QUANT_MAX, 1.0)
        if channel:
            return torch.fake_quantize_per_channel_affine(values, flat, zeros, 0, QUANT_MIN, QUANT_MAX)
        return torch.fake_quantize_per_tensor_affine(values, flat, zeros, QUANT_MIN, QUANT_MAX)

    forward = (lambda: quantize(torch.where(mask, x, zero))) if mask is not None else (lambda: quantize(x))
    return Call(forward, case.inputs)


def fake_quantize_float(case: Case) -> Call:
    """Clamped first, since the cast gives NaN beyond the largest value."""
    data, scale = case.data, case.scale
    return Call(
        lambda: (
            (data / scale).clamp(-LARGEST_E4M3, LARGEST_E4M3).to(torch.float8_e4m3fn).to(torch.float32) * scale
        ).to(data.dtype)
    )


def observe(case: Case) -> Call:
    """One batch's range; moving the average is not counted."""
    data = case.data
    if case.workload.has("channel"):
        return Call(lambda: torch.aminmax(data, dim=1))
    return Call(lambda: torch.aminmax(data))


def observe_and_fake_quantize(case: Case) -> Call:
    data, device = case.data, case.x.device
    on = torch.ones(1, dtype=torch.int64, device=device)
    low, high = torch.full((1,), float("inf"), device=device), torch.full((1,), float("-inf"), device=device)
    scale, zero_point = torch.ones(1, device=device), torch.zeros(1, dtype=torch.int32, device=device)
    return Call(
        lambda: torch.fused_moving_avg_obs_fake_quant(
            data, on, on, low, high, scale, zero_point, 0.01, 0, 255, 0, False, False
        )
    )


def threshold(case: Case) -> Call:
    """Global magnitude pruning as it is mostly written."""
    count = round(SPARSITY * case.x.numel())
    return Call(lambda: torch.cat([weight.flatten() for weight in case.weights]).abs().kthvalue(count).values)


def mask(case: Case) -> Call:
    data, kept, limit = case.data, case.mask, case.threshold
    if case.workload.has("choose"):
        return Call(lambda: data.abs() > limit)
    if case.workload.has("2:4"):
        return Call(lambda: largest_of_groups(data, 2, 4))
    zero = torch.zeros((), device=data.device, dtype=data.dtype)
    return Call(lambda: torch.where(kept, data, zero))


def largest_of_groups(data, n: int, m: int):
    """The mask of the n largest magnitudes of m consecutive elements."""
    groups = data.abs().view(-1, m)
    kept = torch.zeros_like(groups, dtype=torch.bool)
    return kept.scatter_(1, groups.topk(n, sorted=False).indices, True).view(data.shape)


def distillation_loss(case: Case) -> Call:
    student, teacher = case.x, case.teacher

    def loss():
        log_student = F.log_softmax(student.float() / TEMPERATURE, -1)
        soft_teacher = F.softmax(teacher.float() / TEMPERATURE, -1)
        return F.kl_div(log_student, soft_teacher, reduction="batchmean") * TEMPERATURE**2

    return Call(loss, case.inputs)


OPERATORS = {
    "fake_quantize": fake_quantize,
    "fake_quantize_float": fake_quantize_float,
    "observe": observe,
    "observe_and_fake_quantize": observe_and_fake_quantize,
    "threshold": threshold,
    "mask": mask,
    "distillation_loss": distillation_loss,
}
