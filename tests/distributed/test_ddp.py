"""cx.Compressor round and inside of torch's DistributedDataParallel."""

import copy
from contextlib import nullcontext

import compress_ext as cx
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
    state_of,
    train_step,
)
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

EVERYTHING = [PRUNE, quantize("learned"), distill("5", "1")]
METHODS = {
    "prune": [PRUNE],
    "observed": [PRUNE, quantize("observed")],
    "learned": [PRUNE, quantize("learned")],
    "observed and distill": [PRUNE, quantize("observed"), distill("5", "1")],
    "everything": EVERYTHING,
}
OPTIMIZERS = {
    "sgd": lambda groups: torch.optim.SGD(groups, lr=0.05, momentum=0.9),
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=0.01),
}


class Training:
    """Each process has its own seed, so weights, projectors and batches differ until something makes them meet."""

    def __init__(self, rank: int, recipe: list, optimizer: str = "sgd", *, ddp_first: bool = False, **ddp_options):
        torch.manual_seed(7)
        teacher = conv_teacher()
        torch.manual_seed(rank)
        self.generator = torch.Generator().manual_seed(rank)
        model = conv_net()
        wrapped = DistributedDataParallel(model, **ddp_options) if ddp_first else None
        self.compressor = compress(model, recipe, conv_batch(self.generator)[0], teacher)
        self.ddp = wrapped or DistributedDataParallel(model, **ddp_options)
        self.optimizer = OPTIMIZERS[optimizer](self.compressor.parameter_groups())

    def step(self) -> None:
        train_step(self.compressor, self.ddp, self.optimizer, conv_batch(self.generator))

    def run(self, steps: int = TOTAL_STEPS) -> "Training":
        for _ in range(steps):
            self.step()
        return self


def trains_alike(rank, recipe, optimizer, ddp_first):
    training = Training(rank, recipe, optimizer, ddp_first=ddp_first)
    before = {name: tensor.clone() for name, tensor in state_of(training.compressor).items()}
    training.run()
    state = state_of(training.compressor)
    assert_equal_everywhere(state)
    trained = {name for name in state if name.endswith(".scale") or "projector" in name}
    assert not [name for name in trained if torch.equal(state[name], before[name])]
    assert training.compressor.metrics()["sparsity"] == round(0.6 * 728) / 728


