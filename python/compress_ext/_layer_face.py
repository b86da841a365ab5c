"""Python modules as the C++ methods see them: csrc/bindings/python_network.cpp calls every method here."""

from contextlib import contextmanager

from torch import Tensor, nn

from compress_ext import _sharding
from compress_ext._C import QuantizerOptions
from compress_ext.errors import UsageError
from compress_ext.nn.fake_quantizer import FakeQuantizer


class QuantizerFace:
    """A quantizer in a slot (recipe::QuantizerSlot)."""

    def __init__(self, quantizer: FakeQuantizer) -> None:
        self.quantizer = quantizer

    def set_phase(self, enabled: bool, observing: bool) -> None:
        self.quantizer.enabled = enabled
        self.quantizer.observing = observing

    def set_initialized(self, initialized: bool) -> None:
        # A layer that no forward pass has reached yet has seen nothing, however late it is.
        self.quantizer.initialized = initialized and self.quantizer.has_seen()

    def scale_part(self) -> Tensor:
        return _sharding.part(self.quantizer.scale)


class LayerFace:
    """A layer with slots (recipe::Layer). ``tied_to`` names an earlier layer that has the same weight."""

    def __init__(self, name: str, module: nn.Module, tied_to: str = "") -> None:
        self._name = name
        self.module = module
        self._tied_to = tied_to

    def name(self) -> str:
        return self._name

    def type(self) -> str:
        return self.module.layer_type

    def tied_to(self) -> str:
        return self._tied_to

    def weight(self) -> Tensor:
        return _sharding.whole(self.module.weight)

    def weight_mask(self) -> Tensor:
        return self.module.weight_mask

    def weight_part(self) -> Tensor:
        return _sharding.part(self.module.weight)

    def weight_mask_part(self) -> Tensor:
        return _sharding.mask_of_part(self.module.weight_mask, self.module.weight, self._name)

    def add_weight_mask(self) -> None:
        with self._naming():
            self.module.add_weight_mask()

    def add_weight_quantizer(self, options: QuantizerOptions) -> QuantizerFace:
        with self._naming():
            return QuantizerFace(self.module.add_weight_quantizer(options))

    def add_input_quantizer(self, options: QuantizerOptions) -> QuantizerFace | None:
        if self.module.input_channel_sizes() is None:
            return None
        with self._naming():
            return QuantizerFace(self.module.add_input_quantizer(options))

    @contextmanager
    def _naming(self):
        try:
            yield
        except UsageError as error:
            raise UsageError(f"layer '{self._name}': {error}") from error
