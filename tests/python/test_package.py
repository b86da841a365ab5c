"""Import, versions, errors, and that every function of compress_ext.ops is the operator it documents."""

import inspect
import pickle
import subprocess
import sys
from pathlib import Path

import compress_ext
import pytest
import torch
from compress_ext import _build_info, _loading, ops

PACKAGE = Path(compress_ext.__file__).parent


def in_new_process(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)


def import_with(**changes):
    """Imports compress_ext in a new process, with other values in its _build_info."""
    lines = ["import importlib.machinery, sys, types"]
    values = {name: getattr(_build_info, name) for name in dir(_build_info) if name.isupper()} | changes
    lines += [
        "faked = types.ModuleType('compress_ext._build_info')",
        f"vars(faked).update({values!r})",
        "faked.__spec__ = importlib.machinery.ModuleSpec(faked.__name__, None)",
        "sys.modules[faked.__name__] = faked",
        "import compress_ext",
    ]
    return in_new_process("\n".join(lines))


def test_build_info_tells_what_was_built():
    assert _loading.minor(_build_info.TORCH_VERSION) == _loading.minor(torch.__version__)
    assert compress_ext.__version__ == _build_info.VERSION
    assert _build_info.GIT_COMMIT == "unknown" or len(_build_info.GIT_COMMIT) == 40


def test_the_faked_build_info_itself_is_accepted():
    result = import_with()
    assert result.returncode == 0, result.stderr


def test_another_patch_of_torch_is_accepted():
    major, minor, *_ = _build_info.TORCH_VERSION.split(".")
    result = import_with(TORCH_VERSION=f"{major}.{minor}.97")
    assert result.returncode == 0, result.stderr


def test_another_minor_of_torch_is_refused_with_the_fix():
    result = import_with(TORCH_VERSION="2.98.0")
    assert result.returncode != 0
    message = result.stderr.strip().splitlines()[-1]
    assert message.startswith("ImportError: compress_ext was built for torch 2.98, but torch " + torch.__version__)
    assert "pip install 'torch==2.98.*'" in message


def test_minor_version_is_compared_as_a_whole():
    _loading.check_torch("2.11.0", "2.11.3+cu130")
    for other in ("2.1.0", "2.12.0", "3.11.0"):
        with pytest.raises(ImportError, match="built for torch"):
            _loading.check_torch("2.11.0", other)


def test_the_command_is_packaged_and_runs_without_python():
    binary = PACKAGE / "bin" / "compress-ext"
    if not binary.exists():
        pytest.skip("compress-ext is not part of this build")
    result = subprocess.run(
        [binary, "--help"], capture_output=True, text=True, timeout=60, env={"PATH": "/usr/bin:/bin"}
    )
    assert result.returncode == 0, result.stderr
    assert "train" in result.stdout


def test_errors_are_standard_errors_too():
    assert issubclass(compress_ext.Error, RuntimeError)
    assert issubclass(compress_ext.UsageError, compress_ext.Error)
    assert issubclass(compress_ext.UsageError, ValueError)


def test_errors_cross_processes():
    copy = pickle.loads(pickle.dumps(compress_ext.UsageError("message")))
    assert type(copy) is compress_ext.UsageError
    assert str(copy) == "message"


@pytest.mark.parametrize(("bits", "low", "narrow_low", "high"), [(2, -2, -1, 1), (4, -8, -7, 7), (8, -128, -127, 127)])
def test_integer_formats(bits, low, narrow_low, high):
    fmt = compress_ext.IntegerFormat(f"int{bits}")
    assert (fmt.bits, fmt.name) == (bits, f"int{bits}")
    assert (fmt.quant_min(narrow=False), fmt.quant_min(narrow=True), fmt.quant_max()) == (low, narrow_low, high)
    assert fmt == compress_ext.IntegerFormat(fmt.name)
    assert hash(fmt) == hash(compress_ext.IntegerFormat(fmt.name))
    assert repr(fmt) == f"IntegerFormat('int{bits}')"


@pytest.mark.parametrize("name", ["int1", "int9", "uint8", "", "int16"])
def test_unknown_format_is_a_usage_error(name):
    with pytest.raises(compress_ext.UsageError, match=f"unknown format '{name}' .allowed: int2 to int8"):
        compress_ext.IntegerFormat(name)


@pytest.mark.parametrize("name", ops.__all__)
def test_wrapper_has_the_operators_signature(name):
    overload = getattr(torch.ops.compress, name).default
    parameters = inspect.signature(getattr(ops, name)).parameters.values()
    arguments = overload._schema.arguments
    assert [p.name for p in parameters] == [a.name for a in arguments]
    assert [p.kind is p.KEYWORD_ONLY for p in parameters] == [a.kwarg_only for a in arguments]
    for parameter, argument in zip(parameters, arguments, strict=True):
        has_default = parameter.default is not parameter.empty
        if parameter.default is None and str(argument.type).startswith("List["):
            continue  # a schema has no default for a list of tensors; the wrapper's None is an empty one
        assert has_default == argument.has_default_value(), parameter.name
        assert not has_default or parameter.default == argument.default_value, parameter.name
    assert inspect.getdoc(getattr(ops, name))
