"""The output of one layer in the latest forward pass."""

import torch
from torch import Tensor, nn

from compress_ext._recomputation import is_recomputing
from compress_ext.errors import UsageError


class FeatureHook:
    """A forward hook that keeps the layer's output of a training step, with its graph, until it is cleared."""

    def __init__(self, layer: str) -> None:
        self.layer = layer
        self.output: Tensor | None = None
        self.in_evaluation = False  #: records in evaluation mode as well
        self.has_graph = False  #: the output was made where gradients are
        self._version = 0

    def __call__(self, module: nn.Module, arguments: tuple, output: object) -> None:
        if (module.training or self.in_evaluation) and not is_recomputing():
            self.output = output[0] if isinstance(output, (tuple, list)) else output
            self.has_graph = torch.is_grad_enabled()
            if isinstance(self.output, Tensor) and not self.output.is_inference():
                self._version = self.output._version

    def take(self, needs_graph: bool = False) -> Tensor:
        """The output, once. Raises UsageError where there is none, or none that a gradient finds its way from."""
        if not isinstance(self.output, Tensor):
            raise UsageError(
                f"tap of layer '{self.layer}': nothing recorded; run a forward pass in training mode first, one that "
                "reaches this layer"
            )
        if needs_graph and not self.has_graph:
            raise UsageError(
                f"tap of layer '{self.layer}': it ran without a graph, so its loss would teach nothing; where "
                "torch.utils.checkpoint runs it, call that with use_reentrant=False"
            )
        if not self.output.is_inference() and self.output._version != self._version:
            raise UsageError(
                f"tap of layer '{self.layer}': an in-place operation after the layer changed its output (as "
                "ReLU(inplace=True) does); tap the layer after that, or make it inplace=False"
            )
        output, self.output = self.output, None
        return output

    def __getstate__(self) -> dict:
        # A copy of the model has its own features.
        return self.__dict__ | {"output": None}
