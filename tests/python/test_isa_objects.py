"""The inner loops are compiled once per instruction set. An inline function that such an object exports could replace,
at link time, the copy that the rest of the library calls, and end a process on a processor without that set."""

import shutil
import subprocess
from pathlib import Path

import pytest

OBJECTS = sorted((Path(__file__).parents[2] / "build/release/csrc/compress/ops/cpu/isa").rglob("*.o"))


@pytest.mark.skipif(not OBJECTS or shutil.which("nm") is None, reason="needs build/release and nm")
@pytest.mark.parametrize("path", OBJECTS, ids=lambda path: f"{path.parent.stem}-{path.name}")
def test_exports_nothing_that_other_objects_may_share(path):
    listing = subprocess.run(["nm", "--demangle", path], capture_output=True, text=True, check=True).stdout
    symbols = [line.split(maxsplit=2) for line in listing.splitlines() if line[0] != " "]
    assert [name for _, kind, name in symbols if kind in "WVu"] == []
    variant = path.parent.stem.removeprefix("compress_isa_")
    assert all(f"::{variant}::" in name for _, kind, name in symbols if kind == "T")
