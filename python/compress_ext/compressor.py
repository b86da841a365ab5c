"""A recipe at work on a model and a training loop that exist already."""

import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from compress_ext import _C, _finalize, _processes, _sharding, packing
from compress_ext import recipe as recipes
from compress_ext._before_training import BeforeTraining
from compress_ext._model_calls import logits_of
from compress_ext._network import Network
from compress_ext._plan import Plan
from compress_ext._synchronize import Synchronizer
from compress_ext.errors import UsageError
from compress_ext.nn.fake_quantizer import FakeQuantizer
from compress_ext.recipe import Recipe

__all__ = ["Compressor"]


def class_dim_of(logits: Tensor, target: Tensor | None) -> int:
    """Where classes lie: the last dimension of ``[..., C]``, dimension 1 of ``[N, C, ...]`` with a target of
    ``[N, ...]``. Raises UsageError where both would fit."""
    if logits.dim() <= 2 or target is None:
        return logits.dim() - 1
    is_last = target.shape == logits.shape[:-1]
    is_second = target.shape[:1] == logits.shape[:1] and target.shape[1:] == logits.shape[2:]
    if is_last and is_second:
        raise UsageError(
            f"Compressor.loss: logits {list(logits.shape)} with a target {list(target.shape)} may have their classes "
            "in dimension 1 or in the last; give Compressor(class_dim=...)"
        )
    return 1 if is_second else logits.dim() - 1


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """Mean cross entropy of logits ``[..., C]``, as of classes and language models, and a target ``[...]`` of ids."""
    if logits.dim() > 2:
        return F.cross_entropy(logits.flatten(0, -2), target.flatten())
    return F.cross_entropy(logits, target)


