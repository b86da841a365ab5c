"""compress-ext as a user types it: exit codes, one-line errors, whole runs, signals, resume."""

import json
import pathlib
import signal
import subprocess
import time

import numpy
import pytest
from safetensors.numpy import load_file, save_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
COMMAND = ROOT / "python" / "compress_ext" / "bin" / "compress-ext"

pytestmark = pytest.mark.skipif(not COMMAND.exists(), reason="compress-ext is not built")

CONFIG = """
name: small
threads: 1
device: cpu
data: {type: digits, path: DATA, batch_size: 16}
model: {type: convnet, width: 8}
optimizer: {type: sgd, lr: 0.05}
training: {duration: 3e, log_every: 2, checkpoint_every: 5}
compression:
  - prune: {sparsity: 0.5, schedule: {every: 2}}
  - quantize: {start: 4, freeze_observers: 9}
  - distill: {teacher: {model: {type: convnet, width: 16}, checkpoint: TEACHER, train: true}}
report: {baseline: true}
"""


@pytest.fixture
def config(tmp_path):
    """A config file over 96 images whose class is their bright row."""
    data = tmp_path / "data"
    data.mkdir()
    targets = numpy.arange(96) % 4
    images = numpy.zeros((96, 8, 8), numpy.uint8)
    images[numpy.arange(96), targets] = 12
    split = (numpy.arange(96) >= 64).astype(numpy.uint8)
    save_file(
        {"images": images, "targets": targets.astype(numpy.int64), "split": split},
        data / "digits.safetensors",
    )
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG.replace("DATA", str(data)).replace("TEACHER", str(tmp_path / "teacher")))
    return file


