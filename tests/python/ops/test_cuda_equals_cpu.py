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


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shape", [(48,), (5, 48), (3, 0), (64, 48, 3, 3), (130, 240), (64, 4080)], ids=str)
@pytest.mark.parametrize("n, m", [(2, 4), (1, 2), (4, 8), (5, 16), (2, 3), (1, 1)])
def test_groups_of_weights(n, m, shape, dtype):
    weight = (torch.randn(shape, generator=torch.Generator().manual_seed(4)) * 4).round().to(dtype)  # with ties
    same_on_both(lambda w: (ops.nm_mask(w, n, m),), weight)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize(
    "shape, blocks",
    [
        ((130, 513), ()),
        ((130, 513), (130, 1)),
        ((130, 513), (1, 513)),
        ((130, 512), (130, 16)),
        ((130, 512), (130, 32)),
        ((64, 4096), (16, 128)),
        ((4, 6, 5, 7), (1, 6, 1, 1)),
        ((0, 8), ()),
    ],
    ids=str,
)
def test_float_grids(shape, blocks, masked, dtype):
    generator = torch.Generator().manual_seed(5)
    x = (torch.randn(shape, generator=generator) * 60).to(dtype)
    grad = torch.randn(shape, generator=generator).to(dtype)
    amax = torch.rand(blocks, generator=generator) * 100
    mask = ops.pack_mask(torch.rand(shape, generator=generator) > 0.4)

    def quantize(x, grad, amax, mask):
        kept = mask if masked else None
        results = []
        for exponent_bits, mantissa_bits in ((4, 3), (5, 2), (2, 1)):
            for scale_format in ("float32", "e8m0", "e4m3"):
                top = amax.max() if scale_format == "e4m3" else None
                scale = ops.choose_float_scale(
                    -amax, amax, exponent_bits, mantissa_bits, scale_format=scale_format, tensor_amax=top
                )
                results.append(scale)
                results.append(ops.fake_quantize_float(x, scale, exponent_bits, mantissa_bits, mask=kept))
                results.append(ops.fake_quantize_float_backward(grad, x, scale, exponent_bits, mantissa_bits, kept))
        return results

    same_on_both(quantize, x, grad, amax, mask)


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
