"""The mask, magnitude and observer operators on CUDA: the CPU's bits, without synchronising, also in a CUDA graph."""

import math

import pytest
import torch

ops = torch.ops.compress
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

DEVICE = "cuda"
FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
SHAPES = [(), (0,), (37,), (5, 7), (6, 16), (3, 0), (64, 3, 3, 3), (130, 513), (64, 4096)]


@pytest.fixture(autouse=True)
def synchronisation_is_an_error():
    """Copies from and to the host synchronise too: tests make them under `host()`."""
    torch.cuda.set_sync_debug_mode("error")
    yield
    torch.cuda.set_sync_debug_mode("default")


class host:
    def __enter__(self):
        torch.cuda.set_sync_debug_mode("default")

    def __exit__(self, *_):
        torch.cuda.set_sync_debug_mode("error")


def same_on_both(op, *arguments):
    with host():
        there = [a.to(DEVICE) if isinstance(a, torch.Tensor) else a for a in arguments]
    got = op(*there)
    wanted = op(*arguments)
    with host():
        # NaN has many bit patterns; one stands for all.
        for g, w in zip(got, wanted, strict=True):
            assert torch.equal(g.cpu().nan_to_num(nan=-7.5), w.nan_to_num(nan=-7.5))


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_masks(shape):
    kept = torch.rand(shape, generator=torch.Generator().manual_seed(0)) > 0.5
    same_on_both(lambda m: (ops.pack_mask(m),), kept)
    same_on_both(lambda m: (ops.unpack_mask(m, shape),), ops.pack_mask(kept))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_weights(shape, dtype):
    weight = torch.randn(shape, generator=torch.Generator().manual_seed(1)).to(dtype)
    mask = ops.magnitude_mask(weight, torch.tensor(0.5))
    same_on_both(lambda w, t: (ops.magnitude_mask(w, t),), weight, torch.tensor(0.5))
    same_on_both(lambda w, m: (ops.apply_mask(w, m),), weight, mask)
    for sparsity in (0.0, 0.3, 0.9, 1.0):
        same_on_both(lambda w: (ops.magnitude_threshold([w, w[:1] if w.dim() else w], sparsity),), weight)  # noqa: B023


def test_threshold_of_more_weights_than_a_launch_takes():
    generator = torch.Generator().manual_seed(2)
    weights = [torch.randn(i % 97, generator=generator) for i in range(200)]
    same_on_both(lambda *w: (ops.magnitude_threshold(list(w), 0.7),), *weights)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("nan", [False, True])
@pytest.mark.parametrize("averaging", [0.0, 0.01])
@pytest.mark.parametrize("shape", [(), (130, 1), (1, 513), (130, 27), (2, 513), (130, 513)], ids=str)
def test_observer(shape, averaging, nan, dtype):
    def observe(x):
        low, high = torch.full(shape, math.inf, device=x.device), torch.full(shape, -math.inf, device=x.device)
        ops.observe_min_max_(low, high, x, averaging)
        ops.observe_min_max_(low, high, x * 2, averaging)
        return low, high, *ops.choose_qparams(low, high, 0, 255, False), *ops.choose_qparams(low, high, -8, 7, True)

    x = torch.randn(130, 513, generator=torch.Generator().manual_seed(3)).to(dtype)
    if nan:
        x[7, 11] = math.nan
    same_on_both(observe, x)


def test_pruning_step_in_a_graph():
    with host():
        weight = torch.randn(64, 40, device=DEVICE)
        fresh = torch.randn(64, 40, device=DEVICE)
        graph = torch.cuda.CUDAGraph()
        ops.apply_mask_(weight.clone(), ops.magnitude_mask(weight, ops.magnitude_threshold([weight], 0.5)))
        with torch.cuda.graph(graph):
            ops.apply_mask_(weight, ops.magnitude_mask(weight, ops.magnitude_threshold([weight], 0.5)))
        weight.copy_(fresh)
        graph.replay()
        assert int((weight == 0).sum()) == weight.numel() // 2
        assert torch.equal(weight[weight != 0], fresh[weight != 0])
