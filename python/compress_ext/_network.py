"""A user's model as the C++ methods see it (recipe::Attachment; csrc/bindings/python_network.cpp calls it), and what
was done to it, so that it can be undone."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from compress_ext import _C
from compress_ext._fast_path import fast_path_off
from compress_ext._feature_hook import FeatureHook
from compress_ext._layer_face import LayerFace
from compress_ext._model_calls import call, evaluation_mode
from compress_ext._trace import Trace, trace
from compress_ext.errors import UsageError
from compress_ext.nn import conversion
from compress_ext.nn.compressible import Compressible

#: What torch runs past the forward of its children, from their weights.
_READERS = (nn.MultiheadAttention,)


class Network:
    """model: changed in place. example: its inputs (see ``call``), None where it must not be run. teacher: frozen here,
    None where nothing distills. logits: takes the logits out of an output."""

    def __init__(
        self,
        model: nn.Module,
        example: object,
        teacher: nn.Module | None,
        logits: Callable[[object], Tensor],
    ) -> None:
        self.model = model
        self.inputs = example  #: of the step under way; what the teacher runs on
        self.class_dim: int | None = None  #: of the logits of the step under way
        self._example = example
        self._teacher = teacher
        self._logits = logits
        self._undo: list[Callable[[], None]] = []
        self._taps: dict[str, tuple[FeatureHook, _C.Tap]] = {}
        self._tapped: set[nn.Module] = set()
        self._teacher_hooks: list[FeatureHook] = []
        self._hook_handles: list[torch.utils.hooks.RemovableHandle] = []
        self.trace = self._trace()
        try:
            self._layers, self._others = self._convert()
        except BaseException:
            self.undo()
            raise

    # ---- what C++ calls

    def layers(self) -> list[LayerFace]:
        return self._layers

    def others(self) -> list[tuple[str, str, str]]:
        return self._others

    def freeze_batch_norms(self, frozen: bool) -> None:
        for module in self.batch_norms():
            module.frozen = frozen

    def tap(self, layer: str) -> _C.Tap:
        if layer not in self._taps:
            hook = self._hook(self.model, layer, "the model")
            self._taps[layer] = (hook, _C.Tap(layer))
            self._tapped.add(self.model.get_submodule(layer))
        return self._taps[layer][1]

    def tap_teacher(self, layers: list[str]) -> None:
        if self._teacher is None:
            raise UsageError("distill: there is no teacher; give Compressor(teacher=model)")
        own = {id(parameter) for parameter in self.model.parameters()}
        if any(id(parameter) in own for parameter in self._teacher.parameters()):
            raise UsageError(
                "distill: the teacher and the model share parameters, which would be frozen in both; give a copy "
                "(copy.deepcopy) as teacher"
            )
        self._teacher_hooks = [self._hook(self._teacher, layer, "the teacher") for layer in layers]
        for hook in self._teacher_hooks:
            hook.in_evaluation = True
        for module in self._teacher.modules():
            self._set(module, "training", False)
        for parameter in self._teacher.parameters():
            self._set(parameter, "requires_grad", False)

    def run_example(self) -> Tensor:
        for hook, _ in self._taps.values():
            hook.in_evaluation = True
        with evaluation_mode(self.model):
            logits = self._logits(call(self.model, self.require_example()))
        for hook, _ in self._taps.values():
            hook.in_evaluation = False
        self.record_taps()
        return logits

    def run_teacher(self) -> tuple[Tensor, list[Tensor]]:
        self._teacher.eval()
        with torch.no_grad():
            try:
                output = call(self._teacher, self.inputs)
            except Exception as error:
                if self.inputs is not self._example:
                    raise
                raise UsageError(
                    f"distill: the teacher does not run on the example inputs: {_in_a_line(error)}; it must take what "
                    "the model takes"
                ) from error
        logits = self._logits(output)
        if self.class_dim is not None:
            logits = logits.movedim(self.class_dim, -1)
        return logits, [hook.take() for hook in self._teacher_hooks]

    # ---- for the compressor

    def record_taps(self, needs_graph: bool = False) -> None:
        """Hands the features of this step's forward pass to C++."""
        for hook, tap in self._taps.values():
            tap.record(hook.take(needs_graph))

    def clear_taps(self) -> None:
        for hook, tap in self._taps.values():
            hook.output = None
            tap.clear()

    def batch_norms(self) -> list[nn.Module]:
        return [module for module in self.model.modules() if isinstance(module, tuple(conversion.BATCH_NORMS.values()))]

    def fold_batch_norms(self) -> None:
        """Names each batch norm to the layer whose output it alone takes. A layer with a tap keeps its output."""
        for batch_norm, layer in self.trace.producers.items():
            if (
                isinstance(layer, Compressible)
                and layer.input_channel_sizes() is not None
                and layer not in self._tapped
                and batch_norm.running_var is not None
                and getattr(layer, "groups", 1) * layer.output_dim <= 1
            ):
                layer.set_batch_norm(batch_norm)

    def remove_hooks(self) -> None:
        for handle in self._hook_handles:
            handle.remove()

    def undo(self) -> None:
        """Leaves the model as it was before."""
        while self._undo:
            self._undo.pop()()

    # ---- making it

    def require_example(self) -> object:
        """The example inputs. Raises UsageError where none were given."""
        if self._example is None:
            raise UsageError(
                "Compressor: this recipe runs the model once to see its layers; give example_inputs, what model(...) "
                "takes"
            )
        return self._example

    def _trace(self) -> Trace | None:
        if self._example is None:
            return None
        try:
            if any(isinstance(module, nn.modules.lazy.LazyModuleMixin) for module in self.model.modules()):
                with evaluation_mode(self.model):
                    call(self.model, self._example)  # layers know their shapes, and their class, afterwards
            return trace(self.model, lambda: call(self.model, self._example))
        except Exception as error:
            raise UsageError(
                f"example_inputs: the model does not run on them: {_in_a_line(error)}; give what model(...) takes (a "
                "tuple or list is its arguments, a dict its keyword arguments)"
            ) from error

    def _convert(self) -> tuple[list[LayerFace], list[tuple[str, str, str]]]:
        layers, others = [], []
        owner_of: dict[int, str] = {}
        read_past = self._read_past_their_forward()
        for name, module in self.model.named_modules():
            reason = self._reason_against(module, read_past)
            if reason is None:
                self._make_ours(module)
                tied_to = owner_of.setdefault(id(module.weight), name)
                layers.append(LayerFace(name, module, "" if tied_to == name else tied_to))
            elif conversion.is_batch_norm(module):
                self._make_ours(module)
                others.append((name, type(module).__name__, reason))
            elif any(True for _ in module.parameters(recurse=False)):
                others.append((name, type(module).__name__, reason))
            for attribute, value in fast_path_off(module).items():
                self._set(module, attribute, value)
        return layers, others

    def _read_past_their_forward(self) -> set[nn.Module]:
        return {child for module in self.model.modules() if isinstance(module, _READERS) for child in module.children()}

    def _reason_against(self, module: nn.Module, read_past: set[nn.Module]) -> str | None:
        if conversion.is_batch_norm(module):
            return (
                "a batch norm has no weight to compress; it is folded into the layer before it where that is quantized"
            )
        if module in read_past:
            return "MultiheadAttention computes with its weight itself, past the layer's forward"
        if isinstance(module, nn.MultiheadAttention):
            return "MultiheadAttention computes with its weights itself, past its layers' forward"
        if isinstance(module, nn.modules.lazy.LazyModuleMixin):
            return "its shape is not known before its first forward pass; give example_inputs, or run the model once"
        if torch.nn.utils.parametrize.is_parametrized(module):
            return "its weight is parametrized (torch.nn.utils.parametrize)"
        if not conversion.is_layer(module):
            return self._why_no_layer(module)
        if "weight" not in module._parameters:
            return "its weight is not a parameter of its own (weight_norm, spectral_norm and their like compute it)"
        if "forward" in module.__dict__:
            return "its forward was replaced by another function"
        if isinstance(module, nn.Embedding) and module.max_norm is not None:
            return "max_norm changes the weight in the forward pass"
        if isinstance(module, nn.Embedding) and module.sparse:
            return "its gradient is sparse"
        if self.trace is not None and module in self.trace.read_past:
            return "the model computes with its weight itself, past the layer's forward"
        if self.trace is not None and module not in self.trace.called:
            return "the model does not call it on the example inputs"
        return None

    @staticmethod
    def _why_no_layer(module: nn.Module) -> str:
        for base in conversion.LAYERS:
            if isinstance(module, base):
                return f"{type(module).__name__} is a subclass of {base.__name__} with a forward of its own"
        return f"{type(module).__name__} is not supported"

    def _make_ours(self, module: nn.Module) -> None:
        if conversion.convert_(module):
            self._undo.append(lambda: conversion.revert_(module))
        elif isinstance(module, Compressible):
            slots = _slots(module)
            self._undo.append(lambda: _restore(module, slots))

    def _set(self, owner: object, attribute: str, value: object) -> None:
        before = getattr(owner, attribute)
        setattr(owner, attribute, value)
        self._undo.append(lambda: setattr(owner, attribute, before))

    def _hook(self, root: nn.Module, layer: str, whose: str) -> FeatureHook:
        modules = dict(root.named_modules())
        if layer not in modules:
            near = _C.nearest_names(layer, list(modules), 3)
            hint = f"; did you mean {', '.join(map(repr, near))}?" if near else ""
            raise UsageError(f"distill.taps: {whose} has no layer '{layer}'{hint}")
        hook = FeatureHook(layer)
        handle = modules[layer].register_forward_hook(hook)
        self._hook_handles.append(handle)
        self._undo.append(handle.remove)
        return hook


def _in_a_line(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _slots(module: Compressible) -> tuple:
    return module.weight_mask, module.weight_quantizer, module.input_quantizer, module.batch_norm


def _restore(module: Compressible, slots: tuple) -> None:
    module.weight_mask, module.weight_quantizer, module.input_quantizer = slots[:3]
    if module.batch_norm is not slots[3]:
        module.set_batch_norm(slots[3])
