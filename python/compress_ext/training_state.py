"""Checkpoints that the C++ trainer and a loop in Python exchange in the middle of a training.

A checkpoint is a folder ``<run>/checkpoints/step_XXXXXXXX``:

=========================  ================================================================================
``model.safetensors``      the model's ``state_dict()``: the names of C++ and Python are the same
``optimizer.safetensors``  ``<parameter>.<buffer>``, where ``torch.optim`` keeps ``optimizer.state[parameter][buffer]``:
                           ``momentum_buffer`` of SGD; ``exp_avg``, ``exp_avg_sq`` and ``step`` (float32) of AdamW.
                           ``recipe.<name>``: what the Compressor trains outside the model. ``generator.cpu``: torch's
                           random state
``state.json``             ``step``, ``total_steps``, ``steps_per_epoch``
=========================  ================================================================================

Going on is bit for bit the uninterrupted run on a CPU where the same happens to the same numbers: an optimizer with
``fused=True`` (the kernels of the C++ trainer), the batches of ``compress_ext.data.Loader``, the rates of
``Config.learning_rate``, and as many threads.
"""

import json
import os
from pathlib import Path

import torch
from torch import Tensor, nn

from compress_ext import _C
from compress_ext.compressor import Compressor
from compress_ext.errors import Error, UsageError

__all__ = ["load_training_state", "save_training_state"]


def load_training_state(
    path: str | os.PathLike,
    model: nn.Module,
    optimizer: torch.optim.Optimizer | None = None,
    compressor: Compressor | None = None,
) -> dict:
    """Goes on from a checkpoint that ``compress-ext train``, a ``Trainer`` or :func:`save_training_state` wrote.

    path: the checkpoint's folder, or a run's folder (its newest one).
    model: of the same names; with a recipe, after its Compressor was made.
    optimizer: ``torch.optim.SGD``, ``Adam`` or ``AdamW`` over the model's parameters, whose state is filled in.

    Sets torch's CPU random state as well. Returns ``{"step": ..., "total_steps": ..., "steps_per_epoch": ...}``. Raises
    ``compress_ext.Error`` that names what is missing.
    """
    folder = _newest(Path(path))
    state = json.loads(_file(folder, "state.json").read_text())
    tensors, _ = _C.load_safetensors(_file(folder, "optimizer.safetensors"))
    model.load_state_dict(_C.load_checkpoint(folder))
    if optimizer is not None:
        for name, parameter in _parameters(model, compressor).items():
            buffers = {kind: _buffer(folder, tensors, f"{name}.{kind}", parameter) for kind in _kinds(optimizer)}
            if buffers:
                optimizer.state[parameter] = buffers
    if compressor is not None:
        own = compressor.state_dict()
        recipe = {
            name.removeprefix("recipe."): tensor for name, tensor in tensors.items() if name.startswith("recipe.")
        }
        compressor.load_state_dict(
            own | {"steps": state["step"], "total_steps": state["total_steps"], "tensors": recipe}
        )
    torch.set_rng_state(tensors["generator.cpu"])
    return {key: state[key] for key in ("step", "total_steps", "steps_per_epoch")}


def save_training_state(
    run: str | os.PathLike,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    compressor: Compressor | None = None,
    *,
    steps_per_epoch: int,
    step: int | None = None,
    total_steps: int | None = None,
    keep: int = 3,
) -> Path:
    """Writes a checkpoint into a run's folder, whole or not at all, and returns its folder: :func:`load_training_state`
    goes on from it, and so does a ``Trainer`` of the same network, ``trainer.load(run)``, whose lengths must be the
    same. All but the newest ``keep`` are removed.

    step, total_steps: optimizer steps done, and of the whole training; by default the Compressor's.
    """
    if compressor is not None:
        step = compressor.steps if step is None else step
        total_steps = compressor.total_steps if total_steps is None else total_steps
    if step is None or total_steps is None:
        raise UsageError("save_training_state: give step and total_steps, or the Compressor, which knows them")
    training = {}
    for name, parameter in _parameters(model, compressor).items():
        state = optimizer.state.get(parameter, {})
        for kind, scalar in _kinds(optimizer).items():
            fresh = torch.zeros(()) if scalar else torch.zeros_like(parameter)
            value = state.get(kind)
            training[f"{name}.{kind}"] = fresh if value is None else torch.as_tensor(value, dtype=fresh.dtype)
    if compressor is not None:
        training |= {f"recipe.{name}": tensor for name, tensor in compressor.state_dict()["tensors"].items()}
    training["generator.cpu"] = torch.get_rng_state()
    tensors = {name: tensor.detach() for name, tensor in model.state_dict().items()}
    return Path(_C.save_checkpoint(run, tensors, training, step, total_steps, steps_per_epoch, keep))


def _kinds(optimizer: torch.optim.Optimizer) -> dict[str, bool]:
    """The buffers of each parameter, and whether it is one number."""
    if isinstance(optimizer, torch.optim.SGD):
        return {"momentum_buffer": False} if optimizer.defaults["momentum"] else {}
    if isinstance(optimizer, torch.optim.Adam):  # and AdamW
        return {"exp_avg": False, "exp_avg_sq": False, "step": True}
    raise UsageError(
        f"training state: {type(optimizer).__name__} has no counterpart in the C++ trainer (allowed: SGD, Adam, AdamW)"
    )


def _parameters(model: nn.Module, compressor: Compressor | None) -> dict[str, nn.Parameter]:
    parameters = dict(model.named_parameters())
    return parameters if compressor is None else parameters | compressor.named_projectors()


def _buffer(folder: Path, tensors: dict[str, Tensor], name: str, parameter: Tensor) -> Tensor:
    if name not in tensors:
        raise Error(f"{folder / 'optimizer.safetensors'}: lacks '{name}'; it is of another optimizer or model")
    return tensors[name].to(parameter.device)


def _newest(path: Path) -> Path:
    run = path.parent if path.name == "checkpoints" else path
    return _C.latest_checkpoint(run) or path


def _file(folder: Path, name: str) -> Path:
    if not (folder / name).is_file():
        raise Error(f"{folder}: holds no {name}; give the folder of a run or of one of its checkpoints")
    return folder / name
