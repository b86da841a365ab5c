"""Networks, recipes and data small enough for two processes on one core each."""

import compress_ext as cx
import torch
from torch import Tensor, nn

TOTAL_STEPS = 20
START = 4  #: of quantization
FREEZE = 15  #: of observers


def conv_net() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, 10),
    )


def conv_teacher() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)
    )


def conv_batch(generator: torch.Generator, size: int = 8) -> tuple[Tensor, Tensor]:
    return torch.randn(size, 1, 8, 8, generator=generator), torch.randint(10, (size,), generator=generator)


class Block(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.up = nn.Linear(width, hidden)
        self.down = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.down(torch.relu(self.up(self.norm(x))))


class BlockNet(nn.Module):
    """Row counts that two processes cannot share evenly; of ``gate`` the second has nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Linear(9, 13)
        self.blocks = nn.ModuleList([Block(13, 21), Block(13, 21)])
        self.gate = nn.Linear(13, 1)
        self.head = nn.Linear(13, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            x = block(x)
        return self.head(x) + self.gate(x)


def block_teacher() -> nn.Module:
    return nn.Sequential(nn.Linear(9, 16), nn.ReLU(), nn.Linear(16, 10))


def block_batch(generator: torch.Generator, size: int = 16) -> tuple[Tensor, Tensor]:
    return torch.randn(size, 9, generator=generator), torch.randint(10, (size,), generator=generator)


PRUNE = {"prune": {"sparsity": 0.6, "schedule": {"initial": 0.2, "start": 0, "end": 12, "every": 2}}}


def quantize(scale: str) -> dict:
    slot = {"scale": scale}
    return {"quantize": {"weight": slot, "activation": slot, "start": START, "freeze_observers": FREEZE}}


def distill(student_layer: str, teacher_layer: str) -> dict:
    """Features of other widths: a projector is trained."""
    feature = {"type": "feature", "taps": {student_layer: teacher_layer}, "weight": 0.5}
    return {"distill": {"losses": [{"type": "kl", "weight": 0.5}, feature]}}


EVERYTHING_ON_BLOCKS = [PRUNE, quantize("learned"), distill("blocks.1", "0")]


def compress(
    model: nn.Module, recipe: list, batch: Tensor, teacher: nn.Module | None = None, **options
) -> cx.Compressor:
    options = {"total_steps": TOTAL_STEPS, "show_plan": False} | options
    return cx.Compressor(model, recipe, example_inputs=batch, teacher=teacher, **options)


def train_step(compressor: cx.Compressor, forward, optimizer, batch: tuple[Tensor, Tensor]) -> float:
    x, y = batch
    optimizer.zero_grad()
    loss = compressor.loss(forward(x), y, inputs=x)
    loss.backward()
    optimizer.step()
    compressor.step()
    return loss.item()


def state_of(compressor: cx.Compressor) -> dict[str, Tensor]:
    """All tensors of a training but the optimizer's: model and projectors."""
    return dict(compressor.model.state_dict()) | compressor.state_dict()["tensors"]
