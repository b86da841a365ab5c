#!/usr/bin/env python3
"""A language model of bytes, distilled and in int8: a small transformer learns from a larger one to continue Python
source code, that of the standard library, which lies on every machine that runs this.

    python examples/transformer_distillation.py            # a few minutes on two cores
    python examples/transformer_distillation.py --quick    # a few steps: shows that it runs

The report compares the compressed student with the same student, trained as long without teacher and in float.
"""

import argparse
import copy
import os
from pathlib import Path

import compress_ext as cx
import torch
from torch import Tensor, nn
from torch.nn import functional as F

CONTEXT = 128
# Half of the loss is the teacher's; from 60 % on all layers of the blocks compute on int8 grids.
RECIPE = [
    {"quantize": {"start": "60%", "freeze_observers": "90%", "exclude": ["positions"]}},
    {"distill": {"losses": [{"type": "kl", "temperature": 2, "weight": 0.5}]}},
]


class Block(nn.Module):
    """Pre-norm transformer block with causal attention."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = nn.LayerNorm(width)
        self.query_key_value = nn.Linear(width, 3 * width)
        self.output = nn.Linear(width, width)
        self.mlp_norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, 4 * width)
        self.down = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        parts = self.query_key_value(self.attention_norm(x)).chunk(3, dim=-1)
        query, key, value = (part.unflatten(-1, (self.heads, -1)).transpose(1, 2) for part in parts)
        mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.output(mixed.transpose(1, 2).flatten(2))
        return x + self.down(F.gelu(self.up(self.mlp_norm(x))))


class LanguageModel(nn.Module):
    """Bytes [N, T] to logits of the byte after each, [N, T, 256]."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.bytes = nn.Embedding(256, width)
        self.positions = nn.Embedding(CONTEXT, width)
        for embedding in (self.bytes, self.positions):
            nn.init.normal_(embedding.weight, std=0.02)  # torch's 1.0 learns slowly
        self.blocks = nn.Sequential(*(Block(width, heads=width // 32) for _ in range(layers)))
        self.norm = nn.LayerNorm(width)
        self.head = nn.Linear(width, 256)

    def forward(self, text: Tensor) -> Tensor:
        x = self.bytes(text) + self.positions(torch.arange(text.shape[1], device=text.device))
        return self.head(self.norm(self.blocks(x)))


def standard_library() -> tuple[Tensor, Tensor]:
    """Training and test bytes: every tenth module is a test."""
    folder = Path(os.__file__).parent
    files = sorted(path for path in folder.glob("*.py") if path.is_file())
    parts = ([], [])
    for number, path in enumerate(files):
        parts[number % 10 == 0].append(path.read_bytes())
    train, test = (torch.frombuffer(bytearray(b"".join(part)), dtype=torch.uint8).long() for part in parts)
    print(f"{len(files)} modules of {folder}: {len(train):,} bytes to train on, {len(test):,} to test")
    return train, test


def batch(text: Tensor, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    starts = torch.randint(len(text) - CONTEXT, (size, 1), generator=generator)
    windows = text[starts + torch.arange(CONTEXT + 1)]
    return windows[:, :-1], windows[:, 1:]


def train(model: nn.Module, text: Tensor, steps: int, compressor=None) -> None:
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps, pct_start=0.1)
    model.train()
    for step in range(1, steps + 1):
        inputs, target = batch(text, 16, generator)
        logits = model(inputs)
        if compressor:
            loss = compressor.loss(logits, target, inputs=inputs)
        else:
            loss = F.cross_entropy(logits.flatten(0, 1), target.flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        if compressor:
            compressor.step()
        if step % 100 == 0:
            print(f"  step {step}/{steps}  loss {loss.item():.3f}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=500, help="of each of the three trainings")
    parser.add_argument("--quick", action="store_true", help="5 steps of smaller networks")
    parser.add_argument("--output", type=Path, help="folder for report.json, report.md and the packed model")
    arguments = parser.parse_args()
    steps = 5 if arguments.quick else arguments.steps
    torch.manual_seed(0)
    text, test_text = standard_library()
    test = [batch(test_text, 16, torch.Generator().manual_seed(i)) for i in range(1 if arguments.quick else 16)]

    def loss_on_test(model: nn.Module) -> dict[str, float]:
        """Nats per byte."""
        losses = [F.cross_entropy(model(inputs).flatten(0, 1), target.flatten()) for inputs, target in test]
        return {"loss": (sum(losses) / len(losses)).item()}

    print("teacher")
    teacher = LanguageModel(width=64, layers=1) if arguments.quick else LanguageModel(width=128, layers=4)
    train(teacher, text, steps)

    print("student, plain")
    student = LanguageModel(width=32, layers=1) if arguments.quick else LanguageModel(width=64, layers=2)
    before = copy.deepcopy(student)
    train(before, text, steps)

    print("student, distilled and quantized")
    inputs = test[0][0][:1]
    compressor = cx.Compressor(student, RECIPE, example_inputs=inputs, total_steps=steps, teacher=teacher)
    train(student, text, steps, compressor)
    after = compressor.finalize()

    report = cx.report(before, after, teacher=teacher, example_inputs=inputs, evaluate=loss_on_test)
    print(report)
    if arguments.output:
        report.save(arguments.output)
        compressor.save_packed(arguments.output / "model.safetensors")


if __name__ == "__main__":
    main()
