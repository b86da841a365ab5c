"""torchao (PyTorch), https://github.com/pytorch/ao: formulas in Python. Its QAT takes linear layers and embeddings."""

from benchmarks.candidates import Call
from benchmarks.operator_workloads import QUANT_MAX, QUANT_MIN, Case

REQUIRES = ["torchao.quantization"]


def fake_quantize(case: Case) -> Call | None:
    import torch
    from torchao.quantization.quant_primitives import _fake_quantize_affine

    if case.workload.has("learned") or case.mask is not None:
        return None
    rows, columns = case.workload.sizes
    if case.workload.has("tensor"):
        block = (rows, columns)
    else:
        block = (1, columns // case.scale.shape[1])
    zero_point = torch.zeros_like(case.scale, dtype=torch.int32)
    return Call(
        lambda: _fake_quantize_affine(case.x, block, case.scale, zero_point, torch.int8, QUANT_MIN, QUANT_MAX),
        case.inputs,
    )


OPERATORS = {"fake_quantize": fake_quantize}


def unsuited(model) -> str | None:
    """Why a network is left out: with its convolutions in float, a step would look cheaper than it is."""
    import torch

    if any(isinstance(module, torch.nn.Conv2d) for module in model.modules()):
        return "its quantize_ with QATConfig takes linear layers and embeddings, no convolutions"
    return None


def train(model, batches, make_optimizer):
    """Activations per token, its usual choice."""
    import torch
    import torch.nn.functional as F
    from torchao.quantization import quantize_
    from torchao.quantization.qat import IntxFakeQuantizeConfig, QATConfig

    activation = IntxFakeQuantizeConfig(torch.int8, "per_token", is_symmetric=False)
    weight = IntxFakeQuantizeConfig(torch.int8, "per_channel")
    quantize_(model, QATConfig(activation_config=activation, weight_config=weight, step="prepare"))
    optimizer = make_optimizer(model)
    for inputs, target in batches:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), target)
        loss.backward()
        optimizer.step()
        yield loss
