"""NNCF (Intel), https://github.com/openvinotoolkit/nncf: own C++ and CUDA kernels, compiled on first use."""

from benchmarks.candidates import Call
from benchmarks.operator_workloads import QUANT_MAX, QUANT_MIN, Case

REQUIRES = ["nncf", "nncf.torch"]


def fake_quantize(case: Case) -> Call | None:
    """Its operator computes the scale's gradient even where nobody asks for it; it has no groups."""
    from nncf.torch.quantization.quantize_functions import symmetric_quantize

    learned = case.workload.has("learned")
    if case.workload.has("group") or case.mask is not None:
        return None
    scale = (case.scale.detach() * QUANT_MAX).reshape(case.scale.shape or (1,)).requires_grad_(learned)
    return Call(
        lambda: symmetric_quantize(case.x, QUANT_MAX - QUANT_MIN + 1, QUANT_MIN, QUANT_MAX, scale, 1e-16),
        [case.x, scale] if learned else [case.x],
    )


OPERATORS = {"fake_quantize": fake_quantize}


def train(model, batches, make_optimizer):
    import nncf
    import torch.nn.functional as F

    example, _ = next(batches)
    model = nncf.quantize(model.eval(), nncf.Dataset([example])).train()
    optimizer = make_optimizer(model)
    for inputs, target in batches:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), target)
        loss.backward()
        optimizer.step()
        yield loss
