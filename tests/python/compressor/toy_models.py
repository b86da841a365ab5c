"""Small models, batches that follow from the step, and a training loop as a user writes it."""

import compress_ext as cx
import torch
from torch import nn

TOTAL_STEPS = 12


def convnet(width: int = 6) -> nn.Module:
    torch.manual_seed(0)

    def block(inputs: int, outputs: int) -> nn.Module:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())

    return nn.Sequential(
        block(1, width), block(width, width), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * width, 5)
    )


def mlp() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 5))


class Transformer(nn.Module):
    """Embedding, encoder, head; of tokens [N, 6] below 20."""

    def __init__(self, tied: bool = False) -> None:
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        layer = nn.TransformerEncoderLayer(16, 4, 24, dropout=0.0, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.head = nn.Linear(16, 20 if tied else 5)
        if tied:
            self.head.weight = self.embed.weight
        self.tied = tied

    def forward(self, tokens: torch.Tensor, padding: torch.Tensor | None = None) -> torch.Tensor:
        x = self.encoder(self.embed(tokens), src_key_padding_mask=padding)
        return self.head(x if self.tied else x.mean(1))


def transformer() -> nn.Module:
    torch.manual_seed(0)
    return Transformer()


MODELS = {"convnet": convnet, "mlp": mlp, "transformer": transformer}


def batch(step: int, model: str = "convnet", size: int = 8) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(step)
    target = torch.randint(5, (size,), generator=generator)
    if model == "transformer":
        return torch.randint(20, (size, 6), generator=generator), target
    return torch.randn(size, 1, 6, 6, generator=generator), target


def recipe(*, prune=0.5, scale="observed", distill=None, **quantize) -> list[dict]:
    """Pruning until step 5, quantization from step 6, frozen from step 10."""
    methods = []
    if prune is not None:
        methods.append({"prune": {"sparsity": prune, "schedule": {"start": 1, "end": 5, "every": 2}}})
    if scale is not None:
        block = {
            "weight": {"granularity": "channel", "scale": scale},
            "activation": {"symmetric": False, "scale": scale} | ({} if scale == "learned" else {"averaging": 0.1}),
            "start": 6,
            "freeze_observers": 10,
        }
        methods.append({"quantize": block | quantize})
    if distill is not None:
        methods.append({"distill": distill})
    return methods


def compress(model: nn.Module, methods, example=None, **keywords) -> cx.Compressor:
    keywords = {"total_steps": TOTAL_STEPS, "show_plan": False} | keywords
    return cx.Compressor(model, methods, example_inputs=batch(0)[0] if example is None else example, **keywords)


def sgd(parameters, **keywords) -> torch.optim.Optimizer:
    return torch.optim.SGD(parameters, **({"lr": 0.05, "momentum": 0.9, "weight_decay": 1e-2} | keywords))


def train(compressor, optimizer, steps=TOTAL_STEPS, *, start=0, model="convnet", run=None) -> list[float]:
    """The loss of each step."""
    run = compressor.model if run is None else run
    compressor.model.train()
    losses = []
    for step in range(start, steps):
        x, target = batch(step, model)
        optimizer.zero_grad()
        loss = compressor.loss(run(x), target, inputs=x)
        loss.backward()
        optimizer.step()
        compressor.step()
        losses.append(loss.item())
    return losses


def evaluate(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    model.eval()
    with torch.no_grad():
        return model(x)


def zeros(model: nn.Module, name: str) -> int:
    return int((model.get_parameter(name) == 0).sum())
