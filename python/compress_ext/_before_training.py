"""Something to do before a model's next forward pass in training mode."""

import weakref
from collections.abc import Callable

import torch
from torch import nn


class BeforeTraining:
    """Runs ``action``, a method, once: before the next such pass, or when :meth:`run` is called. While torch compiles
    the pass nothing is run, since that is no part of its graph. Does not keep the method's object alive: the model
    would, and the object the model."""

    def __init__(self, model: nn.Module, action: Callable[[], None]) -> None:
        self._action: Callable | None = weakref.WeakMethod(action)
        # Before sharding's own hooks, which put gathered weights in place.
        self._handle = model.register_forward_pre_hook(self, prepend=True)

    def __call__(self, module: nn.Module, arguments: tuple) -> None:
        if module.training and not torch.compiler.is_compiling():
            self.run()

    def run(self) -> None:
        action = None if self._action is None else self._action()
        self.cancel()
        if action is not None:
            action()

    def cancel(self) -> None:
        if self._action is not None:
            self._action = None
            self._handle.remove()

    def __getstate__(self) -> dict:
        # A copy of the model has nothing to wait for.
        return {"_action": None, "_handle": None}
