"""Running a user's model, whatever it takes and gives."""

from collections.abc import Callable, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from compress_ext.errors import UsageError


def call(model: Callable, inputs: object) -> object:
    """``model(inputs)``: a tuple or list is its arguments, a mapping its keyword arguments."""
    if isinstance(inputs, Mapping):
        return model(**inputs)
    if isinstance(inputs, (tuple, list)):
        return model(*inputs)
    return model(inputs)


def logits_of(output: object) -> Tensor:
    """The logits in what a model returned: a tensor itself, ``.logits`` or ``["logits"]``, the first of a tuple."""
    if isinstance(output, Tensor):
        return output
    logits = getattr(output, "logits", None)
    if logits is None and isinstance(output, Mapping):
        logits = output.get("logits")
    if logits is None and isinstance(output, (tuple, list)) and output:
        logits = output[0]
    if not isinstance(logits, Tensor):
        raise UsageError(
            f"a model returned {type(output).__name__}, in which no logits were found; "
            "give Compressor(logits=function) that takes them out"
        )
    return logits


@contextmanager
def evaluation_mode(model: nn.Module, *, compiled: bool = False):
    """Evaluation mode without a graph, and without torch.compile's where the model is compiled, unless ``compiled``;
    afterwards every module is in the mode it was in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad(), torch.compiler.set_stance("default" if compiled else "force_eager"):
            yield
    finally:
        for module, mode in modes:
            module.training = mode
