"""Pruning of weights in place: which share at which step (``SparsitySchedule``), and which weights (``Pruner``)."""

from compress_ext._C import Pruner, SparsitySchedule

__all__ = ["Pruner", "SparsitySchedule"]
