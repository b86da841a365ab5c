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
