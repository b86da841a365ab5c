"""observe_min_max_: parity with torch.ao's observers, granularities, and what NaN and infinity do."""

import math

import pytest
import torch
from torch.ao.quantization.observer import (
    MinMaxObserver,
    MovingAverageMinMaxObserver,
    MovingAveragePerChannelMinMaxObserver,
    PerChannelMinMaxObserver,
)

ops = torch.ops.compress

FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


def fresh(shape=()):
    return torch.full(shape, math.inf), torch.full(shape, -math.inf)


def batches(count, *shape, seed=0, dtype=torch.float32):
    generator = torch.Generator().manual_seed(seed)
    return [(torch.randn(shape, generator=generator) * (i + 1)).to(dtype) for i in range(count)]


def blocked_range(x, shape):
    """The minimum and maximum of each block, by reshaping."""
    split, inner = [], []
    for size, blocks in zip(x.shape, shape, strict=True):
        split += [blocks, size // blocks]
        inner.append(len(split) - 1)
    return x.reshape(split).float().amin(inner), x.reshape(split).float().amax(inner)


@pytest.mark.parametrize("averaging", [0.0, 0.01, 0.3, 1.0])
def test_per_tensor_equals_torch_ao_bit_for_bit(averaging):
    reference = MovingAverageMinMaxObserver(averaging_constant=averaging) if averaging else MinMaxObserver()
    low, high = fresh()
    for x in batches(5, 37, 53):
        reference(x)
        ops.observe_min_max_(low, high, x, averaging)
        assert torch.equal(low, reference.min_val) and torch.equal(high, reference.max_val)


@pytest.mark.parametrize("averaging", [0.0, 0.01])
@pytest.mark.parametrize("axis", [0, 1, 2, 3])
def test_per_channel_equals_torch_ao_bit_for_bit(averaging, axis):
    if averaging:
        reference = MovingAveragePerChannelMinMaxObserver(averaging_constant=averaging, ch_axis=axis)
    else:
        reference = PerChannelMinMaxObserver(ch_axis=axis)
    shape = [1] * 4
    shape[axis] = (5, 7, 3, 4)[axis]
    low, high = fresh(shape)
    for x in batches(4, 5, 7, 3, 4):
        reference(x)
        ops.observe_min_max_(low, high, x, averaging)
        assert torch.equal(low.view(-1), reference.min_val) and torch.equal(high.view(-1), reference.max_val)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize(
    "sizes, shape",
    [
        ((12, 32), (12, 4)),
        ((12, 32), (3, 8)),
        ((12, 32), (1, 32)),
        ((12, 32), (12, 32)),
        ((12, 32), (4, 32)),
        ((6, 8, 3, 4), (2, 4, 1, 2)),
        ((6, 8, 3, 4), (1, 4, 3, 1)),
        ((6, 8, 1, 1), (1, 8, 1, 1)),
        ((9,), (3,)),
        ((9,), (1,)),
    ],
    ids=str,
)
def test_every_granularity_and_dtype(sizes, shape, dtype):
    (x,) = batches(1, *sizes, dtype=dtype)
    low, high = fresh(shape)
    ops.observe_min_max_(low, high, x, 0.0)
    expected_low, expected_high = blocked_range(x, shape)
    assert torch.equal(low, expected_low) and torch.equal(high, expected_high)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_sizes_around_the_vector(dtype):
    (x,) = batches(1, 3, 70, dtype=dtype)
    for length in range(1, 71):
        piece = x[:, :length]
        for shape in ((1, 1), (3, 1), (1, length)):
            low, high = fresh(shape)
            ops.observe_min_max_(low, high, piece, 0.0)
            expected_low, expected_high = blocked_range(piece, shape)
            assert torch.equal(low, expected_low) and torch.equal(high, expected_high), (length, shape)


def test_float64_ranges_are_rounded_to_float32():
    x = torch.tensor([0.1, -0.3], dtype=torch.float64)
    low, high = fresh()
    ops.observe_min_max_(low, high, x, 0.0)
    assert low == x.float().min() and high == x.float().max()


def test_scalars_and_signs():
    for value in (3.0, -3.0, 0.0):
        low, high = fresh()
        ops.observe_min_max_(low, high, torch.tensor(value), 0.0)
        assert low == value and high == value


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("nan", [math.nan, -math.nan])
@pytest.mark.parametrize("averaging", [0.0, 0.1])
def test_nan_makes_its_own_state_nan_and_stays(dtype, nan, averaging):
    for seen_before in (False, True):
        (x,) = batches(1, 4, 40, dtype=dtype)
        low, high = fresh((4, 1))
        if seen_before:
            ops.observe_min_max_(low, high, x, averaging)
        x[2, 17] = nan
        ops.observe_min_max_(low, high, x, averaging)
        assert low.isnan().flatten().tolist() == [False, False, True, False]
        assert high.isnan().flatten().tolist() == [False, False, True, False]
        (later,) = batches(1, 4, 40, seed=5)
        ops.observe_min_max_(low, high, later, averaging)
        assert bool(low[2].isnan()) and bool(high[2].isnan())


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_infinity_is_an_ordinary_extreme(dtype):
    low, high = fresh()
    ops.observe_min_max_(low, high, torch.tensor([1.0, math.inf], dtype=dtype), 0.0)
    assert low == 1.0 and high == math.inf
    ops.observe_min_max_(low, high, torch.tensor([-math.inf, 2.0], dtype=dtype), 0.0)
    assert low == -math.inf and high == math.inf


def test_empty_changes_nothing():
    low, high = torch.tensor([[1.0]]), torch.tensor([[2.0]])
    ops.observe_min_max_(low, high, torch.empty(0, 4), 0.5)
    assert low == 1.0 and high == 2.0
    low, high = fresh((3, 1))
    ops.observe_min_max_(low, high, torch.empty(3, 0), 0.0)
    assert bool((low == math.inf).all()) and bool((high == -math.inf).all())


def test_strided_x_and_state():
    (x,) = batches(1, 6, 4, 5, 3)
    for view in (x.transpose(0, 2), x.to(memory_format=torch.channels_last), x[::2, :, 1:], x[:1].expand(6, 4, 5, 3)):
        shape = (1, view.size(1), 1, 1)
        low, high = fresh(shape)
        ops.observe_min_max_(low, high, view, 0.0)
        expected_low, expected_high = blocked_range(view, shape)
        assert torch.equal(low, expected_low) and torch.equal(high, expected_high)
    both = torch.stack(fresh((6, 1)), dim=-1)
    low, high = both[..., 0], both[..., 1]
    ops.observe_min_max_(low, high, x.reshape(6, -1), 0.0)
    assert torch.equal(low, x.reshape(6, -1).amin(1, keepdim=True))
    assert torch.equal(high, x.reshape(6, -1).amax(1, keepdim=True))


def test_many_threads_give_what_one_gives():
    (x,) = batches(1, 512, 515)
    threads = torch.get_num_threads()
    for shape in ((1, 1), (2, 1), (512, 1), (1, 515), (2, 515)):
        try:
            for count in (1, 3, 4):
                torch.set_num_threads(count)
                low, high = fresh(shape)
                ops.observe_min_max_(low, high, x, 0.0)
                expected_low, expected_high = blocked_range(x, shape)
                assert torch.equal(low, expected_low) and torch.equal(high, expected_high), (shape, count)
        finally:
            torch.set_num_threads(threads)


def test_autograd_sees_a_constant_and_counts_the_change():
    x = torch.randn(4, 8, requires_grad=True)
    low, high = fresh()
    versions = low._version, high._version
    ops.observe_min_max_(low, high, x, 0.0)
    assert (low._version, high._version) == (versions[0] + 1, versions[1] + 1)
    assert not low.requires_grad and not high.requires_grad
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        ops.observe_min_max_(low.clone().requires_grad_(), high, x, 0.0)
    with pytest.raises(RuntimeError, match="observe_min_max_: has no gradient"):
        ops.observe_min_max_(low, high.clone().requires_grad_() * 1, x, 0.0)


@pytest.mark.parametrize("shape", [(), (4, 1), (4, 2), (1, 8)], ids=str)
def test_opcheck(shape):
    low, high = fresh(shape)
    torch.library.opcheck(ops.observe_min_max_.default, (low, high, torch.randn(4, 8), 0.1))


def test_compiles_with_dynamic_shapes():
    @torch.compile(fullgraph=True, dynamic=True, backend="aot_eager")
    def observe(low, high, x):
        ops.observe_min_max_(low, high, x * 2, 0.0)
        return x + 1

    low, high = fresh()
    for size in (3, 9, 20):
        observe(low, high, torch.full((size, 2), float(size)))
    assert low == 6.0 and high == 40.0


def test_errors_say_what_is_wrong():
    x = torch.randn(4, 6)
    low, high = fresh()
    before = low.clone(), high.clone()
    cases = [
        ((low, high, x, 1.5), r"observe_min_max_: averaging must lie in \[0, 1\] .got 1.5"),
        ((low, high, x, -0.5), r"averaging must lie in \[0, 1\]"),
        ((low, high, x, math.nan), r"averaging must lie in \[0, 1\]"),
        ((low, high, x.int(), 0.0), "x must be float32, float64, float16 or bfloat16 .got Int"),
        ((low.double(), high, x, 0.0), "min and max must be float32 .got Double"),
        ((low, high.expand(2), x, 0.0), r"max must have min's shape .got \[2\], expected \[\]"),
        ((*fresh((3, 1)), x, 0.0), r"each size dividing x's .got min \[3, 1\] for x \[4, 6\]"),
        ((*fresh((4,)), x, 0.0), r"got min \[4\] for x \[4, 6\]"),
        ((low, high, x.to("meta"), 0.0), "min and max must be on x's device"),
        ((low.expand(4, 6), high.expand(4, 6), x, 0.0), "more than one element of the written-to tensor"),
        ((low, low, x, 0.0), "overlap|some elements of the input tensor"),
    ]
    for arguments, message in cases:
        with pytest.raises(RuntimeError, match=message):
            ops.observe_min_max_(*arguments)
    assert torch.equal(low, before[0]) and torch.equal(high, before[1])
