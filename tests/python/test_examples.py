"""Every example runs by one command."""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import compress_ext as cx
import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = sorted(path.name for path in EXAMPLES.glob("*.py"))


def run(name: str, *arguments: str) -> str:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive"}
    result = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments], capture_output=True, text=True, timeout=120, env=environment
    )
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_all_are_found_and_listed():
    assert len(NAMES) == 3
    listed = (EXAMPLES / "README.md").read_text()
    assert all(f"`{name}`" in listed for name in NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_quick_run_prints_a_report_and_writes_its_files(name, tmp_path):
    if not (EXAMPLES.parent / "data/digits/digits.safetensors").exists():
        pytest.importorskip("sklearn")  # which has the digits
    output = run(name, "--quick", "--output", str(tmp_path))
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["verdict"] in output
    assert report["compressed"]["bytes_on_disk"] == (tmp_path / "model.safetensors").stat().st_size
    assert report["compressed"]["bytes_on_disk"] < report["float"]["bytes_on_disk"] / 2
    packed = cx.load_packed(tmp_path / "model.safetensors")
    assert any(tensor.endswith("input_quantizer.scale") for tensor in packed)


@pytest.mark.parametrize("name", NAMES)
def test_help_says_what_it_is(name, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [name, "--help"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(EXAMPLES / name), run_name="__main__")
    assert stopped.value.code == 0
    assert "--quick" in capsys.readouterr().out
