"""cx.Compressor with FSDP2 (torch.distributed.fsdp.fully_shard)."""

import copy
import gc

import compress_ext as cx
import pytest
import torch
from pair import assert_equal_everywhere
from small_training import (
    EVERYTHING_ON_BLOCKS,
    FREEZE,
    PRUNE,
    START,
    TOTAL_STEPS,
    BlockNet,
    block_batch,
    block_teacher,
    compress,
    distill,
    quantize,
    state_of,
    train_step,
)
from torch import Tensor, distributed, nn
from torch.distributed.checkpoint import DefaultLoadPlanner, FileSystemReader, FileSystemWriter, load, save
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_state_dict,
    set_state_dict,
)
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
from torch.distributed.tensor import DTensor, Shard

FULL = StateDictOptions(full_state_dict=True)
METHODS = {
    "prune": [PRUNE],
    "observed": [PRUNE, quantize("observed")],
    "learned": [PRUNE, quantize("learned")],
    "observed and distill": [PRUNE, quantize("observed"), distill("blocks.1", "0")],
    "everything": EVERYTHING_ON_BLOCKS,
}
OPTIMIZERS = {
    "sgd": lambda groups: torch.optim.SGD(groups, lr=0.02, momentum=0.9),
    "adamw": lambda groups: torch.optim.AdamW(groups, lr=0.01),
}


def batches(dtype: torch.dtype) -> list[tuple[Tensor, Tensor]]:
    """Of all processes together."""
    generator = torch.Generator().manual_seed(5)
    return [(x.to(dtype), y) for x, y in (block_batch(generator) for _ in range(TOTAL_STEPS))]


class Training:
    """The same in one process and, sharded, in two, each with every second sample."""

    def __init__(self, recipe, *, rank=0, sharded=True, dtype=torch.float32, optimizer="sgd", **options):
        torch.manual_seed(0)
        self.model, teacher = BlockNet().to(dtype), block_teacher().to(dtype)
        group = None if sharded else single_process_group()
        self.compressor = compress(self.model, recipe, batches(dtype)[0][0], teacher, process_group=group)
        if sharded:
            shard(self.model, ignored_params=set(self.compressor.added_parameters()), **options)
        self.optimizer = OPTIMIZERS[optimizer](self.compressor.parameter_groups())
        self.batches = [(x[rank::2], y[rank::2]) if sharded else (x, y) for x, y in batches(dtype)]

    def run(self, stop: int = TOTAL_STEPS) -> "Training":
        while self.compressor.steps < stop:
            train_step(self.compressor, self.model, self.optimizer, self.batches[self.compressor.steps])
        return self

    def full_state(self) -> dict[str, Tensor]:
        """In both processes, as a model that is not sharded names it."""

        def whole(tensor: Tensor) -> Tensor:
            return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor

        return {name: whole(tensor).detach().clone() for name, tensor in state_of(self.compressor).items()}


def single_process_group() -> distributed.ProcessGroup:
    return [distributed.new_group([rank]) for rank in range(2)][distributed.get_rank()]


def shard(model: BlockNet, **options) -> None:
    for block in model.blocks:
        fully_shard(block, **options)
    fully_shard(model, **options)


def assert_pruned(state: dict[str, Tensor], sparsity: float) -> None:
    zeros = elements = 0
    for name, mask in state.items():
        if name.endswith("weight_mask"):
            weight = state[name.removesuffix("_mask")]
            kept = torch.ops.compress.unpack_mask(mask, weight.shape)
            assert torch.equal(weight != 0, kept), name
            zeros += int((~kept).sum())
            elements += weight.numel()
    assert zeros == round(sparsity * elements)


def trains(rank, recipe, fsdp_options):
    training = Training(recipe, rank=rank, **fsdp_options)
    before = training.full_state()
    training.run()
    state = training.full_state()
    assert_equal_everywhere(state)
    assert_pruned(state, 0.6)
    trained = {name for name in state if name.endswith((".scale", "norm.weight")) or "projector" in name}
    assert not [name for name in trained if torch.equal(state[name], before[name])]
    empty = training.model.gate.weight.to_local()
    assert empty.shape == (1 - rank, 13)


