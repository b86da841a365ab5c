"""The networks whose training steps are measured, and batches for them."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VOCABULARY, TOKENS, WIDTH, HEADS, LAYERS = 256, 128, 512, 8, 4


class BasicBlock(nn.Module):
    """ResNet's block of two 3x3 convolutions (He et al. 2016), with a 1x1 convolution where shapes differ."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.relu2 = nn.ReLU()
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        y = self.bn2(self.conv2(self.relu1(self.bn1(self.conv1(x)))))
        return self.relu2(y + self.shortcut(x))


class ResNet20(nn.Module):
    """The network for CIFAR-10 (He et al. 2016, section 4.2): 3 stages of 3 blocks, 16, 32 and 64 channels."""

    def __init__(self, classes: int = 10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        blocks, inputs = [], 16
        for outputs, first_stride in ((16, 1), (32, 2), (64, 2)):
            for stride in (first_stride, 1, 1):
                blocks.append(BasicBlock(inputs, outputs, stride))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(64, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.relu(self.bn1(self.conv1(x))))
        return self.head(torch.flatten(self.pool(x), 1))


class Layer(nn.Module):
    """A transformer's layer, normalised first; heads are split by views of a fixed token count, so that every
    library's tracer can follow."""

    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.query, self.key = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.value, self.out = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
        self.gelu = nn.GELU()

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        query, key, value = (
            part.view(-1, TOKENS, HEADS, WIDTH // HEADS).transpose(1, 2)
            for part in (self.query(y), self.key(y), self.value(y))
        )
        y = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.out(y.transpose(1, 2).reshape(-1, TOKENS, WIDTH))
        return x + self.down(self.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    """A byte-level language model: logits of the next byte, one row per token."""

    def __init__(self):
        super().__init__()
        self.embedding = nn.Embedding(VOCABULARY, WIDTH)
        self.layers = nn.Sequential(*(Layer() for _ in range(LAYERS)))
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, VOCABULARY)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.head(self.norm(self.layers(self.embedding(tokens)))).flatten(0, 1)


def torchvision_model(name: str) -> Callable[[], nn.Module]:
    def build() -> nn.Module:
        import torchvision

        return getattr(torchvision.models, name)()

    return build


def images(side: int, classes: int) -> Callable[[int], tuple[Tensor, Tensor]]:
    return lambda batch: (torch.randn(batch, 3, side, side), torch.randint(classes, (batch,)))


def tokens(batch: int) -> tuple[Tensor, Tensor]:
    text = torch.randint(VOCABULARY, (batch, TOKENS + 1))
    return text[:, :-1].contiguous(), text[:, 1:].flatten()


@dataclass(frozen=True)
class StepWorkload:
    """A network, its batches and its optimizer."""

    build: Callable[[], nn.Module]
    batch: Callable[[int], tuple[Tensor, Tensor]]
    sizes: dict[str, int]  # the batch's size on each device
    optimizer: Callable[[nn.Module], torch.optim.Optimizer]


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9)


def adamw(model: nn.Module) -> torch.optim.Optimizer:
    return torch.optim.AdamW(model.parameters(), lr=1e-4)


WORKLOADS = {
    "resnet20": StepWorkload(ResNet20, images(32, 10), {"cpu": 64, "cuda": 64}, sgd),
    "transformer": StepWorkload(Transformer, tokens, {"cpu": 8, "cuda": 8}, adamw),
    "resnet50": StepWorkload(torchvision_model("resnet50"), images(224, 1000), {"cpu": 4, "cuda": 64}, sgd),
    "mobilenet_v2": StepWorkload(torchvision_model("mobilenet_v2"), images(224, 1000), {"cpu": 4, "cuda": 64}, sgd),
}


def endless_batches(workload: StepWorkload, size: int, device: str) -> Iterator[tuple[Tensor, Tensor]]:
    """Four random batches of a fixed seed, over and over: no loader is measured."""
    torch.manual_seed(1)
    made = [tuple(tensor.to(device) for tensor in workload.batch(size)) for _ in range(4)]
    return itertools.cycle(made)
