#!/usr/bin/env python3
"""Quantization-aware training of a trained ResNet: int8 weights per channel, int8 activations, batch norms folded.

    python examples/resnet_qat.py --data path/to/cifar-10-batches-bin
    python examples/resnet_qat.py                 # without CIFAR-10: scanned digits, enlarged to its shape
    python examples/resnet_qat.py --quick         # a few steps: shows that it runs

First the network trains in float, then for a third as long with a tenth of the learning rate while it is quantized.
"""

import argparse
import copy
import subprocess
import sys
from pathlib import Path

import compress_ext as cx
import torch
from torch import Tensor, nn
from torch.nn import functional as F

ROOT = Path(__file__).resolve().parent.parent
# Weights are on their grid from the first step of this training; ranges of activations stand still in the last third.
RECIPE = [
    {
        "quantize": {
            "weight": {"format": "int8", "granularity": "channel"},
            "activation": {"format": "int8", "granularity": "tensor", "symmetric": False},
            "start": "0%",
            "freeze_observers": "67%",
        }
    }
]


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Sequential()
        if stride != 1:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return (self.bn2(self.conv2(self.bn1(self.conv1(x)).relu())) + self.shortcut(x)).relu()


def resnet(classes: int = 10, width: int = 16) -> nn.Module:
    """ResNet-8: the CIFAR network of He et al. 2016 with one block a stage."""
    return nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1, bias=False),
        nn.BatchNorm2d(width),
        nn.ReLU(),
        BasicBlock(width, width, 1),
        BasicBlock(width, 2 * width, 2),
        BasicBlock(2 * width, 4 * width, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * width, classes),
    )


def load_data(folder: Path | None) -> tuple[cx.data.Dataset, cx.data.Dataset]:
    if folder is not None:
        return cx.data.load("cifar10", folder)
    print("no --data: scanned digits stand in for CIFAR-10, enlarged to 3x32x32; accuracies are theirs")
    digits = ROOT / "data/digits"
    if not (digits / "digits.safetensors").exists():
        subprocess.run([sys.executable, ROOT / "scripts/prepare_digits.py"], cwd=ROOT, check=True)
    return cx.data.load("digits", digits)


def as_cifar(images: Tensor) -> Tensor:
    """[N, 3, 32, 32] of whatever the data set has."""
    if images.shape[1:] == (3, 32, 32):
        return images
    return F.interpolate(images, size=32).expand(-1, 3, -1, -1).contiguous()


def train(model: nn.Module, data: cx.data.Dataset, steps: int, lr: float, compressor=None) -> None:
    batches = cx.data.Loader(data, batch_size=64, shift=1)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True, weight_decay=5e-4)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    model.train()
    step = 0
    while step < steps:
        for images, target in batches:
            images = as_cifar(images)
            logits = model(images)
            loss = compressor.loss(logits, target) if compressor else F.cross_entropy(logits, target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            if compressor:
                compressor.step()
            step += 1
            if step % 50 == 0:
                print(f"  step {step}/{steps}  loss {loss.item():.3f}", flush=True)
            if step == steps:
                return


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder with CIFAR-10's binary files (data_batch_1.bin, ...)")
    parser.add_argument("--steps", type=int, default=300, help="of float training; quantized it trains a third of that")
    parser.add_argument("--quick", action="store_true", help="6 steps on a part of the test images")
    parser.add_argument("--output", type=Path, help="folder for report.json, report.md and the packed model")
    arguments = parser.parse_args()
    steps = 6 if arguments.quick else arguments.steps
    torch.manual_seed(0)
    data, test = load_data(arguments.data)
    shown = 64 if arguments.quick else len(test)
    images, targets = as_cifar(test.normalized()[:shown]), test.targets[:shown]

    def accuracy(model: nn.Module) -> float:
        hits = [(model(x).argmax(1) == y).sum() for x, y in zip(images.split(256), targets.split(256), strict=True)]
        return sum(hits).item() / len(targets)

    print(f"float: {steps} steps")
    model = resnet(data.classes)
    train(model, data, steps, lr=0.05)

    print(f"int8: {max(1, steps // 3)} steps")
    before = copy.deepcopy(model)
    compressor = cx.Compressor(model, RECIPE, example_inputs=images[:2], total_steps=max(1, steps // 3))
    train(model, data, max(1, steps // 3), lr=0.005, compressor=compressor)
    after = compressor.finalize()

    report = cx.report(before, after, example_inputs=images[:1], evaluate=accuracy)
    print(report)
    if arguments.output:
        report.save(arguments.output)
        compressor.save_packed(arguments.output / "model.safetensors")


if __name__ == "__main__":
    main()
