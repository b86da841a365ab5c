"""docs/api.md and the type stubs are the code's."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]


def test_page_and_stubs_are_new():
    if importlib.util.find_spec("pybind11_stubgen") is None:
        pytest.skip("pybind11-stubgen is not installed")
    if not torch.__version__.startswith("2.11."):
        pytest.skip("the pybind11 of another torch words signatures in its own way")
    script = ROOT / "scripts/api_docs.py"
    check = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True)
    assert check.returncode == 0, f"{check.stdout}{check.stderr}write them anew: python scripts/api_docs.py"


def test_everything_public_is_documented():
    undocumented = [
        f"{module}.{name}"
        for module in ["compress_ext", *(f"compress_ext.{m}" for m in ("nn", "quant", "prune", "distill", "ops"))]
        for name in importlib.import_module(module).__all__
        if not name.startswith("__") and not getattr(importlib.import_module(module), name).__doc__
    ]
    assert not undocumented
