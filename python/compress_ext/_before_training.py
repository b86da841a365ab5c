"""Something to do before a model's next forward pass in training mode."""

from collections.abc import Callable

import torch
from torch import nn


class BeforeTraining:
    """Runs ``action`` once: before the next such pass, or when :meth:`run` is called. While torch compiles the pass
    nothing is run, since that is no part of its graph."""

    def __init__(self, model: nn.Module, action: Callable[[], None]) -> None:
        self._action: Callable[[], None] | None = action
        # Before sharding's own hooks, which put gathered weights in place.
        self._handle = model.register_forward_pre_hook(self, prepend=True)

    def __call__(self, module: nn.Module, arguments: tuple) -> None:
        if module.training and not torch.compiler.is_compiling():
            self.run()

    def run(self) -> None:
        action = self._action
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
