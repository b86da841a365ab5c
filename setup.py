"""Builds the wheel through CMake (preset `wheel`); CMakeLists.txt stays the one truth of how things are compiled.

Extra CMake options: CMAKE_ARGS="-DCOMPRESS_WITH_CUDA=OFF" pip install --no-build-isolation .
"""

import importlib.metadata
import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent


class CMakeBuild(build_ext):
    """Stands where setuptools would compile: configures, builds and installs into the wheel's folder."""

    def run(self) -> None:
        build = Path(self.build_temp).resolve()
        package_root = ROOT / "python" if self.inplace else Path(self.build_lib).resolve()
        configure = ["cmake", "--preset", "wheel", "-B", build, f"-DPython3_EXECUTABLE={sys.executable}"]
        self._call([*configure, *shlex.split(os.environ.get("CMAKE_ARGS", ""))], "CMake could not configure")
        self._call(["cmake", "--build", build], "the build failed")
        for folder in ("bin", "lib"):  # nothing of an earlier build may get into the wheel
            shutil.rmtree(package_root / "compress_ext" / folder, ignore_errors=True)
        self._call(["cmake", "--install", build, "--prefix", package_root, "--strip"], "the installation failed")

    def _call(self, command: list, failure: str) -> None:
        try:
            subprocess.run(command, cwd=ROOT, check=True)
        except FileNotFoundError:
            sys.exit("compress_ext: cmake is missing: apt-get install cmake ninja-build g++, or run scripts/setup.sh")
        except subprocess.CalledProcessError:
            sys.exit(f"compress_ext: {failure}; see above")

    def get_outputs(self) -> list[str]:
        package = ("python" if self.inplace else self.build_lib) + "/compress_ext"
        return [str(path) for path in Path(package).rglob("*") if path.is_file()]


def project_version() -> str:
    text = (ROOT / "CMakeLists.txt").read_text()
    return re.search(r"project\(compress VERSION ([0-9.]+)", text).group(1)


def torch_requirement() -> str:
    """The wheel fits the torch minor it was built with, and says so to pip."""
    if importlib.util.find_spec("torch") is None:
        sys.exit(
            "compress_ext: torch is not in this environment: pip install torch==2.11.0, "
            "then pip install --no-build-isolation ."
        )
    major, minor = importlib.metadata.version("torch").split(".")[:2]
    return f"torch=={major}.{minor}.*"


setup(
    version=project_version(),
    install_requires=[torch_requirement()],
    ext_modules=[Extension("compress_ext._C", sources=[])],
    cmdclass={"build_ext": CMakeBuild},
)
