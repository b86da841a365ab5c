"""Whole runs: what a config's training takes with its compression and without, and what masks cost in it."""

import json
import pathlib
import re
import subprocess
import sys
import tempfile

import torch

from benchmarks import models, records, timing
from benchmarks.candidates import plain
from benchmarks.environment import ROOT, synchronizer

COMMAND = ROOT / "python" / "compress_ext" / "bin" / "compress-ext"
DATA = ROOT / "data" / "digits" / "digits.safetensors"
CONFIGS = ("digits_prune", "digits_qat", "digits")
UPKEEP = ("resnet20", "transformer", "resnet50")
EVERY = 20  # steps between prunings, the recipe's default


def training_seconds(metrics: pathlib.Path, batch: int) -> float:
    """Seconds in which a run's optimizer took its steps, without evaluations and checkpoints: from metrics.jsonl."""
    seconds, before = 0.0, 0
    for line in metrics.read_text().splitlines():
        event = json.loads(line)
        if event["event"] == "step":
            seconds += (event["step"] - before) * batch / event["images_per_second"]
            before = event["step"]
    return seconds


def whole_run(config: str, device: str, duration: str | None, output: pathlib.Path) -> list[dict]:
    """Records of one job: the same network plain (``float``) and compressed, from the job's own files."""
    command = [COMMAND, "train", f"configs/{config}.yaml", "--set", f"output={output}", "--set", f"device={device}"]
    if "distill:" in (ROOT / "configs" / f"{config}.yaml").read_text():
        command += ["--set", f"compression.distill.teacher.checkpoint={output}/teacher"]
    if duration:
        command += ["--set", f"training.duration={duration}"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if result.returncode != 0:
        raise SystemExit(f"compress-ext train configs/{config}.yaml failed:\n{result.stderr}")
    folder = output / config
    report = json.loads((folder / "report.json").read_text())
    batch = int(re.search(r"batch_size: (\d+)", (folder / "config.yaml").read_text())[1])
    seconds = {
        "float": [training_seconds(folder / "baseline" / "metrics.jsonl", batch)],
        "compress_ext": [training_seconds(folder / "metrics.jsonl", batch)],
    }
    found = records.make_records(config, seconds, "float")
    for record, key in zip(found, ("float", "compressed"), strict=True):
        record.update({name: report[key][name] for name in ("accuracy", "bytes_on_disk", "nonzero_parameters")})
    return found


def whole_runs(configs: list[str], device: str, duration: str | None, notes: list[str]) -> list[dict]:
    """Every config's job, one after the other, in a folder that is removed."""
    if configs and not DATA.exists():
        notes.append(f"left out: whole runs, since {DATA.relative_to(ROOT)} is not there (scripts/prepare_digits.py)")
        return []
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for config in configs:
            print(f"  {config}", file=sys.stderr, flush=True)
            found += whole_run(config, device, duration, pathlib.Path(folder))
    return found


def mask_upkeep(network: str, device: str, budget: float, notes: list[str]) -> list[dict]:
    """What masks cost per step in the middle of a cubic schedule: a pruning (exact global threshold, new masks) every
    20 steps, and zeroing after each; ``ratio`` is to the float step of that network."""
    import compress_ext as cx

    workload = models.WORKLOADS[network]
    batches = models.endless_batches(workload, workload.sizes[device], device)
    try:
        model = workload.build().to(device).train()
    except ModuleNotFoundError as error:
        notes.append(f"left out: mask upkeep of {network}: {error.name} is not installed")
        return []
    loop = plain.train(model, batches, workload.optimizer)
    weights = [module.weight for module in model.modules() if isinstance(module, torch.nn.Conv2d | torch.nn.Linear)]
    masks = [cx.ops.pack_mask(torch.ones_like(weight, dtype=torch.bool)) for weight in weights]
    targets = [(str(i), weight, mask) for i, (weight, mask) in enumerate(zip(weights, masks, strict=True))]
    pruner = cx.Pruner(targets, schedule=cx.SparsitySchedule(target=0.9, end=1000, every=EVERY))
    shares = iter(0.5 + 0.4 * i / 10_000 for i in range(10_000))  # always a little more, as in a schedule
    calls = {
        "float": lambda: next(loop),
        "prune": lambda: pruner.prune_to(next(shares)),
        "zero again": pruner.apply,
    }
    samples = timing.interleaved(calls, synchronizer(device), budget)
    prune = [taken / EVERY for taken in samples["prune"]]
    both = [sum(pair) for pair in zip(prune, samples["zero again"], strict=True)]
    samples = {
        "float": samples["float"],
        f"prune, every {EVERY} steps": prune,
        "zero again": samples["zero again"],
        "both": both,
    }
    return records.make_records(f"mask upkeep, {network}", samples, "float")