@pytest.mark.parametrize("methods", METHODS)
def test_trains_alike_and_prunes_exactly(pair, methods):
    pair.run(trains, METHODS[methods], {})


def trains_in_bfloat16(rank, recipe):
    trains(rank, recipe, {"mp_policy": MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=torch.float32)})


@pytest.mark.parametrize("methods", METHODS)
def test_trains_in_bfloat16(pair, methods):
    pair.run(trains_in_bfloat16, METHODS[methods])


def trains_in_a_mesh(rank, shape):
    mesh = init_device_mesh("cpu", shape, mesh_dim_names=("replicate", "shard"))
    training = Training(EVERYTHING_ON_BLOCKS, rank=rank, mesh=mesh).run()
    state = training.full_state()
    assert_equal_everywhere(state)
    assert_pruned(state, 0.6)


@pytest.mark.parametrize("shape", [(2, 1), (1, 2)])
def test_hybrid_sharding(pair, shape):
    pair.run(trains_in_a_mesh, shape)


def clips(rank):
    training = Training(EVERYTHING_ON_BLOCKS, rank=rank).run(START + 1)
    whole = training.compressor.added_parameters()
    x, y = training.batches[0]
    training.optimizer.zero_grad()
    training.compressor.loss(training.model(x), y, inputs=x).backward()
    for parameters in ([p for p in training.model.parameters() if p not in set(whole)], whole):
        norm = torch.nn.utils.clip_grad_norm_(parameters, 1e-3)
        assert norm > 1e-3
        assert_equal_everywhere({"norm": norm.full_tensor() if isinstance(norm, DTensor) else norm})


def test_gradients_are_clipped_apart(pair):
    pair.run(clips)


def equals_one_process(rank, recipe, dtype, steps, rtol, atol):
    alone = Training(recipe, sharded=False, dtype=dtype).run(steps)
    together = Training(recipe, rank=rank, dtype=dtype).run(steps)
    expected, state = state_of(alone.compressor), together.full_state()
    assert expected.keys() == state.keys()
    for name in expected:
        exact = name.endswith("weight_mask")
        torch.testing.assert_close(
            state[name],
            expected[name],
            rtol=0 if exact else rtol,
            atol=0 if exact else atol,
            equal_nan=True,
            msg=lambda message, name=name: f"{name}: {message}",
        )


def test_pruning_and_distillation_equal_one_process(pair):
    # float64 sums in another order, grown in 20 steps; projectors are float32.
    pair.run(equals_one_process, [PRUNE, distill("blocks.1", "0")], torch.float64, TOTAL_STEPS, 1e-4, 1e-5)


def test_pruning_in_float64_equals_one_process(pair):
    pair.run(equals_one_process, [PRUNE], torch.float64, TOTAL_STEPS, 1e-10, 1e-12)


def through_files(first: Training, second: Training, folder: str) -> None:
    """torch.distributed.checkpoint: every process writes its shards."""
    model, optimizer = get_state_dict(first.model, first.optimizer)
    save({"model": model, "optimizer": optimizer}, storage_writer=FileSystemWriter(folder))
    model, optimizer = get_state_dict(second.model, second.optimizer)
    # A learned scale has no state in the optimizer before its quantizer is on.
    planner = DefaultLoadPlanner(allow_partial_load=True)
    load({"model": model, "optimizer": optimizer}, storage_reader=FileSystemReader(folder), planner=planner)
    options = StateDictOptions(strict=False)
    set_state_dict(second.model, second.optimizer, model_state_dict=model, optim_state_dict=optimizer, options=options)


def through_full_state(first: Training, second: Training, folder: str) -> None:
    """The first process gathers all of it, as for one file."""
    box = [get_state_dict(first.model, first.optimizer, options=FULL)]
    distributed.broadcast_object_list(box)
    model, optimizer = box[0]
    options = StateDictOptions(full_state_dict=True, strict=False)
    set_state_dict(second.model, second.optimizer, model_state_dict=model, optim_state_dict=optimizer, options=options)


def through_own_state(first: Training, second: Training, folder: str) -> None:
    """Every process keeps what it has: the only way for projectors, which torch's names of parameters leave out."""
    model, optimizer = copy.deepcopy((first.model.state_dict(), first.optimizer.state_dict()))
    second.model.load_state_dict(model)
    second.optimizer.load_state_dict(optimizer)