class Compressor:
    """Prunes, quantizes and distills ``model`` while your own loop trains it::

        compressor = cx.Compressor(model, recipe, example_inputs=x, total_steps=n, teacher=teacher)
        for batch, target in loader:
            loss = compressor.loss(model(batch), target, inputs=batch)
            loss.backward()
            optimizer.step()
            compressor.step()
        plain = compressor.finalize()

    model: any ``nn.Module``. Its layers (``torch.nn.Linear``, ``Conv1d/2d/3d``, ``ConvTranspose2d``, ``Embedding``)
        become those of ``compress_ext.nn`` in place: modules and parameters stay the same objects, so an optimizer made
        before stays valid. Learned scales and projectors are parameters of their own: see :meth:`parameter_groups`.
        The schedules of a model on the meta device start with its first forward pass in training mode; one that
        torch.compile runs needs ``compressor.resume(0)`` once there are weights.
    recipe: a ``Recipe``, a list of methods, a dict with the key ``compression``, or a YAML file (docs/recipe.md).
    example_inputs: what ``model(...)`` takes: a tensor; a tuple or list is its arguments, a dict its keyword arguments.
        The model runs on it once or twice, in evaluation mode, to see which layers it calls, which batch norms follow
        them, and what shapes features have. May be left out for pruning alone.
    total_steps: optimizer steps of the whole training; percentages of the recipe are shares of it.
    steps_per_epoch: needed where the recipe counts in epochs (``20e``).
    teacher: the network to distill from, for a recipe that distills. It is frozen and always runs in evaluation mode.
    task_loss: ``task_loss(logits, target)``; by default cross entropy over ``class_dim``.
    class_dim: the dimension of the logits that classes lie in, for cross entropy and distillation. None finds it by the
        target's shape: 1 for ``[N, C, ...]``, the last for ``[..., C]``.
    logits: takes the logits out of what the models return; by default the tensor itself, ``.logits``, or the first of a
        tuple.
    show_plan: prints what will be done to each layer, and why the rest is left out, to stderr (on the first process).

    process_group: the processes that train copies of this model on data of their own (docs/distributed.md), by default
        all of them; they make the Compressor, call its methods and load its state alike.

    Raises UsageError, naming layer or key and the fix, and leaves the model as it was.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe | Mapping | Sequence | str | os.PathLike,
        *,
        example_inputs: object = None,
        total_steps: int,
        steps_per_epoch: int | None = None,
        teacher: nn.Module | None = None,
        task_loss: Callable[[Tensor, Tensor], Tensor] | None = None,
        class_dim: int | None = None,
        logits: Callable[[object], Tensor] = logits_of,
        show_plan: bool = True,
        process_group: torch.distributed.ProcessGroup | None = None,
    ) -> None:
        if total_steps < 1:
            raise UsageError(f"Compressor: total_steps must be 1 or more (got {total_steps})")
        _sharding.check_whole(
            model, "Compressor: make it before fully_shard, which then shards what it added as well as weights"
        )
        self.model = model
        self.recipe = recipes.load(recipe)
        self.total_steps = total_steps
        self._steps_per_epoch = _check_epochs(self.recipe, steps_per_epoch)
        self._task_loss = task_loss
        self._class_dim = class_dim
        self._logits = logits
        self._steps = 0
        self._finalized = False
        self._last_metrics: dict[str, float] | None = None
        self._move: BeforeTraining | None = None  # of the schedules, after a resume
        self._network = Network(model, example_inputs, teacher, logits)
        self._distills = "distill" in self.recipe.methods
        try:
            self._methods = self._attach()
            self._synchronizer = Synchronizer(model, self._projector_parameters(), process_group)
            self._start_when_there_are_weights()
            self._synchronizer.start()
        except BaseException:
            self._network.undo()
            raise
        if show_plan and _processes.is_first(process_group):
            print(self.plan(), file=sys.stderr)

    def _attach(self) -> _C.Compressor:
        if "distill" in self.recipe.methods or "quantize" in self.recipe.methods:
            self._network.require_example()
        methods = _C.Compressor(self.recipe, self._network, self.total_steps, self._steps_per_epoch)
        if "quantize" in self.recipe.methods:
            self._network.fold_batch_norms()
        return methods

    # ---- one step

    def loss(
        self,
        output: object,
        target: Tensor | None = None,
        inputs: object = None,
        *,
        task_loss: Tensor | None = None,
    ) -> Tensor:
        """The loss to train with: the task's own, and what distillation adds to it.

        output: what the model returned. target: what ``task_loss`` takes beside the logits. inputs: what the model was
        called with (as ``example_inputs``): the teacher runs on the same; may be left out where nothing distills.
        task_loss: the task's loss where it is computed elsewhere; target is then not needed.
        """
        self._check_running("loss")
        if task_loss is not None and not self._distills:
            return task_loss
        logits = self._logits(output)
        if task_loss is None and target is None:
            raise UsageError("Compressor.loss: give target, or the task's own loss as task_loss")
        if task_loss is None and self._task_loss is not None:
            task_loss = self._task_loss(logits, target)
        if task_loss is None or self._distills:
            class_dim = class_dim_of(logits, target) if self._class_dim is None else self._class_dim
            logits = logits.movedim(class_dim, -1)
        if task_loss is None:
            task_loss = cross_entropy(logits, target)
        if not self._distills:
            return task_loss
        if inputs is None:
            raise UsageError("Compressor.loss: this recipe distills; give inputs, what the model was called with")
        self._network.inputs = inputs
        self._network.class_dim = class_dim
        self._network.record_taps(needs_graph=logits.requires_grad)
        try:
            return self._methods.loss(task_loss, logits)
        finally:
            self._network.inputs = None

    def step(self) -> None:
        """After ``optimizer.step()``: zeroes pruned weights again, keeps learned scales positive, makes observers of
        all processes agree, and moves every schedule to the next step. Raises UsageError past ``total_steps``."""
        self._check_running("step")
        if self._steps >= self.total_steps:
            raise UsageError(
                f"Compressor.step: all {self.total_steps} steps are done; a longer training needs a Compressor with "
                "total_steps to match"
            )
        if self._move is not None:
            self._move.run()
        self._methods.after_step(self._steps)
        self._network.clear_taps()
        self._steps += 1
        self._synchronizer.step(last=self._steps == self.total_steps)
        if self._steps < self.total_steps:
            self._methods.before_step(self._steps)

    @property
    def steps(self) -> int:
        """Optimizer steps done."""
        return self._steps

    def metrics(self) -> dict[str, float]:
        """What the methods tell of themselves now, after :meth:`finalize` as it was then: ``{"sparsity": 0.81}``."""
        return self._methods.metrics() if self._last_metrics is None else self._last_metrics

    def plan(self) -> Plan:
        """What is done to each layer and why the rest is left out; a table when printed."""
        return Plan(self._methods.plan())

    # ---- parameters and state

    def parameter_groups(self, weight_decay: float | None = None) -> list[dict]:
        """Groups for an optimizer: the model's parameters, learned scales without weight decay, projectors of
        distillation. Made after the Compressor, ``torch.optim.SGD(compressor.parameter_groups(), lr=0.1)`` trains all
        of them; :meth:`added_parameters` are those that an optimizer made before does not know.

        weight_decay: of all but the scales; None is the optimizer's.
        """
        scales = {id(parameter) for parameter in self._scales()}
        weights = [parameter for parameter in self.model.parameters() if id(parameter) not in scales]
        decay = {} if weight_decay is None else {"weight_decay": weight_decay}
        groups = [{"params": weights} | decay]
        if projectors := self._projector_parameters():
            groups.append({"params": projectors} | decay)  # an optimizer's group must not mix sharded and whole tensors
        if scales:
            groups.append({"params": self._scales(), "weight_decay": 0.0})
        return groups

    def added_parameters(self) -> list[nn.Parameter]:
        """Parameters that came with the Compressor: ``optimizer.add_param_group({"params": ..., "weight_decay": 0})``
        makes an optimizer that is older train them. Empty where no scale is learned and no projector needed."""
        return [*self._scales(), *self._projector_parameters()]

    def state_dict(self) -> dict:
        """The schedule's position and what is outside the model; the model's own ``state_dict()`` has masks, scales and
        observers. With both and the optimizer's, training goes on bit for bit."""
        return {
            "recipe": self.recipe.to_yaml(),
            "steps": self._steps,
            "total_steps": self.total_steps,
            "steps_per_epoch": self._steps_per_epoch,
            "tensors": {name: tensor.detach().clone() for name, tensor in self._methods.tensors().items()},
        }

    def load_state_dict(self, state: Mapping) -> None:
        """Goes on from :meth:`state_dict`; load the model's before. Raises UsageError for the state of another recipe
        or length, before anything is changed."""
        self._check_running("load_state_dict")
        own = self.state_dict()
        missing = [key for key in own if key not in state]
        if missing:
            raise UsageError(
                f"Compressor.load_state_dict: this is no Compressor's state: {', '.join(missing)} missing (got "
                f"{', '.join(map(str, state))}); give what Compressor.state_dict() returned"
            )
        for key in ("recipe", "total_steps", "steps_per_epoch"):
            if state[key] != own[key]:
                raise UsageError(
                    f"Compressor.load_state_dict: the state has another {key} (got {state[key]!r}, this Compressor has "
                    f"{own[key]!r}); make the Compressor with the same arguments as the one that was saved"
                )
        tensors = self._methods.tensors()
        if _shapes(tensors) != _shapes(state["tensors"]):
            raise UsageError(
                f"Compressor.load_state_dict: the state is of another model or teacher: its tensors are "
                f"{_shapes(state['tensors'])}, those of this Compressor {_shapes(tensors)}"
            )
        with torch.no_grad():
            for name, tensor in tensors.items():
                tensor.copy_(state["tensors"][name])
        self.resume(state["steps"])

    def resume(self, steps: int) -> None:
        """Goes on as if ``steps`` optimizer steps had just been done: after loading a model's state dict that another
        trainer saved (``compress-ext train`` writes it as ``checkpoints/step_.../model.safetensors``). Until it trains,
        the model computes what it did there; the schedules move before its next forward pass in training mode."""
        self._check_running("resume")
        if not 0 <= steps <= self.total_steps:
            raise UsageError(f"Compressor.resume: steps must be 0 to total_steps, {self.total_steps} (got {steps})")
        self._start()
        self._cancel_move()
        self._steps = steps
        self._methods.resume(steps)
        if steps < self.total_steps:
            self._move = BeforeTraining(self.model, self._move_schedules)
        self._synchronizer.start()

    # ---- the end

    def finalize(self) -> nn.Module:
        """The model with masks and quantization baked in: ordinary modules of torch, nothing of compress_ext, and the
        same outputs in evaluation mode. It is the model itself, changed in place, and can be saved, exported and
        compiled as any other.

        A weight is pruned and on its grid, a folded batch norm an ``nn.Identity``. A layer whose input is quantized
        becomes ``nn.Sequential(input_quantizer, layer)``, where the quantizer is a graph of
        ``torch.fake_quantize_per_*_affine``. Raises UsageError the second time.
        """
        self._check_running("finalize")
        _sharding.check_whole(
            self.model,
            "Compressor.finalize: the model is sharded; load its full state dict into a model with a Compressor of the "
            "same recipe in one process, and finalize that one",
        )
        self._warn_of_what_is_not_done()
        self._last_metrics = self._methods.metrics()
        self._finalized = True
        self._synchronizer.stop()
        self._cancel_move()
        layers = [layer for layer, _ in packing.compressed_layers(self.model)]
        self.model = _finalize.finalize(self.model, self._network)
        packing.remember(self.model, layers)
        return self.model

    def save_packed(self, path: str | os.PathLike, metadata: Mapping[str, str] | None = None) -> None:
        """Writes the model as it is deployed, before or after :meth:`finalize`: each compressed layer as packed
        integers or sparse float32 (docs/packed_format.md), the rest as tensors. ``compress_ext.load_packed(path,
        model)`` makes a fresh float model what :meth:`finalize` returns. Raises UsageError where nothing is compressed
        yet, Error for a layer that was changed after :meth:`finalize`."""
        packing.save_packed(path, self.model, metadata)

    # ---- inside

    def _warn_of_what_is_not_done(self) -> None:
        """The plan promised more than an early end, or a layer that never trained, has kept."""
        idle = [
            name
            for name, module in self.model.named_modules()
            if isinstance(module, FakeQuantizer) and not module.quantizes
        ]
        if idle:
            names = ", ".join(idle[:3]) + (f" and {len(idle) - 3} more" if len(idle) > 3 else "")
            warnings.warn(
                f"Compressor.finalize: after {self._steps} of {self.total_steps} steps these quantize nothing, since "
                f"their time has not come or no training forward pass has reached them: {names}",
                stacklevel=3,
            )

    def _scales(self) -> list[nn.Parameter]:
        return [
            parameter
            for quantizer in self._synchronizer.quantizers
            if quantizer.learned
            for parameter in quantizer.parameters(recurse=False)
        ]

    def named_projectors(self) -> dict[str, nn.Parameter]:
        """Parameters that distillation trains outside the model, by the names of checkpoints."""
        return {name: tensor for _, group in self._methods.parameter_groups() for name, tensor in group.items()}

    def _projector_parameters(self) -> list[nn.Parameter]:
        return list(self.named_projectors().values())

    def _check_running(self, call: str) -> None:
        if self._finalized:
            raise UsageError(f"Compressor.{call}: the model is finalized; that is the end of its compression")

    def _start_when_there_are_weights(self) -> None:
        self._started = False
        if not any(parameter.is_meta for parameter in self.model.parameters()):
            self._start()
            return
        self._move = BeforeTraining(self.model, self._start)

    def _move_schedules(self) -> None:
        self._methods.before_step(self._steps)

    def _cancel_move(self) -> None:
        if self._move is not None:
            self._move.cancel()

    def _start(self) -> None:
        if not self._started:
            self._started = True
            self._methods.before_step(0)

    def __repr__(self) -> str:
        return f"Compressor({', '.join(self.recipe.methods)}; step {self._steps} of {self.total_steps})"


def _shapes(tensors: Mapping[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in sorted(tensors.items())}


def _check_epochs(recipe: Recipe, steps_per_epoch: int | None) -> int:
    if steps_per_epoch is None:
        if recipe.counts_epochs:
            raise UsageError("Compressor: the recipe counts in epochs; give steps_per_epoch")
        return 1
    if steps_per_epoch < 1:
        raise UsageError(f"Compressor: steps_per_epoch must be 1 or more (got {steps_per_epoch})")
    return steps_per_epoch
