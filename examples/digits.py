#!/usr/bin/env python3
"""Compresses a classifier of scanned digits in plain PyTorch, by the recipe of configs/digits.yaml: a student of 9,034
weights learns from a teacher of 58,634, loses 90 % of its weights on the way and ends in int8.

    python examples/digits.py            # about half a minute on one core; --quick takes seconds and learns little

Model and loop are your own; the recipe, the schedule of its parts and the report are compress_ext's. It is the same job
as `compress-ext train configs/digits.yaml`, which needs no Python.
"""

import argparse
import copy
import subprocess
import sys
from pathlib import Path

import compress_ext as cx
import torch
from torch import nn
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parent.parent
RECIPE = ROOT / "configs/digits.yaml"


class Block(nn.Sequential):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.bn = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()


class Convnet(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.block1 = Block(1, width // 2)
        self.block2 = Block(width // 2, width)
        self.block3 = Block(width, width)
        self.head = nn.Linear(4 * width, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        x = F.max_pool2d(self.block2(self.block1(images)), 2)
        return self.head(F.adaptive_avg_pool2d(self.block3(x), 2).flatten(1))


def load_digits() -> tuple[cx.data.Dataset, cx.data.Dataset]:
    folder = ROOT / "data/digits"
    if not (folder / "digits.safetensors").exists():
        subprocess.run([sys.executable, ROOT / "scripts/prepare_digits.py"], cwd=ROOT, check=True)
    return cx.data.load("digits", folder)


def learning_rates(optimizer: torch.optim.Optimizer, steps: int) -> torch.optim.lr_scheduler.LRScheduler:
    """Up over the first 5 %, then along a cosine down to zero."""
    warmup = max(1, steps // 20)
    up = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / warmup, total_iters=warmup - 1)
    down = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, steps - warmup))
    return torch.optim.lr_scheduler.SequentialLR(optimizer, [up, down], [warmup])


def train(model: nn.Module, digits: cx.data.Dataset, epochs: int, seed: int, compressor=None) -> None:
    """A training loop as any other; three of its lines are the compressor's."""
    batches = cx.data.Loader(digits, batch_size=64, seed=seed, shift=1)
    parameters = compressor.parameter_groups() if compressor else model.parameters()
    optimizer = torch.optim.SGD(parameters, lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4, fused=True)
    schedule = learning_rates(optimizer, epochs * len(batches))
    model.train()
    for _ in range(epochs):
        for images, target in batches:
            logits = model(images)
            loss = compressor.loss(logits, target, inputs=images) if compressor else F.cross_entropy(logits, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if compressor:
                compressor.step()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=60, help="of both students; the teacher trains half as long")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--quick", action="store_true", help="2 epochs: shows that it runs")
    parser.add_argument("--output", type=Path, help="folder for report.json, report.md and the packed model")
    arguments = parser.parse_args()
    epochs, seed = 2 if arguments.quick else arguments.epochs, arguments.seed
    torch.set_num_threads(1)  # so small a network trains fastest on one core
    digits, test = load_digits()
    images, targets = test.normalized(), test.targets

    print(f"teacher: {max(1, epochs // 2)} epochs", file=sys.stderr)
    torch.manual_seed(seed)
    teacher = Convnet(width=64)
    train(teacher, digits, max(1, epochs // 2), seed)

    print(f"student, plain: {epochs} epochs", file=sys.stderr)
    torch.manual_seed(seed)
    student = Convnet(width=24)
    before = copy.deepcopy(student)
    train(before, digits, epochs, seed)

    print(f"student, distilled, pruned and quantized: {epochs} epochs", file=sys.stderr)
    steps = epochs * len(cx.data.Loader(digits, batch_size=64))
    compressor = cx.Compressor(student, RECIPE, example_inputs=images[:2], total_steps=steps, teacher=teacher)
    train(student, digits, epochs, seed, compressor)
    after = compressor.finalize()

    report = cx.report(
        before,
        after,
        teacher=teacher,
        example_inputs=images[:1],
        evaluate=lambda model: (model(images).argmax(1) == targets).double().mean(),
    )
    print(report)
    if arguments.output:
        report.save(arguments.output)
        compressor.save_packed(arguments.output / "model.safetensors")


if __name__ == "__main__":
    main()
