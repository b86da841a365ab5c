"""What compression made of a model: bytes, latency, sparsity, and a verdict in words. The function is
``compress_ext.report``."""

import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor, nn

from compress_ext import _C, packing
from compress_ext._C import Report
from compress_ext._model_calls import call, evaluation_mode
from compress_ext.errors import UsageError

__all__ = ["Report", "report"]


def report(
    before: nn.Module,
    after: nn.Module,
    *,
    example_inputs: object,
    evaluate: Callable[[nn.Module], float | Mapping[str, float]] | None = None,
    teacher: nn.Module | None = None,
    before_file: str | os.PathLike | None = None,
    after_file: str | os.PathLike | None = None,
) -> Report:
    """Compares a model with what compression made of it. ``print(report)`` is tables and a verdict that also says what
    did not become smaller or faster; ``report.json()``, ``.markdown()``, ``.save(folder)``.

    before: the model as it was: ``copy.deepcopy(model)`` before a Compressor worked on it, or the same network trained
        without.
    after: what ``Compressor.finalize()`` returned, compiled by ``torch.compile`` or not (itself:
        a copy of it is a plain model, of plain weights); or a model that is still in training.
    example_inputs: what both take (as in :class:`compress_ext.Compressor`), on their device. Latency is that of a
        forward pass on it, in evaluation mode and without a graph, all models in turns: median and spread, in
        milliseconds, the device synchronised each time.
    evaluate: ``evaluate(model)`` gives the accuracy, 0 to 1, or ``{"accuracy": ..., "loss": ...}``; it is called with
        each model in evaluation mode, without a graph.
    teacher: a third model to compare with.
    before_file: the file whose bytes count. By default a safetensors file of each state dict is written
        aside and measured; for a compressed model also its packed file (``Compressor.save_packed``), which then counts.
    after_file: the same, of ``after``.

    Parameters are counted as deployed: pruned ones are zeros, folded batch norms and masks are none. Raises UsageError
    for one and the same module as before and after, and for an accuracy that is no fraction.
    """
    if before is after:
        raise UsageError(
            "report: before and after are one module, since compression works in place; keep "
            "before = copy.deepcopy(model) from before the Compressor was made"
        )
    models = [before, after] + ([] if teacher is None else [teacher])
    networks = [packing.deployed(model) for model in models]
    latencies = _latencies(models, example_inputs)
    measured = [
        _C.Measured(network, **_evaluation(evaluate, model), **_bytes(network, model, file), latency=latency)
        for model, network, latency, file in zip(
            models, networks, latencies, [before_file, after_file, None][: len(models)], strict=True
        )
    ]
    return Report(
        *measured[:2],
        measured[2] if teacher is not None else None,
        networks[1],
        _C.device_text(_device(after)),
        _batch(example_inputs),
        _weight_type(after),
    )


def _latencies(models: list[nn.Module], inputs: object) -> list[_C.Latency]:
    def timed(model: nn.Module) -> Callable[[], None]:
        device = _device(model)

        def forward() -> None:
            call(model, inputs)
            if device.type == "cuda":
                torch.cuda.synchronize(device)

        return forward

    with ExitStack() as modes:
        for model in models:
            modes.enter_context(evaluation_mode(model, compiled=True))
        return _C.measure_latencies([timed(model) for model in models])


def _evaluation(evaluate: Callable | None, model: nn.Module) -> dict[str, float | None]:
    if evaluate is None:
        return {"accuracy": None, "loss": None}
    with evaluation_mode(model, compiled=True):
        result = evaluate(model)
    result = dict(result) if isinstance(result, Mapping) else {"accuracy": result}
    unknown = set(result) - {"accuracy", "loss"}
    if unknown or not result:
        raise UsageError(f"report: evaluate gives 'accuracy', 'loss' or both (got {sorted(result)})")
    values = {name: float(result[name]) if name in result else None for name in ("accuracy", "loss")}
    if values["accuracy"] is not None and not 0 <= values["accuracy"] <= 1:
        raise UsageError(f"report: evaluate gives accuracy as a fraction, 0 to 1 (got {values['accuracy']})")
    return values


def _bytes(network: _C.DeployedNetwork, model: nn.Module, file: str | os.PathLike | None) -> dict[str, int | None]:
    if file is not None:
        return {"bytes_on_disk": Path(file).stat().st_size, "state_dict_bytes": None}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        tensors = {name: tensor.detach() for name, tensor in packing.unique_tensors(model).items()}
        _C.save_safetensors(path, tensors)
        state_dict_bytes = path.stat().st_size
        if not network.compressed:
            return {"bytes_on_disk": state_dict_bytes, "state_dict_bytes": None}
        network.save_packed(path, {})
        return {"bytes_on_disk": path.stat().st_size, "state_dict_bytes": state_dict_bytes}


def _device(model: nn.Module) -> torch.device:
    return next((parameter.device for parameter in model.parameters()), torch.device("cpu"))


def _weight_type(model: nn.Module) -> str:
    """Of most of the model's parameters."""
    elements: dict[torch.dtype, int] = {torch.float32: 0}
    for parameter in model.parameters():
        elements[parameter.dtype] = elements.get(parameter.dtype, 0) + parameter.numel()
    return str(max(elements, key=elements.__getitem__)).removeprefix("torch.")


def _batch(inputs: object) -> int:
    """Samples in it: the first size of its first tensor."""
    if isinstance(inputs, Mapping):
        inputs = tuple(inputs.values())
    if isinstance(inputs, (tuple, list)):
        return next((_batch(part) for part in inputs if isinstance(part, Tensor)), 1)
    return len(inputs) if isinstance(inputs, Tensor) and inputs.dim() > 0 else 1