def compress_ext(*arguments, cwd):
    return subprocess.run([COMMAND, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, timeout=120)


def expect_error(result, code, *parts):
    assert result.returncode == code, result.stderr
    lines = result.stderr.strip().splitlines()
    assert lines[-1].startswith("compress-ext: "), result.stderr
    for part in parts:
        assert part in lines[-1]


def test_help_teaches(tmp_path):
    result = compress_ext("--help", cwd=tmp_path)
    assert result.returncode == 0 and "compress-ext train CONFIG" in result.stdout
    for command in ("train", "evaluate", "inspect"):
        result = compress_ext(command, "--help", cwd=tmp_path)
        assert result.returncode == 0 and "Usage:" in result.stdout
    assert compress_ext("--version", cwd=tmp_path).stdout.startswith("compress-ext ")


def test_usage_errors_exit_with_2(tmp_path, config):
    expect_error(compress_ext("trian", "x", cwd=tmp_path), 2, "trian", "did you mean 'train'?")
    expect_error(compress_ext("train", cwd=tmp_path), 2, "one CONFIG file")
    expect_error(compress_ext("train", config, "--reusme", cwd=tmp_path), 2, "reusme", "--help")
    expect_error(compress_ext("train", config, config, cwd=tmp_path), 2, "unexpected argument")
    expect_error(compress_ext("train", tmp_path / "no.yaml", cwd=tmp_path), 2, "no.yaml")
    expect_error(
        compress_ext("train", config, "--set", "optimizer.lrr=1", cwd=tmp_path), 2, "lrr", "did you mean 'lr'?"
    )
    expect_error(compress_ext("train", config, "--resume", cwd=tmp_path), 2, "no run to resume")
    assert not (tmp_path / "runs").exists()


def test_failures_exit_with_1_and_leave_nothing(tmp_path, config):
    missing = compress_ext("train", config, "--set", "data.path=nowhere", cwd=tmp_path)
    expect_error(missing, 1, "nowhere", "scripts/prepare_digits.py")
    expect_error(compress_ext("evaluate", tmp_path, cwd=tmp_path), 1, "model.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"1234")
    expect_error(compress_ext("inspect", tmp_path / "broken.safetensors", cwd=tmp_path), 1, "4 bytes")
    assert not (tmp_path / "runs").exists()


def test_dry_run_prints_a_config_that_reloads_to_itself(tmp_path, config):
    values = "{type: adamw, lr: 0.004, weight_decay: 0.0}"
    first = compress_ext("train", config, "--dry-run", "--set", f"optimizer={values}", cwd=tmp_path)
    assert first.returncode == 0 and "lr: 0.004" in first.stdout
    (tmp_path / "effective.yaml").write_text(first.stdout)
    second = compress_ext("train", "effective.yaml", "--dry-run", cwd=tmp_path)
    assert second.stdout == first.stdout
    assert not (tmp_path / "runs").exists()


def test_a_whole_run_and_what_can_be_asked_of_it(tmp_path, config):
    result = compress_ext("train", config, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    run = tmp_path / "runs" / "small"
    report = json.loads((run / "report.json").read_text())
    assert report["compressed"]["bytes_on_disk"] == (run / "model.safetensors").stat().st_size
    assert report["verdict"] in result.stderr
    for line in (run / "metrics.jsonl").read_text().splitlines():
        json.loads(line)

    evaluated = json.loads(compress_ext("evaluate", run, cwd=tmp_path).stdout)
    assert evaluated["accuracy"] == pytest.approx(report["compressed"]["accuracy"], abs=1e-6)
    assert evaluated["images"] == 32
    baseline = compress_ext("evaluate", run / "baseline" / "model.safetensors", cwd=tmp_path)
    assert json.loads(baseline.stdout)["accuracy"] == pytest.approx(report["float"]["accuracy"], abs=1e-6)

    # Relative paths, from where a user stands.
    assert compress_ext("evaluate", "model.safetensors", cwd=run).returncode == 0
    assert compress_ext("evaluate", ".", cwd=run / "baseline").returncode == 0

    inspected = compress_ext("inspect", run, cwd=tmp_path).stdout
    assert "block1.conv" in inspected and "head" in inspected
    assert "block1.conv" in compress_ext("inspect", run / "checkpoints" / "step_00000012", cwd=tmp_path).stdout

    expect_error(compress_ext("train", config, cwd=tmp_path), 2, "holds a run already", "--resume")
    assert compress_ext("train", config, "--resume", cwd=tmp_path).returncode == 0
    expect_error(
        compress_ext("train", config, "--resume", "--set", "seed=7", cwd=tmp_path), 2, "'seed: 0' became 'seed: 7'"
    )


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_a_checkpoint_that_resumes_bit_for_bit(tmp_path, config, number):
    long = ("--set", "training.duration=200e", "--set", "report.baseline=false")
    # The teacher first, so that the signal meets the student.
    assert (
        compress_ext("train", config, "--set", "name=first", "--set", "report.baseline=false", cwd=tmp_path).returncode
        == 0
    )
    assert compress_ext("train", config, *long, "--set", "name=whole", cwd=tmp_path).returncode == 0

    process = subprocess.Popen(
        [COMMAND, "train", config, *long, "--set", "name=cut"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    checkpoints = tmp_path / "runs" / "cut" / "checkpoints"
    deadline = time.monotonic() + 60
    while not (checkpoints / "latest").exists() and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 128 + number, errors
    assert "--resume" in errors.splitlines()[-1]
    assert not (tmp_path / "runs" / "cut" / "model.safetensors").exists()

    assert compress_ext("train", config, *long, "--set", "name=cut", "--resume", cwd=tmp_path).returncode == 0
    whole, cut = (
        load_file(tmp_path / "runs" / name / "checkpoints" / "step_00000800" / "model.safetensors")
        for name in ("whole", "cut")
    )
    assert whole.keys() == cut.keys()
    for name, tensor in whole.items():
        numpy.testing.assert_array_equal(tensor, cut[name], err_msg=name)


def test_divergence_names_step_and_layer(tmp_path, config):
    result = compress_ext("train", config, "--set", "optimizer.lr=1e30", "--set", "compression=[]", cwd=tmp_path)
    expect_error(result, 1, "diverged at step 1", "the output of layer 'block", "optimizer.lr")
    assert not (tmp_path / "runs" / "small" / "model.safetensors").exists()
