#!/usr/bin/env python3
"""What the compiler made of the CUDA kernels: registers, how many blocks of 256 threads a multiprocessor holds with
them, spills, the widest loads and stores of global memory, and divisions of 64 bits, which are calls.

    python scripts/cuda_sass.py [--arch sm_90] [--match TEXT] [LIBRARY]

Reads libcompress_cuda.so (or an object file or cubin) with NVIDIA's cuobjdump and nvdisasm, from PATH, the CUDA toolkit
or the triton package. docs/operators/cuda.md holds a reading. No GPU is needed.
"""

import argparse
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

LIBRARY = Path(__file__).resolve().parent.parent / "python" / "compress_ext" / "lib" / "libcompress_cuda.so"
NAMESPACES = re.compile(r"\(anonymous namespace\)::|compress::(?:cuda::|math::)?|void |\(.*")


def tool(name):
    """Path of one of NVIDIA's tools."""
    places = [shutil.which(name), f"{os.environ.get('CUDA_HOME', '/usr/local/cuda')}/bin/{name}"]
    triton = importlib.util.find_spec("triton")
    if triton is not None:
        places.append(str(Path(triton.origin).parent / "backends" / "nvidia" / "bin" / name))
    for place in places:
        if place and Path(place).exists():
            return place
    sys.exit(
        f"cuda_sass: {name} not found (looked in {', '.join(p for p in places if p)}); it is part of the CUDA toolkit"
    )


def output_of(*command, cwd=None):
    return subprocess.run(command, check=True, capture_output=True, text=True, cwd=cwd).stdout


def cubins(path, arch, folder):
    """The machine code for one architecture that lies in a library or object file."""
    if path.suffix == ".cubin":
        return [path]
    output_of(tool("cuobjdump"), "-xelf", arch, str(path.resolve()), cwd=folder)
    return sorted(Path(folder).glob(f"*{arch}*.cubin"))


def resources(cubin):
    """{mangled name: (registers, spilled bytes)}"""
    text = output_of(tool("cuobjdump"), "-res-usage", str(cubin))
    pattern = re.compile(r"Function (\S+):\s+REG:(\d+) STACK:(\d+)")
    return {m[1]: (int(m[2]), int(m[3])) for m in pattern.finditer(text)}


def instructions(cubin):
    """{mangled name: its instructions}"""
    found, current = {}, None
    for line in output_of(tool("nvdisasm"), "-c", str(cubin)).splitlines():
        if section := re.match(r"\s*\.section\s+\.text\.([^,]+),", line):
            current = found.setdefault(section[1], [])
        elif (code := re.match(r"\s+/\*[0-9a-f]{4,}\*/\s+(.*?);", line)) and current is not None:
            current.append(code[1])
    return found


def widest(code, operation):
    """Bytes of the widest access, and how many of them there are."""
    widths = []
    for line in code:
        if access := re.search(rf"\b{operation}\.E(\S*)", line):
            bits = re.search(r"\.(128|64|U8|S8|U16|S16)\b", access[1])
            widths.append({"128": 16, "64": 8, "U8": 1, "S8": 1, "U16": 2, "S16": 2}[bits[1]] if bits else 4)
    return f"{max(widths)} x{widths.count(max(widths))}" if widths else "-"


def blocks_per_multiprocessor(registers):
    """Blocks of 256 threads whose registers fit: warps get them in units of 256, of which there are 65536."""
    per_warp = -(-registers * 32 // 256) * 256
    return min(8, 65536 // (8 * per_warp))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("library", nargs="?", type=Path, default=LIBRARY)
    parser.add_argument("--arch", default="sm_90")
    parser.add_argument("--match", default="", help="only kernels whose name holds this")
    arguments = parser.parse_args()
    print("| kernel | registers | blocks | stack | load | store | 64-bit divisions | instructions |")
    print("|---|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        for cubin in cubins(arguments.library, arguments.arch, folder):
            usage = resources(cubin)
            for mangled, code in instructions(cubin).items():
                name = NAMESPACES.sub("", output_of("c++filt", mangled).strip())
                if arguments.match not in name or mangled not in usage:
                    continue
                registers, stack = usage[mangled]
                divisions = sum("CALL" in line and re.search(r"(div|rem)_[su]64", line) is not None for line in code)
                row = [
                    f"`{name}`",
                    registers,
                    blocks_per_multiprocessor(registers),
                    stack,
                    widest(code, "LDG"),
                    widest(code, "STG"),
                    divisions,
                    len(code),
                ]
                print("| " + " | ".join(map(str, row)) + " |")


if __name__ == "__main__":
    main()
