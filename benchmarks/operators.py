"""The operator benchmark: each candidate's operators on the same tensors, beside a copy of them."""

import sys

import torch

from benchmarks import candidates, records, timing
from benchmarks.environment import synchronizer
from benchmarks.operator_workloads import Case, Workload, bytes_needed, make_case

REFERENCE = "copy"


def in_direction(call: candidates.Call, case: Case):
    """What is timed: the call, its backward on a graph that is there, or both."""
    direction = case.workload.direction
    if direction == "forward" or not call.inputs:
        return call.forward
    if direction == "both":
        return lambda: torch.autograd.grad(call.forward(), call.inputs, case.grad)
    result = call.forward()
    return lambda: torch.autograd.grad(result, call.inputs, case.grad, retain_graph=True)


def first_line(error: Exception) -> str:
    text = str(error).strip().splitlines()
    return f"{type(error).__name__}: {text[0][:160]}" if text else type(error).__name__


def prepare(case: Case, available: dict[str, candidates.Operators], notes: list[str]) -> dict:
    """The candidates' calls on this case. One that fails is named in ``notes`` and left out."""
    calls = {}
    for name, operators in available.items():
        make = operators.get(case.workload.operator)
        try:
            call = make(case) if make else None
            if call is None:
                continue
            timed = in_direction(call, case)
            timed()
        except Exception as error:  # whatever a peer raises on an input that it cannot take
            notes.append(f"{name} fails on {case.workload.name}: {first_line(error)}")
            continue
        calls[name] = timed
    return calls


def measure(
    workloads: list[Workload], available: dict[str, candidates.Operators], device: str, budget: float, notes: list[str]
) -> list[dict]:
    """Records of all workloads. ``bandwidth`` is the share of the copy's bytes per second that a candidate reaches,
    counting the bytes that must move at least."""
    found = []
    for workload in workloads:
        print(f"  {workload.name}", file=sys.stderr, flush=True)
        case = make_case(workload, device)
        calls = prepare(case, available, notes)
        samples = timing.interleaved(calls, synchronizer(device), budget)
        copied = 2 * case.x.numel() * case.x.element_size()
        for record in records.make_records(workload.name, samples, REFERENCE):
            record["bandwidth"] = bytes_needed(workload) / copied / record["ratio"]
            found.append(record)
    return found
