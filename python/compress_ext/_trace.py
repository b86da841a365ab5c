"""One run of a model on its example: which layers it calls, and which batch norms follow which of them."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils import _pytree as pytree

from compress_ext._model_calls import evaluation_mode
from compress_ext.nn import conversion

__all__ = ["Trace", "trace"]

#: Asking a tensor about itself uses nothing of what it holds.
_QUESTIONS = {
    "dim",
    "element_size",
    "is_contiguous",
    "is_floating_point",
    "new_empty",
    "new_ones",
    "new_zeros",
    "numel",
    "size",
    "stride",
    "type_as",
}


#: Attributes that tell of a tensor without its values; ``T`` and ``data`` hand them out.
_ATTRIBUTES = {"device", "dtype", "grad_fn", "is_cuda", "is_leaf", "is_meta", "is_quantized", "is_sparse", "layout"}
_ATTRIBUTES |= {"names", "ndim", "requires_grad", "shape"}


def _asks(function: Callable) -> bool:
    """Whether a function of torch only asks a tensor about itself."""
    name = getattr(function, "__name__", "")
    if name == "__get__":
        return getattr(function.__self__, "__name__", "") in _ATTRIBUTES
    return name in _QUESTIONS


class Trace:
    """What a run showed."""

    def __init__(self) -> None:
        self.output: object = None
        self.called: set[nn.Module] = set()
        #: layers whose weight something else than their forward computes with
        self.read_past: set[nn.Module] = set()
        #: batch norm -> the layer whose output it, and nothing else, takes
        self.producers: dict[nn.Module, nn.Module] = {}


class _Uses(TorchFunctionMode):
    """Counts in how many functions a layer's output is an argument, and sees whose weights are arguments while no layer
    that has them is running."""

    def __init__(self, layers: list[nn.Module]) -> None:
        super().__init__()
        self.counts: dict[int, int] = {}
        self.running: set[nn.Module] = set()
        self.read_past: set[nn.Module] = set()
        self._owners: dict[int, list[nn.Module]] = {}
        for layer in layers:
            self._owners.setdefault(id(layer.weight), []).append(layer)

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        keywords = keywords or {}
        if not _asks(function):
            for argument in (*arguments, *keywords.values()):
                for tensor in argument if isinstance(argument, (tuple, list)) else (argument,):
                    self.count(tensor)
        return function(*arguments, **keywords)

    def count(self, tensor: object) -> None:
        if id(tensor) in self.counts:
            self.counts[id(tensor)] += 1
        owners = self._owners.get(id(tensor), ())
        if self.running.isdisjoint(owners):
            self.read_past.update(owners)


def trace(model: nn.Module, run: Callable[[], object]) -> Trace:
    """Runs the model, in evaluation mode and without a graph, and watches."""
    result = Trace()
    uses = _Uses([module for module in model.modules() if conversion.is_layer(module)])
    outputs: dict[int, tuple[nn.Module, Tensor]] = {}  # kept, so that no id is given twice
    candidates: list[tuple[nn.Module, Tensor]] = []
    calls: dict[nn.Module, int] = {}

    def before_layer(module: nn.Module, arguments: tuple) -> None:
        uses.running.add(module)

    def after_layer(module: nn.Module, arguments: tuple, output: object) -> None:
        uses.running.discard(module)
        calls[module] = calls.get(module, 0) + 1
        if isinstance(output, Tensor):
            outputs[id(output)] = (module, output)
            uses.counts[id(output)] = 0

    def before_batch_norm(module: nn.Module, arguments: tuple) -> None:
        calls[module] = calls.get(module, 0) + 1
        if arguments and id(arguments[0]) in outputs:
            candidates.append((module, arguments[0]))

    handles = []
    for module in model.modules():
        if conversion.is_layer(module):
            handles.append(module.register_forward_pre_hook(before_layer))
            handles.append(module.register_forward_hook(after_layer))
        elif conversion.is_batch_norm(module):
            handles.append(module.register_forward_pre_hook(before_batch_norm))
    try:
        with evaluation_mode(model), uses:
            result.output = run()
    finally:
        for handle in handles:
            handle.remove()

    for tensor in pytree.tree_leaves(result.output):
        uses.count(tensor)
    result.called = set(calls)
    result.read_past = uses.read_past
    for batch_norm, tensor in candidates:
        layer = outputs[id(tensor)][0]
        # A layer or batch norm that runs twice has two followers or two leaders; an output that is used besides is
        # needed as it is. An output of another rank than the weight's has its channels not where a batch norm looks.
        once = calls[batch_norm] == 1 and calls[layer] == 1 and uses.counts[id(tensor)] == 1
        if once and tensor.dim() == layer.weight.dim():
            result.producers[batch_norm] = layer
    return result
