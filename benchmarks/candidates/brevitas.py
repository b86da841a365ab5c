"""Brevitas (AMD), https://github.com/Xilinx/brevitas: formulas in PyTorch, with straight-through functions."""

from benchmarks.candidates import Call
from benchmarks.operator_workloads import Case

REQUIRES = ["brevitas.core.quant"]


def fake_quantize(case: Case) -> Call | None:
    import torch
    from brevitas.core.function_wrapper import Identity
    from brevitas.core.quant import IntQuant

    if case.workload.has("group") or case.mask is not None:
        return None
    quantize = IntQuant(narrow_range=True, signed=True, input_view_impl=Identity())
    zero_point, bits = torch.tensor(0.0, device=case.x.device), torch.tensor(8.0, device=case.x.device)
    return Call(lambda: quantize(case.scale, zero_point, bits, case.x), case.inputs)


OPERATORS = {"fake_quantize": fake_quantize}


def train(model, batches, make_optimizer):
    """Ranges are calibrated first, as the other libraries do it: its default is 300 slow steps of percentiles."""
    import brevitas.nn as qnn
    import torch
    import torch.nn.functional as F
    from brevitas.graph.calibrate import calibration_mode
    from brevitas.graph.quantize import layerwise_quantize
    from brevitas.quant import Int8ActPerTensorFloat, Int8WeightPerChannelFloat

    int8 = {"weight_quant": Int8WeightPerChannelFloat, "input_quant": Int8ActPerTensorFloat}
    layers = {torch.nn.Conv2d: (qnn.QuantConv2d, int8), torch.nn.Linear: (qnn.QuantLinear, int8)}
    model = layerwise_quantize(model, compute_layer_map=layers)
    example, _ = next(batches)
    with torch.no_grad(), calibration_mode(model):
        model(example)
    optimizer = make_optimizer(model)
    for inputs, target in batches:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), target)
        loss.backward()
        optimizer.step()
        yield loss
