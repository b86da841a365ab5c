"""The layers of csrc/: what each folder may include. The order is that of docs/structure.md."""

import re
from pathlib import Path

import pytest

CSRC = Path(__file__).parents[2] / "csrc"
# A folder may include itself and the folders before it.
LAYERS = [
    "core", "ops", "quant", "prune", "distill", "nn", "models", "data", "optim", "recipe", "distributed", "train",
    "export", "config", "job",
]  # fmt: skip
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', re.MULTILINE)


def sources():
    return sorted(path for path in CSRC.rglob("*") if path.suffix in {".h", ".cpp", ".cu", ".cuh"})


def includes(path):
    return INCLUDE.findall(path.read_text())


def folder(path):
    """'core', 'ops', ... of csrc/compress; 'apps' or 'bindings' beside it."""
    parts = path.relative_to(CSRC).parts
    return parts[1] if parts[0] == "compress" and len(parts) > 2 else parts[0]


def without(violations):
    assert not violations, "\n" + "\n".join(violations)


def includers(prefixes, allowed):
    return [
        f"{path.relative_to(CSRC)} includes {name}"
        for path in sources()
        if folder(path) not in allowed
        for name in includes(path)
        if name.startswith(prefixes)
    ]


def cuda_files():
    """The .cu files and, transitively, the headers of ours that they include."""
    seen, todo = set(), [path for path in sources() if path.suffix in {".cu", ".cuh"}]
    while todo:
        path = todo.pop()
        if path not in seen:
            seen.add(path)
            todo += [CSRC / name for name in includes(path) if (CSRC / name).exists()]
    return seen


def test_the_tree_is_found():
    assert {"core", "ops"} <= {folder(path) for path in sources()}


def test_every_folder_has_its_place():
    known = {*LAYERS, "apps", "bindings", "compress"}
    assert {folder(path) for path in sources()} <= known


def test_a_folder_includes_only_folders_above_it():
    violations = []
    for path in sources():
        where = folder(path)
        if where not in LAYERS:
            continue
        for name in includes(path):
            parts = name.split("/")
            if parts[0] in {"apps", "bindings"}:
                violations.append(f"{path.relative_to(CSRC)} includes {name}")
            elif parts[0] == "compress" and len(parts) > 2:
                if LAYERS.index(parts[1]) > LAYERS.index(where):
                    violations.append(f"{path.relative_to(CSRC)} ({where}) includes {name}, a later layer")
    without(violations)


def test_own_headers_are_named_from_csrc():
    without(
        [
            f"{path.relative_to(CSRC)} includes {name}"
            for path in sources()
            if path.is_relative_to(CSRC / "compress")
            for name in includes(path)
            if not (CSRC / name).exists() and (path.parent / name).exists()
        ]
    )


@pytest.mark.parametrize(
    ("prefixes", "allowed"),
    [
        (("yaml-cpp/",), {"config"}),
        (("cxxopts",), {"apps"}),
        (("pybind11/", "torch/extension.h", "torch/python.h", "torch/csrc/utils/pybind.h", "Python.h"), {"bindings"}),
    ],
    ids=["yaml-cpp", "cxxopts", "pybind11"],
)
def test_a_library_is_known_in_one_place(prefixes, allowed):
    without(includers(prefixes, allowed))


def test_cuda_sources_include_no_torch_headers():
    """Each .cu file then compiles in seconds, and with C++17."""
    without(
        [
            f"{path.relative_to(CSRC)} includes {name}"
            for path in sorted(cuda_files())
            for name in includes(path)
            if name.startswith(("torch/", "ATen/", "c10/"))
        ]
    )


def test_core_and_ops_stay_narrow():
    """torch/nn.h takes 25 s to parse, ATen/ATen.h 10; these two folders skip the precompiled header."""
    without(
        [
            f"{path.relative_to(CSRC)} includes {name}"
            for path in sources()
            if folder(path) in {"core", "ops"}
            for name in includes(path)
            if name in {"torch/nn.h", "torch/torch.h", "torch/all.h", "ATen/ATen.h", "torch/extension.h"}
        ]
    )