@pytest.mark.parametrize("ddp_first", [False, True], ids=["compressor first", "ddp first"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("methods", METHODS)
def test_all_state_is_the_same_after_20_steps(pair, methods, optimizer, ddp_first):
    pair.run(trains_alike, METHODS[methods], optimizer, ddp_first)


def trains_with(rank, ddp_options):
    training = Training(rank, EVERYTHING, **ddp_options).run(FREEZE + 2)
    assert_equal_everywhere(state_of(training.compressor))


@pytest.mark.parametrize(
    "ddp_options", [{"broadcast_buffers": False}, {"static_graph": True}, {"gradient_as_bucket_view": True}], ids=str
)
def test_options_of_ddp(pair, ddp_options):
    pair.run(trains_with, ddp_options)


class Wrapper(nn.Module):
    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return self.inner(x)


def trains_inside_a_wrapper(rank, bucket_view):
    expected = state_of(Training(rank, EVERYTHING).run().compressor)
    training = Training(rank, EVERYTHING)
    # Now DDP does not see the names that it was to ignore, and reduces the scales as well.
    training.ddp = DistributedDataParallel(
        Wrapper(training.compressor.model), find_unused_parameters=True, gradient_as_bucket_view=bucket_view
    )
    training.run()
    state = state_of(training.compressor)
    for name in expected:
        assert torch.equal(state[name], expected[name]), name


@pytest.mark.parametrize("bucket_view", [False, True])
def test_ddp_round_a_module_that_holds_the_model_gives_the_same(pair, bucket_view):
    pair.run(trains_inside_a_wrapper, bucket_view)


def accumulates(rank):
    training = Training(rank, EVERYTHING)
    training.run(START + 2)
    compressor, ddp = training.compressor, training.ddp
    parameters = dict(compressor.model.named_parameters())
    parameters |= {f"projector {index}": tensor for index, tensor in enumerate(compressor.added_parameters()[-2:])}
    for module in compressor.model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.eval()  # whose statistics are those of a micro-batch
    x, y = conv_batch(training.generator, 8)

    def gradients(micro_batches: int, no_sync: bool) -> dict:
        training.optimizer.zero_grad()
        for index, (part_x, part_y) in enumerate(zip(x.chunk(micro_batches), y.chunk(micro_batches), strict=True)):
            last = index == micro_batches - 1
            with ddp.no_sync() if no_sync and not last else nullcontext():
                (compressor.loss(ddp(part_x), part_y, inputs=part_x) / micro_batches).backward()
        return {name: parameter.grad.clone() for name, parameter in parameters.items()}

    whole = gradients(1, False)
    for no_sync in (False, True):
        accumulated = gradients(4, no_sync)
        assert_equal_everywhere(accumulated)
        for name in accumulated:
            if "input_quantizer" in name:
                accumulated[name] /= 2  # LSQ's 1 / sqrt(elements): a micro-batch has a quarter of them
        # Sums in another order: a few units in the last place of the largest terms.
        torch.testing.assert_close(accumulated, whole, rtol=1e-4, atol=1e-7)


def test_accumulated_gradients_are_those_of_the_whole_batch(pair):
    pair.run(accumulates)


def averages_gradients(rank):
    training = Training(rank, EVERYTHING)
    training.run(START + 2)
    compressor = training.compressor
    x, y = conv_batch(training.generator)
    added = compressor.added_parameters()
    single = copy.deepcopy(compressor.model)  # without DDP; hooks of the copy's parameters are not copied
    single.zero_grad()
    own = [p for module in single.modules() if hasattr(module, "role") for p in module.parameters(recurse=False)]
    nn.functional.cross_entropy(single(x), y).backward()
    training.optimizer.zero_grad()
    nn.functional.cross_entropy(training.ddp(x), y).backward()
    assert len(own) > 5
    scales = [p for module in compressor.model.modules() if hasattr(module, "role") for p in module.parameters(False)]
    activations = {
        p for m in compressor.model.modules() if getattr(m, "role", "") == "activation" for p in m.parameters()
    }
    assert {*map(id, scales)} <= {*map(id, added)}
    for alone, parameter in zip(own, scales, strict=True):
        expected = alone.grad.clone()
        distributed.all_reduce(expected)
        expected /= 2 ** (1.5 if parameter in activations else 1)  # the average; LSQ counts elements of both processes
        torch.testing.assert_close(parameter.grad, expected, rtol=1e-6, atol=1e-9)  # rounding


def test_gradients_of_scales_are_averages(pair):
    pair.run(averages_gradients)


def hides_from_ddp(rank):
    training = Training(rank, EVERYTHING)
    broadcast = set(training.ddp.named_module_buffers)
    assert broadcast == {
        f"{layer}.{name}" for layer in (1, 4) for name in ("running_mean", "running_var", "num_batches_tracked")
    }
    names = {name for name, _ in training.compressor.model.named_parameters() if "quantizer" in name}
    assert names and names <= training.ddp.parameters_to_ignore
    training.run()
    training.compressor.finalize()
    assert not training.compressor.model._ddp_params_and_buffers_to_ignore


def test_ddp_leaves_masks_and_quantizers_alone(pair):
    pair.run(hides_from_ddp)


def resumes(rank, stop):
    whole = Training(rank, EVERYTHING, "adamw").run()
    first = Training(rank, EVERYTHING, "adamw").run(stop)
    saved = [(first.compressor.model.state_dict(), first.compressor.state_dict(), first.optimizer.state_dict())]
    saved = copy.deepcopy(saved) if rank == 0 else [None]
    distributed.broadcast_object_list(saved)  # the first process's checkpoint is everybody's
    model, compressor, optimizer = saved[0]
    second = Training(rank, EVERYTHING, "adamw")
    second.compressor.model.load_state_dict(model)
    second.compressor.load_state_dict(compressor)
    second.optimizer.load_state_dict(optimizer)
    second.generator.set_state(first.generator.get_state())
    second.run(TOTAL_STEPS - stop)
    expected = state_of(whole.compressor)
    for name, tensor in state_of(second.compressor).items():
        assert torch.equal(tensor, expected[name]), name


@pytest.mark.parametrize("stop", [2, START, START + 1, 10, 17])
def test_resumed_from_the_first_processes_checkpoint_bit_for_bit(pair, stop):
    pair.run(resumes, stop)


def sync_batch_norm(rank):
    batch = torch.Generator().manual_seed(0)
    late = compress(conv_net(), [quantize("observed")], conv_batch(batch)[0])
    nn.SyncBatchNorm.convert_sync_batchnorm(late.model)
    with pytest.raises(cx.UsageError, match="layer '0' was replaced.*before the Compressor"):
        late.step()
    model = nn.SyncBatchNorm.convert_sync_batchnorm(conv_net())
    compressor = compress(model, [quantize("observed")], conv_batch(batch)[0])
    assert all(isinstance(model[index], nn.SyncBatchNorm) for index in (1, 4))
    assert model[0].batch_norm is model[1]
    compressor.step()


def test_sync_batch_norm_is_converted_before(pair):
    pair.run(sync_batch_norm)  # training with it needs GPUs
