"""scripts/prepare_digits.py: the file that `data: {type: digits}` reads."""

import subprocess
import sys
from pathlib import Path

import numpy
import pytest
from safetensors.numpy import load_file

SCRIPT = Path(__file__).parents[2] / "scripts" / "prepare_digits.py"


def prepare(folder):
    return subprocess.run([sys.executable, SCRIPT, "--output", folder], capture_output=True, text=True)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    pytest.importorskip("sklearn")
    folder = tmp_path_factory.mktemp("digits") / "new" / "digits"
    result = prepare(folder)
    assert result.returncode == 0, result.stderr
    return folder / "digits.safetensors"


def test_holds_every_digit_of_scikit_learn(prepared):
    from sklearn.datasets import load_digits

    content = load_file(prepared)
    assert {name: (str(array.dtype), array.shape) for name, array in content.items()} == {
        "images": ("uint8", (1797, 8, 8)),
        "targets": ("int64", (1797,)),
        "split": ("uint8", (1797,)),
    }
    assert numpy.array_equal(content["images"], load_digits().images)
    assert numpy.array_equal(content["targets"], load_digits().target)


def test_split_is_fixed_and_stratified(prepared):
    content = load_file(prepared)
    test = content["split"] == 1
    assert test.sum() == 360 and (content["split"] <= 1).all()
    shares = [test[content["targets"] == digit].mean() for digit in range(10)]
    assert max(shares) - min(shares) < 0.01
    # Accuracies are compared between runs and machines: the split must never move.
    assert numpy.flatnonzero(test)[:8].tolist() == [21, 24, 28, 34, 35, 37, 39, 42]


def test_second_call_leaves_the_file_alone(prepared):
    before = prepared.stat().st_mtime_ns
    assert "already there" in prepare(prepared.parent).stdout
    assert prepared.stat().st_mtime_ns == before
    assert [path.name for path in prepared.parent.iterdir()] == ["digits.safetensors"]


def test_folder_that_cannot_be_made_is_one_line(tmp_path):
    pytest.importorskip("sklearn")
    (tmp_path / "file").write_text("")
    result = prepare(tmp_path / "file" / "digits")
    assert result.returncode == 1
    assert result.stderr.startswith("prepare_digits: ") and result.stderr.count("\n") == 1
