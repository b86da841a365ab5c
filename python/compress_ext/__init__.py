"""Model compression for PyTorch: pruning, quantization-aware training and distillation, written in C++ and CUDA.

``Compressor``, ``Recipe``      compresses any ``nn.Module`` in a training loop of your own (docs/python.md)
``report``                      bytes, latency, sparsity and a verdict of a model before and after
``nn``                          layers of ``torch.nn`` with slots for masks and quantizers
``ops``                         the operators, also reachable as ``torch.ops.compress.*``
``quant``, ``prune``, ``distill``  engines on tensors: ``QuantizerState``, ``Pruner``, ``feature_loss``, ...
``Config``, ``Trainer``         the C++ trainer; ``run_experiment`` is the whole job of ``compress-ext train``
``data``, ``models``            its data sets, batches and networks
files                           ``load_checkpoint``, ``load_packed``, ``save_safetensors``, ``load_safetensors``;
                                ``load_training_state``, ``save_training_state``: half a training here, half in C++
"""

from compress_ext import _loading

_loading.load_libraries()

from compress_ext import data, distill, models, nn, ops, prune, quant, recipe, train  # noqa: E402
from compress_ext._build_info import VERSION as __version__  # noqa: E402
from compress_ext._C import IntegerFormat  # noqa: E402
from compress_ext.compressor import Compressor  # noqa: E402
from compress_ext.errors import Error, UsageError  # noqa: E402
from compress_ext.files import load_checkpoint, load_packed, load_safetensors, save_safetensors  # noqa: E402
from compress_ext.prune import Pruner, SparsitySchedule  # noqa: E402
from compress_ext.quant import QuantizerOptions, QuantizerState  # noqa: E402
from compress_ext.recipe import Recipe  # noqa: E402
from compress_ext.reporting import Report, report  # noqa: E402
from compress_ext.train import Config, Trainer, run_experiment  # noqa: E402
from compress_ext.training_state import load_training_state, save_training_state  # noqa: E402

__all__ = [
    "Compressor",
    "Config",
    "Error",
    "IntegerFormat",
    "Pruner",
    "QuantizerOptions",
    "QuantizerState",
    "Recipe",
    "Report",
    "SparsitySchedule",
    "Trainer",
    "UsageError",
    "__version__",
    "data",
    "distill",
    "load_checkpoint",
    "load_packed",
    "load_safetensors",
    "load_training_state",
    "models",
    "nn",
    "ops",
    "prune",
    "quant",
    "recipe",
    "report",
    "run_experiment",
    "save_safetensors",
    "save_training_state",
    "train",
]
