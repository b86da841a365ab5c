"""Checks that this build fits the installed torch, then loads the compiled libraries."""

import importlib.util
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent


def build_info():
    """The module CMake writes; a checkout that was never built has none."""
    if importlib.util.find_spec("compress_ext._build_info") is None:
        raise ImportError("compress_ext is not built yet: run scripts/setup.sh, or pip install --no-build-isolation .")
    return importlib.import_module("compress_ext._build_info")


def minor(version: str) -> str:
    """'2.11.0+cu130' -> '2.11': torch keeps its C++ interface within a minor version only."""
    return ".".join(version.split(".")[:2])


def check_torch(built_for: str, installed: str) -> None:
    if minor(built_for) != minor(installed):
        raise ImportError(
            f"compress_ext was built for torch {minor(built_for)}, but torch {installed} is installed: "
            f"pip install 'torch=={minor(built_for)}.*', or build compress_ext again with this torch "
            "(pip install --no-build-isolation --force-reinstall --no-deps .)"
        )


def load_libraries() -> None:
    """Registers the operators and their kernels with torch."""
    import torch

    check_torch(build_info().TORCH_VERSION, torch.__version__)
    try:
        importlib.import_module("compress_ext._C")
    except ModuleNotFoundError as error:
        version = ".".join(map(str, sys.version_info[:2]))
        raise ImportError(
            f"compress_ext has no compiled module for Python {version} in {PACKAGE}: "
            "build it with this Python (scripts/setup.sh, or pip install --no-build-isolation .)"
        ) from error
    if not build_info().CUDA_KERNELS:
        return  # a library that an earlier build left does not fit this one
    # A CUDA build of torch has its GPU libraries in this process already. Asking whether a GPU is there would start
    # the driver, after which forked workers could not use it.
    if torch.version.cuda is not None:
        torch.ops.load_library(PACKAGE / "lib" / "libcompress_cuda.so")
