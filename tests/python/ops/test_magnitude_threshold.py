"""magnitude_threshold: the exact k-th smallest magnitude over all weights."""

import math

import pytest
import torch

ops = torch.ops.compress

FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
SPARSITIES = [0.0, 0.001, 0.1, 0.5, 0.9, 0.999, 1.0]


def rank(sparsity, elements):
    return math.floor(sparsity * elements + 0.5)


def by_sorting(weights, sparsity):
    magnitudes = torch.cat([w.reshape(-1) for w in weights]).double().abs().sort().values
    k = rank(sparsity, magnitudes.numel())
    return magnitudes[k - 1] if k > 0 else torch.tensor(-1.0, dtype=torch.float64)


def network(dtype=torch.float32):
    generator = torch.Generator().manual_seed(0)
    shapes = [(64, 27), (10,), (), (0, 3), (33, 5, 3, 3), (1, 1), (4097,)]
    return [(torch.randn(s, generator=generator) * 10**-i).to(dtype) for i, s in enumerate(shapes)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16], ids=str)
@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_equals_sorting(dtype, sparsity):
    weights = network(dtype)
    threshold = ops.magnitude_threshold(weights, sparsity)
    assert threshold.dtype == torch.float32 and threshold.shape == ()
    assert threshold.double() == by_sorting(weights, sparsity)


@pytest.mark.parametrize("sparsity", SPARSITIES)
def test_float64_is_rounded_up_so_that_its_own_weight_is_pruned(sparsity):
    weights = network(torch.float64)
    exact = by_sorting(weights, sparsity)
    threshold = ops.magnitude_threshold(weights, sparsity)
    nearest_below = threshold.nextafter(torch.tensor(-math.inf))
    assert threshold.double() >= exact > nearest_below.double()
    pruned = sum(int((w.abs() <= threshold.double()).sum()) for w in weights)
    # These magnitudes are further apart than float32's ulp, so that rounding up takes none along.
    assert pruned == rank(sparsity, sum(w.numel() for w in weights))


def test_every_rank_of_a_small_vector():
    weight = torch.randn(70, generator=torch.Generator().manual_seed(1))
    for count in range(1, 71):
        piece = weight[:count]
        ordered = piece.abs().sort().values
        for k in range(1, count + 1):
            assert ops.magnitude_threshold([piece], k / count) == ordered[k - 1], (count, k)


def test_half_ranks_are_rounded_away_from_zero():
    weight = torch.tensor([4.0, 1.0, 3.0, 2.0, 5.0])
    assert ops.magnitude_threshold([weight], 0.5) == 3.0  # 2.5 -> 3
    assert ops.magnitude_threshold([weight], 0.3) == 2.0  # 1.5 -> 2
    assert ops.magnitude_threshold([weight], 0.09) == -1.0


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_ties_zeros_and_signs(dtype):
    weight = torch.tensor([0.0, -0.0, 0.5, -0.5, 0.5, -2.0], dtype=dtype)
    got = [float(ops.magnitude_threshold([weight], k / 6)) for k in range(1, 7)]
    assert got == [0.0, 0.0, 0.5, 0.5, 0.5, 2.0]
    constant = torch.full((5000,), -0.25, dtype=dtype)
    assert ops.magnitude_threshold([constant], 0.7) == 0.25


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_extremes(dtype):
    info = torch.finfo(dtype)
    values = [info.smallest_normal, info.max, math.inf, math.nan, info.smallest_normal / 2]
    weight = torch.tensor(values, dtype=torch.float64).to(dtype)
    got = [ops.magnitude_threshold([weight], k / 5) for k in range(1, 6)]
    tiny = torch.finfo(torch.float32).tiny
    if dtype == torch.float64:  # too small and too large for float32: rounded up
        assert 0 < float(got[0]) < tiny and 0 < float(got[1]) < tiny and got[2] == math.inf
    else:
        assert got[0] == info.smallest_normal / 2 and got[1] == info.smallest_normal and got[2] == info.max
    assert got[3] == math.inf
    assert got[4].isnan()


def test_no_elements_prune_nothing():
    assert ops.magnitude_threshold([torch.empty(0), torch.empty(3, 0)], 1.0) == -1.0


def test_sparsity_one_prunes_all_and_zero_none():
    weights = network()
    for sparsity, left in ((0.0, True), (1.0, False)):
        threshold = ops.magnitude_threshold(weights, sparsity)
        for w in weights:
            kept = ops.unpack_mask(ops.magnitude_mask(w, threshold), w.shape)
            assert bool((kept == left).all())


def test_strides_do_not_matter():
    weight = torch.randn(6, 4, 5, 3, generator=torch.Generator().manual_seed(2))
    views = [
        weight.transpose(0, 2),
        weight.to(memory_format=torch.channels_last),
        weight[::2, :, 1:],
        weight[:1].expand(6, 4, 5, 3),
    ]
    for view in views:
        assert ops.magnitude_threshold([view], 0.37).double() == by_sorting([view], 0.37)


def test_many_threads_give_what_one_gives():
    weights = [torch.randn(1001, 403, generator=torch.Generator().manual_seed(3)), *network()]
    threads = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            assert ops.magnitude_threshold(weights, 0.8).double() == by_sorting(weights, 0.8)
    finally:
        torch.set_num_threads(threads)


def test_is_a_constant_for_autograd():
    threshold = ops.magnitude_threshold([torch.randn(9, requires_grad=True)], 0.5)
    assert not threshold.requires_grad


def test_opcheck():
    torch.library.opcheck(ops.magnitude_threshold.default, (network(), 0.5))


def test_errors_say_what_is_wrong():
    weight = torch.randn(9)
    for sparsity in (-0.1, 1.1, math.nan):
        with pytest.raises(RuntimeError, match=r"magnitude_threshold: sparsity must lie in \[0, 1\] .got"):
            ops.magnitude_threshold([weight], sparsity)
    with pytest.raises(RuntimeError, match="at least one tensor .got an empty list"):
        ops.magnitude_threshold([], 0.5)
    with pytest.raises(RuntimeError, match="weights must be float32, .* .got Int"):
        ops.magnitude_threshold([weight.int()], 0.5)
    with pytest.raises(RuntimeError, match="one dtype .got Half at position 1, expected Float"):
        ops.magnitude_threshold([weight, weight.half()], 0.5)
    with pytest.raises(RuntimeError, match="one device .got meta at position 1, expected cpu"):
        ops.magnitude_threshold([weight, weight.to("meta")], 0.5)