def saves_and_resumes(rank, methods, optimizer, stop, through, folder):
    whole, first, second = (Training(METHODS[methods], rank=rank, optimizer=optimizer) for _ in range(3))
    whole.run()
    first.run(stop)
    through(first, second, folder)
    second.compressor.load_state_dict(first.compressor.state_dict())
    second.run()
    expected = whole.full_state()
    for name, tensor in second.full_state().items():
        assert torch.equal(tensor, expected[name]), name


@pytest.mark.parametrize(
    ("methods", "optimizer", "stop", "through"),
    [
        ("observed", "sgd", START - 1, through_files),
        ("observed", "adamw", FREEZE + 2, through_full_state),
        ("learned", "sgd", START - 1, through_files),
        ("learned", "sgd", START - 1, through_full_state),
        ("learned", "adamw", START + 3, through_files),
        ("learned", "adamw", START + 3, through_full_state),
        ("learned", "adamw", START - 1, through_own_state),
        ("everything", "adamw", START + 3, through_own_state),
    ],
)
def test_resumes_bit_for_bit(pair, methods, optimizer, stop, through, tmp_path):
    pair.run(saves_and_resumes, methods, optimizer, stop, through, str(tmp_path))


def finalizes(rank):
    training = Training([PRUNE, quantize("learned")], rank=rank).run()
    with pytest.raises(cx.UsageError, match="finalize: the model is sharded.*'stem.weight'"):
        training.compressor.finalize()
    x = training.batches[0][0]
    training.model.eval()
    with torch.no_grad():
        expected = training.model(x)
    state = get_model_state_dict(training.model, options=FULL)
    box = [state if rank == 0 else None]
    distributed.broadcast_object_list(box)
    whole = Training([PRUNE, quantize("learned")], sharded=False)
    whole.model.load_state_dict(box[0])
    whole.compressor.load_state_dict(training.compressor.state_dict())
    plain = whole.compressor.finalize().eval()
    assert not any(type(module).__module__.startswith("compress_ext") for module in plain.modules())
    with torch.no_grad():
        torch.testing.assert_close(plain(x), expected, rtol=0, atol=0)


def test_finalize_of_the_gathered_model(pair):
    pair.run(finalizes)


def keeps_no_whole_weight(rank):
    assert not whole_weights()
    training = Training(EVERYTHING_ON_BLOCKS, rank=rank).run(3)
    assert not whole_weights()
    del training


def whole_weights() -> list[Tensor]:
    """Tensors with memory that have the shape of a weight which is sharded."""
    gc.collect()
    shape = BlockNet().blocks[0].up.weight.shape
    tensors = [o for o in gc.get_objects() if type(o) in (Tensor, nn.Parameter) and o.shape == shape]
    return [tensor for tensor in tensors if tensor.untyped_storage().size() > 0]


def test_a_gathered_weight_is_let_go(pair):
    pair.run(keeps_no_whole_weight)


def refuses(rank):
    generator = torch.Generator().manual_seed(rank)
    batch = block_batch(generator)

    model = BlockNet()
    shard(model)
    with pytest.raises(cx.UsageError, match=r"make it before fully_shard.*'stem.weight' is sharded"):
        compress(model, [PRUNE], batch[0])

    recipe = [{"quantize": {"weight": {"scale": "learned"}}}]
    compressor = compress(BlockNet(), recipe, batch[0])
    shard(compressor.model)
    optimizer = torch.optim.SGD(compressor.parameter_groups(), lr=0.1)
    with pytest.raises(cx.UsageError, match=r"scale is sharded; call fully_shard\(..., ignored_params=set"):
        train_step(compressor, compressor.model, optimizer, batch)

    compressor = compress(nn.Sequential(nn.Linear(8, 8)), [PRUNE], torch.randn(4, 8))
    with pytest.raises(cx.UsageError, match=r"layer '0' is sharded as .*1.*shard_placement_fn.*prune.exclude"):
        fully_shard(compressor.model, shard_placement_fn=lambda parameter: Shard(parameter.dim() - 1))
        compressor.step()


def test_what_cannot_work_says_so(pair):
    pair.run(refuses)
