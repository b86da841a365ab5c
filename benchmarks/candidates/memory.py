"""What moving the bytes costs: a copy into fresh memory, into memory that is there, and one that reads twice."""

import torch

from benchmarks.candidates import Call
from benchmarks.operator_workloads import VARIANTS, Case


def copy(case: Case) -> Call:
    """What an operator with a result of x's size must take; on a CPU large ones pay for fresh pages too."""
    data = case.data
    return Call(data.clone)


def copy_into(case: Case) -> Call:
    data = case.data
    target = torch.empty_like(data)
    return Call(lambda: target.copy_(data))


def add_into(case: Case) -> Call | None:
    """The floor of a backward: reads x and its gradient, writes one tensor."""
    if case.workload.direction == "forward" or case.workload.operator != "fake_quantize":
        return None
    data = case.data
    target = torch.empty_like(data)
    return Call(lambda: torch.add(data, case.grad, out=target))


FRESH = dict.fromkeys(VARIANTS, copy)
INTO = dict.fromkeys(VARIANTS, copy_into)
ADD = dict.fromkeys(VARIANTS, add_into)
