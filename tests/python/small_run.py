"""A data set and a config that train in well under a second."""

from pathlib import Path

import torch
from compress_ext import Config
from safetensors.torch import save_file

RECIPE = [
    {"prune": {"sparsity": 0.5, "schedule": {"every": 2}}},
    {"quantize": {"weight": {"scale": "learned"}, "start": 4, "freeze_observers": 9}},
]
TOTAL_STEPS = 12


def images(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """uint8 [count, 8, 8] and their classes: class k has a bright row k, or from 8 on a bright column."""
    targets = torch.arange(count) % 10
    pixels = torch.zeros(count, 8, 8, dtype=torch.uint8)
    for index, target in enumerate(targets.tolist()):
        (pixels[index] if target < 8 else pixels[index].t())[target % 8] = 12 + index % 3
    return pixels, targets


def write_digits(folder: Path) -> Path:
    """64 training and 40 test images, in the format of scripts/prepare_digits.py."""
    folder.mkdir(parents=True, exist_ok=True)
    pixels, targets = images(104)
    split = (torch.arange(104) >= 64).to(torch.uint8)
    save_file({"images": pixels, "targets": targets, "split": split}, folder / "digits.safetensors")
    return folder


def small_config(folder: Path, *overrides: str, compression=()) -> Config:
    """12 steps in 3 epochs of 4; the run's folder is folder/runs/small. One thread: these tests share their machine."""
    return Config.parse(
        {
            "name": "small",
            "output": str(folder / "runs"),
            "device": "cpu",
            "threads": 1,
            "data": {"type": "digits", "path": str(write_digits(folder / "data")), "batch_size": 16},
            "model": {"type": "convnet", "width": 8},
            "optimizer": {"type": "sgd", "lr": 0.05},
            "training": {"duration": "3e", "log_every": 2, "checkpoint_every": 5},
            "compression": list(compression),
        },
        list(overrides),
    )
