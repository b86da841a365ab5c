"""Model compression for PyTorch: pruning, quantization-aware training and distillation, written in C++ and CUDA.

``compress_ext.ops``  the operators, also reachable as ``torch.ops.compress.*``
engines               plain classes that work on tensors, such as ``SparsitySchedule``
files                 ``save_safetensors`` and ``load_safetensors``, what the C++ trainer writes and reads
"""

from compress_ext import _loading

_loading.load_libraries()

from compress_ext import ops  # noqa: E402
from compress_ext._build_info import VERSION as __version__  # noqa: E402
from compress_ext._C import IntegerFormat, SparsitySchedule  # noqa: E402
from compress_ext.errors import Error, UsageError  # noqa: E402
from compress_ext.files import load_safetensors, save_safetensors  # noqa: E402

__all__ = [
    "Error",
    "IntegerFormat",
    "SparsitySchedule",
    "UsageError",
    "__version__",
    "load_safetensors",
    "ops",
    "save_safetensors",
]
