"""The `compress-ext` command of an installed package: replaces this process with the packaged binary.

It stands outside the package because importing that would import torch, which the binary does not need.
"""

import importlib.metadata
import importlib.util
import os
import runpy
import sys
from pathlib import Path


def main() -> None:
    package = Path(importlib.util.find_spec("compress_ext").origin).parent
    binary = package / "bin" / "compress-ext"
    built_for = runpy.run_path(str(package / "_build_info.py"))["TORCH_VERSION"].rsplit(".", 1)[0]
    torch = importlib.util.find_spec("torch")
    installed = importlib.metadata.version("torch") if torch else "none"
    if not installed.startswith(built_for + "."):
        sys.exit(
            f"compress-ext: built for torch {built_for} (installed: {installed}): pip install 'torch=={built_for}.*', "
            "or build compress_ext again with this torch"
        )
    libraries = Path(torch.origin).parent / "lib"
    if libraries.parent.parent != package.parent:
        # The binary looks for torch beside its own package; this one lies elsewhere (another site-packages folder).
        paths = [str(libraries), os.environ.get("LD_LIBRARY_PATH")]
        os.environ["LD_LIBRARY_PATH"] = ":".join(path for path in paths if path)
    os.execv(binary, ["compress-ext", *sys.argv[1:]])
