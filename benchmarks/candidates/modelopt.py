"""ModelOpt (NVIDIA), https://github.com/NVIDIA/Model-Optimizer: CUDA kernels, formulas in Python on a CPU."""

from benchmarks.candidates import Call
from benchmarks.operator_workloads import LARGEST_E4M3, QUANT_MAX, TEMPERATURE, Case

REQUIRES = ["modelopt.torch.quantization", "modelopt.torch.distill", "modelopt.torch.sparsity"]


def fake_quantize(case: Case) -> Call | None:
    from modelopt.torch.quantization.tensor_quant import fake_tensor_quant

    if case.workload.has("learned") or case.workload.has("group") or case.mask is not None:
        return None
    largest = case.scale * QUANT_MAX
    return Call(lambda: fake_tensor_quant(case.x, largest), case.inputs)


def fake_quantize_float(case: Case) -> Call:
    from modelopt.torch.quantization.tensor_quant import scaled_e4m3

    largest = case.scale * LARGEST_E4M3
    return Call(lambda: scaled_e4m3(case.data, largest, None, 4, 3))


def mask(case: Case) -> Call | None:
    from modelopt.torch.sparsity.weight_sparsity.magnitude import m4n2_1d

    if not case.workload.has("2:4"):
        return None
    return Call(lambda: m4n2_1d(case.data))


def distillation_loss(case: Case) -> Call:
    """In float32, since the loss is of the logits' type."""
    from modelopt.torch.distill import LogitsDistillationLoss

    loss = LogitsDistillationLoss(TEMPERATURE, reduction="batchmean")
    return Call(lambda: loss(case.x.float(), case.teacher.float()), case.inputs)


OPERATORS = {
    "fake_quantize": fake_quantize,
    "fake_quantize_float": fake_quantize_float,
    "mask": mask,
    "distillation_loss": distillation_loss,
}


def train(model, batches, make_optimizer):
    import modelopt.torch.quantization as mtq
    import torch.nn.functional as F

    example, _ = next(batches)
    model = mtq.quantize(model, mtq.INT8_DEFAULT_CFG, lambda model: model(example))
    optimizer = make_optimizer(model)
    for inputs, target in batches:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), target)
        loss.backward()
        optimizer.step()
        yield loss
