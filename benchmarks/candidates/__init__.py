"""The candidates, one file each. None but torch is needed: one that cannot be imported is named and left out.

A file of operators has ``OPERATORS``: operator's name -> a function that makes a :class:`Call` for a case, or None
where the library has no such thing. A file of steps has ``train(model, batches, make_optimizer)``, a whole training
loop as its user would write it, which yields after each step: its lines are counted, and its steps are timed. It may
have ``unsuited(model)``, which says why a network is left out.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field

from torch import Tensor

from benchmarks.operator_workloads import Case


@dataclass
class Call:
    """``forward()`` gives a tensor that is differentiated with respect to ``inputs``. Without inputs the call is timed
    as it is, in each direction."""

    forward: Callable[[], Tensor]
    inputs: list[Tensor] = field(default_factory=list)


Operators = dict[str, Callable[[Case], Call | None]]

# candidate -> file and attribute of its operators
OPERATOR_CANDIDATES = {
    "copy": ("memory", "FRESH"),
    "copy into": ("memory", "INTO"),
    "add into": ("memory", "ADD"),
    "compress_ext": ("compress_ext", "OPERATORS"),
    "aten": ("aten", "OPERATORS"),
    "torch.compile": ("torch_compile", "OPERATORS"),
    "nncf": ("nncf", "OPERATORS"),
    "torchao": ("torchao", "OPERATORS"),
    "modelopt": ("modelopt", "OPERATORS"),
    "brevitas": ("brevitas", "OPERATORS"),
}

# candidate -> file and training loop
STEP_CANDIDATES = {
    "float": ("plain", "train"),
    "float+distillation": ("plain", "train_distilled"),
    "compress_ext": ("compress_ext", "train"),
    "compress_ext+nothing": ("compress_ext", "train_unchanged"),
    "compress_ext+masks+distillation": ("compress_ext", "train_everything"),
    "torch.ao": ("torch_ao", "train"),
    "torchao": ("torchao", "train"),
    "nncf": ("nncf", "train"),
    "modelopt": ("modelopt", "train"),
    "brevitas": ("brevitas", "train"),
}


class Unavailable(Exception):
    """A candidate that cannot take part, and why."""


def load(table: dict[str, tuple[str, str]], name: str):
    """What ``table`` names for a candidate. Raises Unavailable where its library is missing or its import fails."""
    file, attribute = table[name]
    module = importlib.import_module(f"benchmarks.candidates.{file}")
    for library in getattr(module, "REQUIRES", ()):
        try:
            importlib.import_module(library)
        except ModuleNotFoundError as error:
            if error.name == library.partition(".")[0]:
                raise Unavailable(f"{name}: {library} is not installed") from error
            raise Unavailable(f"{name}: import of {library} fails: {error}") from error
        except Exception as error:  # whatever an import raises
            raise Unavailable(f"{name}: import of {library} fails: {type(error).__name__}: {error}") from error
    return getattr(module, attribute)


def load_all(table: dict[str, tuple[str, str]], names: list[str], notes: list[str]) -> dict:
    """The candidates that are here; the others are named in ``notes``."""
    found = {}
    for name in names:
        try:
            found[name] = load(table, name)
        except Unavailable as reason:
            notes.append(f"left out: {reason}")
    return found
