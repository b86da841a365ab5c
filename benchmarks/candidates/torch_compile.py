"""Plain PyTorch formulas, fused by ``torch.compile``: what a user gets without any library."""

import torch
import torch._functorch.config
import torch.nn.functional as F

from benchmarks.candidates import Call
from benchmarks.operator_workloads import QUANT_MAX, QUANT_MIN, TEMPERATURE, Case

torch._functorch.config.donated_buffer = False  # the backward alone is timed on a graph that is kept
torch._dynamo.config.cache_size_limit = 4096  # every workload has a graph of its own


def compiled(function):
    """A graph for this workload alone, of static shapes."""
    return torch.compile(function, fullgraph=True, dynamic=False)


def ste_round(x):
    """Rounds, with the gradient of the identity."""
    return x + (torch.round(x) - x).detach()


def fake_quantize(case: Case) -> Call:
    x, scale, mask = case.x, case.scale, case.mask
    rows, groups = (*scale.shape, 1, 1)[:2]

    def quantize(x, scale, mask):
        values = x.float() if mask is None else torch.where(mask, x, 0.0).float()
        if scale.dim():
            values = values.reshape(rows, groups, -1)
            scale = scale.unsqueeze(-1)
        integers = torch.clamp(ste_round(values / scale), QUANT_MIN, QUANT_MAX)
        return (integers * scale).reshape(x.shape).to(x.dtype)

    call = compiled(quantize)
    return Call(lambda: call(x, scale, mask), case.inputs)


def observe(case: Case) -> Call:
    data = case.data
    dim = 1 if case.workload.has("channel") else (0, 1)
    call = compiled(lambda x: (torch.amin(x, dim), torch.amax(x, dim)))
    return Call(lambda: call(data))


def mask(case: Case) -> Call | None:
    data, kept, limit = case.data, case.mask, case.threshold
    if case.workload.has("choose"):
        choose = compiled(lambda x, limit: x.abs() > limit)
        return Call(lambda: choose(data, limit))
    if case.workload.has("2:4"):
        return None
    apply = compiled(lambda x, kept: torch.where(kept, x, 0.0))
    return Call(lambda: apply(data, kept))


def distillation_loss(case: Case) -> Call:
    def loss(student, teacher):
        log_student = F.log_softmax(student.float() / TEMPERATURE, -1)
        soft_teacher = F.softmax(teacher.float() / TEMPERATURE, -1)
        return F.kl_div(log_student, soft_teacher, reduction="batchmean") * TEMPERATURE**2

    call = compiled(loss)
    return Call(lambda: call(case.x, case.teacher), case.inputs)


OPERATORS = {
    "fake_quantize": fake_quantize,
    "observe": observe,
    "mask": mask,
    "distillation_loss": distillation_loss,
}
