"""Loads the operators of the build under test, and names the devices that tests run on."""

import os
from pathlib import Path

import pytest
import torch


def load_operators() -> None:
    try:
        import compress_ext  # noqa: F401
    except ImportError:
        default = Path(__file__).parents[2] / "build/release/csrc/compress/libcompress.so"
        torch.ops.load_library(os.environ.get("COMPRESS_LIBRARY", str(default)))


load_operators()


@pytest.fixture(params=["cpu", "cuda"])
def device(request) -> str:
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    return request.param
