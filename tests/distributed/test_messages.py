"""What is sent, and when: messages cost more than the few numbers in them."""

import pytest
import torch
from pair import assert_equal_everywhere
from small_training import (
    FREEZE,
    PRUNE,
    START,
    TOTAL_STEPS,
    compress,
    conv_batch,
    conv_net,
    conv_teacher,
    distill,
    quantize,
    train_step,
)
from torch import Tensor, distributed, nn


class Messages:
    """Counts what this package sends in each step; DDP's own messages are sent in C++."""

    def __init__(self, monkeypatch) -> None:
        self.sent: list[str] = []
        self.numbers = 0
        for name in ("all_reduce", "broadcast"):
            monkeypatch.setattr(distributed, name, self._counting(name, getattr(distributed, name)))

    def _counting(self, name, send):
        def counted(message, *arguments, **options):
            self.sent.append(name)
            self.numbers += message.numel()
            return send(message, *arguments, **options)

        return counted

    def take(self) -> list[str]:
        sent, self.sent = self.sent, []
        return sent


def messages_of_each_step(recipe: list, model: nn.Module) -> list[list[str]]:
    with pytest.MonkeyPatch.context() as monkeypatch:
        messages = Messages(monkeypatch)
        generator = torch.Generator().manual_seed(0)
        compressor = compress(model, recipe, conv_batch(generator)[0], conv_teacher())
        optimizer = torch.optim.SGD(compressor.parameter_groups(), lr=0.01)
        messages.take()
        steps = []
        for _ in range(TOTAL_STEPS):
            train_step(compressor, model, optimizer, conv_batch(generator))
            steps.append(messages.take())
        return steps


def without_batch_norm() -> nn.Module:
    return nn.Sequential(*(layer for layer in conv_net() if not isinstance(layer, nn.BatchNorm2d)))


def sends_no_more(rank):
    reduce, broadcast = ["all_reduce"], ["broadcast"]
    observing = FREEZE - START
    quiet = TOTAL_STEPS - FREEZE

    assert messages_of_each_step([PRUNE], without_batch_norm()) == [[]] * TOTAL_STEPS
    assert messages_of_each_step([quantize("observed")], without_batch_norm()) == (
        [[]] * START + [reduce] * observing + [[]] * quiet
    )
    # Gradients in each step, and once the first values.
    assert messages_of_each_step([quantize("learned")], without_batch_norm()) == (
        [[]] * START + [reduce * 2] + [reduce] * (TOTAL_STEPS - START - 1)
    )
    # A projector has a gradient from the first step on, and shares the message of the scales.
    assert messages_of_each_step([quantize("learned"), distill("3", "1")], without_batch_norm()) == (
        [reduce] * START + [reduce * 2] + [reduce] * (TOTAL_STEPS - START - 1)
    )
    # Statistics of batch norms until they freeze; without quantization at the end alone.
    assert messages_of_each_step([quantize("observed")], conv_net()) == (
        [[]] * START + [reduce + broadcast] * observing + [[]] * quiet
    )
    assert messages_of_each_step([PRUNE], conv_net()) == [[]] * (TOTAL_STEPS - 1) + [broadcast]


def test_messages_of_each_step(pair):
    pair.run(sends_no_more)


class SideBySide(nn.Module):
    """Layers that all read the input itself, each at another size, so that their ranges are the batch's own."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(5, 3) for _ in range(3)])

    def forward(self, x: Tensor) -> Tensor:
        return sum(layer(x * 2**index) for index, layer in enumerate(self.layers))


def side_by_side() -> SideBySide:
    torch.manual_seed(0)
    return SideBySide()


def observes_the_whole_batch(rank, observer, granularity):
    slot = {"observer": observer, "granularity": granularity, "symmetric": False}
    recipe = [{"quantize": {"activation": slot, "start": 1, "freeze_observers": 5}}]
    generator = torch.Generator().manual_seed(3)
    batches = [(torch.randn(16, 5, generator=generator) * k, torch.arange(16) % 3) for k in range(1, 8)]
    groups = [distributed.new_group([process]) for process in range(2)]
    together, alone = (
        compress(side_by_side(), recipe, batches[0][0], total_steps=len(batches), process_group=group)
        for group in (None, groups[rank])
    )
    for x, y in batches:
        for compressor, half in ((together, slice(8 * rank, 8 * rank + 8)), (alone, slice(None))):
            still = torch.optim.SGD(compressor.model.parameters(), lr=0.0)
            train_step(compressor, compressor.model, still, (x[half], y[half]))
        state = {name: tensor for name, tensor in together.model.state_dict().items() if "quantizer" in name}
        expected = alone.model.state_dict()
        assert state
        assert_equal_everywhere(state)
        for name, tensor in state.items():
            assert torch.equal(tensor, expected[name]), name


def test_ranges_are_those_of_the_whole_batch(pair):
    for observer in ("min_max", "moving_average"):
        for granularity in ("tensor", "channel"):
            pair.run(observes_the_whole_batch, observer, granularity)


def one_process_does_not_call_a_layer(rank):
    """As a mixture of experts may: its quantizers agree all the same, once the layer was reached anywhere."""

    class Sometimes(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.always, self.sometimes = nn.Linear(5, 5), nn.Linear(5, 3)
            self.skips = False

        def forward(self, x: Tensor) -> Tensor:
            x = self.always(x)
            return x[:, :3] if self.skips else self.sometimes(x)

    torch.manual_seed(0)
    for slot in ({"scale": "learned"}, {"scale": "observed"}):
        model = Sometimes()
        x, y = torch.randn(4, 5), torch.arange(4) % 3
        recipe = [{"quantize": {"weight": slot, "activation": slot}}]
        compressor = compress(model, recipe, x, total_steps=4)
        optimizer = torch.optim.SGD(compressor.parameter_groups(), lr=0.0)
        model.skips = True
        train_step(compressor, model, optimizer, (x, y))
        assert (model.sometimes.input_quantizer.scale == 1).all(), "nobody has seen an input"
        model.skips = rank == 1
        train_step(compressor, model, optimizer, (x, y))
        assert (model.sometimes.input_quantizer.scale != 1).all()
        # A weight's own range is taken where the layer is called.
        shared = "quantizer" if slot["scale"] == "learned" else "input_quantizer"
        assert_equal_everywhere({name: tensor for name, tensor in model.state_dict().items() if shared in name})


def test_a_layer_that_one_process_does_not_call(pair):
    pair.run(one_process_does_not_call_a_layer)
