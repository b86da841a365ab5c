"""compress_ext's safetensors files against the safetensors package: each opens the other's, bit for bit."""

from pathlib import Path

import compress_ext
import pytest
import torch
from compress_ext import load_safetensors, save_safetensors
from safetensors import safe_open
from safetensors.torch import load_file, save_file

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool,
]  # fmt: skip


def example(dtype, shape=(3, 5)):
    values = torch.arange(1, 1 + torch.Size(shape).numel()).reshape(shape)
    return (values % 2 == 0) if dtype is torch.bool else (values * 1.7).to(dtype)


def specials():
    return torch.tensor([0.0, -0.0, float("nan"), float("inf"), -float("inf"), 1e-45, 3.4e38])


def assert_bitwise_equal(actual, expected):
    assert list(actual) == list(expected) or sorted(actual) == sorted(expected)
    for name, tensor in expected.items():
        got = actual[name]
        assert got.dtype == tensor.dtype and got.shape == tensor.shape, name
        # NaN equals NaN and 0 differs from -0 only as bytes.
        assert got.contiguous().view(-1).view(torch.uint8).equal(tensor.contiguous().view(-1).view(torch.uint8)), name


def tensors():
    return {
        **{str(dtype).removeprefix("torch."): example(dtype) for dtype in DTYPES},
        "scalar": torch.tensor(2.5),
        "empty": torch.empty(0, 4),
        "specials": specials(),
        "transposed": example(torch.float32).t(),
        "slice": torch.arange(20.0)[3::2],
        "näme with spaces/é": torch.ones(1),
    }


def test_ours_opens_with_the_safetensors_package(tmp_path):
    expected = tensors()
    save_safetensors(tmp_path / "ours.safetensors", expected, {"made by": "compress_ext", "ü": "✓"})
    assert_bitwise_equal(load_file(tmp_path / "ours.safetensors"), expected)
    with safe_open(tmp_path / "ours.safetensors", framework="pt") as file:
        assert file.metadata() == {"made by": "compress_ext", "ü": "✓"}


def test_the_safetensors_packages_opens_here(tmp_path):
    expected = {name: tensor.contiguous() for name, tensor in tensors().items()}
    save_file(expected, tmp_path / "theirs.safetensors", {"format": "pt"})
    actual, metadata = load_safetensors(tmp_path / "theirs.safetensors")
    assert_bitwise_equal(actual, expected)
    assert metadata == {"format": "pt"}


def test_round_trip_of_nothing(tmp_path):
    save_safetensors(tmp_path / "none.safetensors", {})
    assert load_safetensors(tmp_path / "none.safetensors") == ({}, {})


def test_paths_may_be_strings(tmp_path):
    save_safetensors(str(tmp_path / "a.safetensors"), {"x": torch.ones(2)})
    assert load_safetensors(str(tmp_path / "a.safetensors"))[0]["x"].equal(torch.ones(2))


def test_a_state_dict_round_trips(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    save_safetensors(tmp_path / "model.safetensors", model.state_dict())
    loaded, _ = load_safetensors(tmp_path / "model.safetensors")
    assert_bitwise_equal(loaded, model.state_dict())
    model.load_state_dict(loaded)


def test_shared_memory_is_written_twice(tmp_path):
    weight = torch.randn(4, 4)
    save_safetensors(tmp_path / "tied.safetensors", {"a": weight, "b": weight})
    assert_bitwise_equal(load_file(tmp_path / "tied.safetensors"), {"a": weight, "b": weight})


@pytest.mark.parametrize("cut", [0, 4, 12, 200])
def test_a_cut_file_is_named(tmp_path, cut):
    path = tmp_path / "cut.safetensors"
    save_safetensors(path, {"x": torch.ones(100)})
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(compress_ext.Error, match="cut.safetensors"):
        load_safetensors(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(compress_ext.Error, match="missing.safetensors"):
        load_safetensors(tmp_path / "missing.safetensors")


def test_a_failed_save_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.safetensors"
    save_safetensors(path, {"x": torch.ones(2)})
    before = path.read_bytes()
    with pytest.raises((compress_ext.Error, RuntimeError), match="x"):
        save_safetensors(path, {"x": torch.ones(2, device="meta")})
    assert path.read_bytes() == before
    assert [file.name for file in Path(tmp_path).iterdir()] == ["model.safetensors"]


@pytest.mark.parametrize(
    ("tensors", "message"), [({"x": 1.0}, "'x' is of type float"), ({1: 2}, "a key is of type int")]
)
def test_what_is_no_tensor_is_a_type_error(tmp_path, tensors, message):
    with pytest.raises(TypeError, match=message):
        save_safetensors(tmp_path / "x.safetensors", tensors)
    assert not list(tmp_path.iterdir())
