"""The output of one layer in the latest forward pass."""

from torch import Tensor, nn

from compress_ext._recomputation import is_recomputing
from compress_ext.errors import UsageError


class FeatureHook:
    """A forward hook that keeps the layer's output of a training step, with its graph, until it is cleared."""

    def __init__(self, layer: str) -> None:
        self.layer = layer
        self.output: Tensor | None = None
        self.in_evaluation = False  #: records in evaluation mode as well

    def __call__(self, module: nn.Module, arguments: tuple, output: object) -> None:
        if (module.training or self.in_evaluation) and not is_recomputing():
            self.output = output[0] if isinstance(output, (tuple, list)) else output

    def take(self) -> Tensor:
        """The output, once."""
        if not isinstance(self.output, Tensor):
            raise UsageError(
                f"tap of layer '{self.layer}': nothing recorded; run a forward pass in training mode first, one that "
                "reaches this layer"
            )
        output, self.output = self.output, None
        return output

    def __getstate__(self) -> dict:
        # A copy of the model has its own features.
        return self.__dict__ | {"output": None}
