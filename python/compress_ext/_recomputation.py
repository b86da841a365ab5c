"""Activation checkpointing (``torch.utils.checkpoint``) runs a forward pass twice."""

import torch


def is_recomputing() -> bool:
    """Whether this forward pass is the second one, inside the backward pass: what watched the first must not watch it
    again. Compiled code has no second pass of its own: there the compiler recomputes."""
    return not torch.compiler.is_compiling() and torch._C._current_graph_task_id() != -1
