"""observe_qparams_ and initialize_learned_: the single operators' bits in one call, and the papers' formulas."""

import math

import pytest
import torch
from torch.ao.quantization.observer import MovingAverageMinMaxObserver, PerChannelMinMaxObserver

ops = torch.ops.compress

FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
SHAPES = [(), (12, 1), (1, 32), (12, 4), (3, 8), (12, 32)]


def state(shape=(), zero_point=torch.int32, device="cpu"):
    real = dict(dtype=torch.float32, device=device)
    zero = None if zero_point is None else torch.full(shape, 9, dtype=zero_point, device=device)
    return [torch.full(shape, math.inf, **real), torch.full(shape, -math.inf, **real), torch.ones(shape, **real), zero]


def sample(*shape, seed=0, dtype=torch.float32, device="cpu"):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype).to(device)


def same(a, b):
    return torch.equal(a.nan_to_num(nan=-7.5), b.nan_to_num(nan=-7.5))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("averaging", [0.0, 0.1])
def test_equals_observing_and_choosing(averaging, symmetric, shape, dtype, device):
    mine, theirs = state(shape, device=device), state(shape, device=device)
    for seed in range(3):
        x = sample(12, 32, seed=seed, dtype=dtype, device=device) * (3 - seed)
        ops.observe_qparams_(*mine, x, -8, 7, symmetric, averaging=averaging)
        ops.observe_min_max_(theirs[0], theirs[1], x, averaging)
        scale, zero_point = ops.choose_qparams(theirs[0], theirs[1], -8, 7, symmetric)
        for got, wanted in zip(mine, [theirs[0], theirs[1], scale, zero_point], strict=True):
            assert torch.equal(got, wanted)


@pytest.mark.parametrize("zero_point", [torch.int32, torch.int64, torch.float32], ids=str)
def test_zero_points_of_every_type(zero_point, device):
    x = sample(12, 32, device=device) + 0.5
    reference, other = state((12, 1), device=device), state((12, 1), zero_point, device)
    ops.observe_qparams_(*reference, x, 0, 255, False)
    ops.observe_qparams_(*other, x, 0, 255, False)
    assert other[3].dtype == zero_point and torch.equal(reference[3].to(zero_point), other[3])
    assert reference[3].unique().numel() > 1
    ops.observe_qparams_(*other, x, -127, 127, True)
    assert not other[3].any()
    alone = state((12, 1), None, device)
    ops.observe_qparams_(*alone, x, -127, 127, True)
    assert torch.equal(alone[2], other[2])


def test_equals_torch_ao():
    reference = MovingAverageMinMaxObserver(averaging_constant=0.1, dtype=torch.qint8)
    mine = state()
    for seed in range(4):
        x = sample(8, 9, seed=seed)
        reference(x)
        ops.observe_qparams_(*mine, x, -128, 127, False, averaging=0.1)
    scale, zero_point = reference.calculate_qparams()
    assert torch.equal(mine[2], scale.view(())) and torch.equal(mine[3], zero_point.view(()))
    channels = PerChannelMinMaxObserver(ch_axis=1, dtype=torch.qint8, qscheme=torch.per_channel_affine)
    mine = state((1, 9))
    channels(sample(8, 9))
    ops.observe_qparams_(*mine, sample(8, 9), -128, 127, False)
    scale, zero_point = channels.calculate_qparams()
    assert torch.equal(mine[2].view(-1), scale) and torch.equal(mine[3].view(-1), zero_point)


def test_forgetting_starts_anew(device):
    mine, fresh = state((6, 1), device=device), state((6, 1), device=device)
    ops.observe_qparams_(*mine, 10 * sample(6, 8, device=device), 0, 15, False)
    ops.observe_qparams_(*mine, sample(6, 8, seed=1, device=device), 0, 15, False, averaging=0.5, forget=True)
    ops.observe_qparams_(*fresh, sample(6, 8, seed=1, device=device), 0, 15, False)
    assert all(torch.equal(a, b) for a, b in zip(mine, fresh, strict=True))


@pytest.mark.parametrize("shape", [(), (1, 1), (6, 1), (1, 40), (6, 4)], ids=str)
def test_percentile_is_the_kth_value_of_each_block(shape, device):
    x = sample(6, 40, device=device)
    mine = state(shape, device=device)
    ops.observe_qparams_(*mine, x, 0, 255, False, percentile=90.0)
    groups = shape[1] if shape else 1
    rows = shape[0] if shape else 1
    blocks = x.view(rows, 6 // rows, groups, 40 // groups).permute(0, 2, 1, 3).reshape(rows * groups, -1)
    n = blocks.size(1)
    k = math.ceil(0.9 * n)
    assert torch.equal(mine[1].view(-1), blocks.sort().values[:, k - 1])
    assert torch.equal(mine[0].view(-1), blocks.sort().values[:, n - k])
    scale, zero_point = ops.choose_qparams(mine[0], mine[1], 0, 255, False)
    assert torch.equal(mine[2], scale) and torch.equal(mine[3], zero_point)


def test_percentile_averages_batches_and_hundred_is_the_range():
    mine, whole = state(), state()
    x = torch.arange(1000.0)
    for _ in range(2):
        ops.observe_qparams_(*mine, x, 0, 255, False, averaging=0.25, percentile=99.0)
        x = x * 2
    assert mine[1].item() == 989 + 0.25 * 989
    ops.observe_qparams_(*whole, x, 0, 255, False, percentile=100.0)
    assert whole[1].item() == x.max()


def test_strided_states_and_channels_last(device):
    x = sample(4, 6, 5, 3, device=device)
    expected = state((1, 6, 1, 1), device=device)
    ops.observe_qparams_(*expected, x, 0, 255, False)
    for view in (x.to(memory_format=torch.channels_last), x.transpose(2, 3).contiguous().transpose(2, 3)):
        mine = [torch.stack([t, t], -1)[..., 0] for t in state((1, 6, 1, 1), device=device)]
        ops.observe_qparams_(*mine, view, 0, 255, False)
        assert all(torch.equal(a, b) for a, b in zip(mine, expected, strict=True))
    mine = [torch.stack([t, t], -1)[..., 0] for t in state((4, 1, 1, 1), device=device)]
    ops.observe_qparams_(*mine, x.transpose(2, 3), 0, 255, False, percentile=80.0)
    again = state((4, 1, 1, 1), device=device)
    ops.observe_qparams_(*again, x, 0, 255, False, percentile=80.0)
    assert all(torch.equal(a, b) for a, b in zip(mine, again, strict=True))


FACTORS = [((12, 1), (12, 1)), ((12, 4), (12, 1)), ((12, 4), (1, 1)), ((1, 32), (1, 32))]  # scales that have one each
SPLIT = [((), (12, 1)), ((3, 8), (12, 1)), ((12, 1), (1, 32))]  # scales that meet several


@pytest.mark.parametrize("percentile", [100.0, 90.0])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shape, factor_shape", FACTORS + SPLIT, ids=str)
def test_a_fold_factor_is_that_of_the_product(shape, factor_shape, dtype, percentile, device):
    factor = sample(*factor_shape, seed=9, device=device)  # of both signs
    mine, theirs = state(shape, device=device), state(shape, device=device)
    for seed in range(2):
        x = sample(12, 32, seed=seed, dtype=dtype, device=device)
        rest = (-8, 7, False)
        ops.observe_qparams_(*mine, x, *rest, averaging=0.1, percentile=percentile, fold_factor=factor)
        ops.observe_qparams_(*theirs, x * factor, *rest, averaging=0.1, percentile=percentile)
    for got, wanted in zip(mine, theirs, strict=True):
        if dtype == torch.float64:  # the product is rounded to float32 before, not after
            torch.testing.assert_close(got, wanted, rtol=3e-7, atol=0)
        else:
            assert torch.equal(got, wanted)


def test_a_fold_factor_multiplies_in_float32(device):
    """300 * 300 is beyond float16."""
    x = torch.full((2, 4), 300.0, dtype=torch.float16, device=device)
    for shape in ((2, 1), ()):
        mine = state(shape, device=device)
        ops.observe_qparams_(*mine, x, 0, 255, False, fold_factor=x[:, :1])
        assert (mine[1] == 90000).all()


def test_a_fold_factor_of_a_half_model_and_channels_last(device):
    weight = sample(8, 6, 3, 3, device=device).to(memory_format=torch.channels_last)
    factor = sample(8, 1, 1, 1, seed=1, dtype=torch.bfloat16, device=device)
    mine, theirs = state((8, 1, 1, 1), device=device), state((8, 1, 1, 1), device=device)
    ops.observe_qparams_(*mine, weight, -127, 127, True, forget=True, fold_factor=factor)
    ops.observe_qparams_(*theirs, weight * factor.float(), -127, 127, True, forget=True)
    assert all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))


def test_empty_changes_nothing(device):
    for percentile in (100.0, 99.0):
        mine = state((3, 1), device=device)
        before = [t.clone() for t in mine]
        ops.observe_qparams_(*mine, torch.empty(3, 0, device=device), 0, 255, False, forget=True, percentile=percentile)
        assert all(torch.equal(a, b) for a, b in zip(mine, before, strict=True))
    scale = torch.ones(3, 1, device=device)
    ops.initialize_learned_(scale, None, torch.empty(3, 0, device=device), -8, 7, True)
    assert torch.equal(scale, torch.ones(3, 1, device=device))


def test_nan_is_seen_in_its_own_scale():
    mine = state((4, 1))
    x = sample(4, 40)
    x[2, 17] = math.nan
    ops.observe_qparams_(*mine, x, 0, 255, False)
    for t in mine[:3]:
        assert t.isnan().flatten().tolist() == [False, False, True, False]
    assert mine[3][2].item() == 0


def test_autograd_sees_a_constant_and_counts_the_change():
    mine = state((4, 1))
    x = sample(4, 8).requires_grad_()
    versions = [t._version for t in mine]
    ops.observe_qparams_(*mine, x, 0, 255, False)
    assert [t._version for t in mine] == [v + 1 for v in versions]
    assert not any(t.requires_grad for t in mine)
    learned = state((4, 1), torch.float32)
    learned[2].requires_grad_()
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        ops.observe_qparams_(*learned, x, 0, 255, False)
    with torch.no_grad():
        ops.observe_qparams_(*learned, x, 0, 255, False)
    assert learned[2].requires_grad


@pytest.mark.parametrize("zero_point", [None, torch.int32, torch.float32], ids=str)
@pytest.mark.parametrize("percentile", [100.0, 90.0])
def test_opcheck(zero_point, percentile):
    mine = state((4, 2), zero_point)
    mine[0].fill_(-1), mine[1].fill_(1)
    torch.library.opcheck(
        ops.observe_qparams_.default,
        (*mine, sample(4, 8), -8, 7, zero_point is None),
        dict(averaging=0.1, percentile=percentile, fold_factor=torch.full((4, 1), 0.5) if zero_point is None else None),
    )


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_compiles(backend, dynamic):
    def step(low, high, scale, zero_point, x):
        with torch.no_grad():
            ops.observe_qparams_(low, high, scale, zero_point, x, 0, 255, False, averaging=0.1)
        return ops.fake_quantize(x, scale, zero_point, 0, 255)

    compiled = torch.compile(step, fullgraph=True, dynamic=dynamic, backend=backend)
    mine, theirs = state(), state()
    for size in (3, 9, 20) if dynamic else (8, 8):
        x, y = sample(size, 4, seed=size).requires_grad_(), sample(size, 4, seed=size).requires_grad_()
        got, wanted = compiled(*mine, x), step(*theirs, y)
        got.sum().backward(), wanted.sum().backward()
        assert torch.equal(got, wanted) and torch.equal(x.grad, y.grad)
        assert all(torch.equal(a, b) for a, b in zip(mine, theirs, strict=True))


def test_errors_say_what_is_wrong():
    low, high, scale, zero_point = state((4, 1))
    before = [low.clone(), high.clone(), scale.clone(), zero_point.clone()]
    x = sample(4, 6)
    cases = [
        ((low, high, scale, zero_point, x, 0, 255, False), dict(averaging=1.5), r"averaging must lie in \[0, 1\]"),
        ((low, high, scale, zero_point, x, 0, 255, False), dict(percentile=50.0), r"percentile must lie in \(50, 100"),
        ((low, high, scale, zero_point, x, 0, 255, False), dict(percentile=100.5), "percentile must lie"),
        ((low, high, scale, zero_point, x, 5, 5, False), {}, "quant_min must be below quant_max"),
        ((low, high, scale, None, x, 0, 255, False), {}, "an asymmetric grid needs a zero_point"),
        ((low, high, scale.double(), zero_point, x, 0, 255, False), {}, "scale must be float32 .got Double"),
        ((low, high, scale[:2], zero_point, x, 0, 255, False), {}, r"scale has the wrong shape .got \[2, 1\]"),
        ((low, high, scale, zero_point[:2], x, 0, 255, False), {}, "zero_point must have scale's shape"),
        ((low, high, scale, zero_point.short(), x, 0, 255, False), {}, "zero_point must be int32, int64 or float32"),
        ((low, high, scale.to("meta"), zero_point, x, 0, 255, False), {}, "scale must be on x's device"),
        ((low, high, scale, zero_point, x.int(), 0, 255, False), {}, "x must be float32"),
        ((*state((3, 1)), x, 0, 255, False), {}, "each size dividing x's"),
        (
            (low, high, scale, zero_point, x, 0, 255, False),
            dict(fold_factor=torch.ones(4)),
            "fold_factor must have x's",
        ),
        (
            (low, high, scale, zero_point, x, 0, 255, False),
            dict(fold_factor=torch.ones(2, 1)),
            r"got \[2, 1\], expected",
        ),
        ((low, high, scale, zero_point, x, 0, 255, False), dict(fold_factor=x.int()), "fold_factor must be float32"),
        ((low, high, scale, zero_point, x, 0, 255, False), dict(fold_factor=x.to("meta")), "must be on x's device"),
        ((low, high, low, zero_point, x, 0, 255, False), {}, "overlap|some elements of the input tensor"),
    ]
    for arguments, options, message in cases:
        with pytest.raises(RuntimeError, match=message):
            ops.observe_qparams_(*arguments, **options)
    assert all(torch.equal(a, b) for a, b in zip([low, high, scale, zero_point], before, strict=True))


def spread_mean(x, shape, skip_zeros):
    split = [n for d, s in enumerate(shape) for n in (s, x.shape[d] // s)]
    blocks = x.float().abs().reshape(split)
    inner = tuple(range(1, 2 * len(shape), 2))
    count = (blocks != 0).sum(inner).clamp_min(1) if skip_zeros else x.numel() // math.prod(shape)
    return blocks.sum(inner) / count


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("shape", [(1, 1), (12, 1), (1, 32), (3, 8)], ids=str)
@pytest.mark.parametrize("skip_zeros", [False, True])
def test_learned_symmetric_scales_start_as_lsqs(skip_zeros, shape, dtype, device):
    x = sample(12, 32, dtype=dtype, device=device)
    x[:, ::2] = 0
    scale, zero_point = torch.ones(shape, device=device), torch.full(shape, 3.0, device=device)
    ops.initialize_learned_(scale, zero_point, x, -8, 7, True, skip_zeros=skip_zeros)
    # float32 sums in another order
    expected = (2 * spread_mean(x, shape, skip_zeros) / math.sqrt(7)).clamp_min(torch.finfo(torch.float32).eps)
    torch.testing.assert_close(scale, expected, rtol=1e-5, atol=0)
    assert not zero_point.any()


@pytest.mark.parametrize("shape", [(), (12, 1), (1, 32)], ids=str)
def test_learned_asymmetric_grids_start_at_the_range(shape, device):
    x = sample(12, 32, device=device)
    scale, zero_point = torch.ones(shape, device=device), torch.zeros(shape, device=device)
    ops.initialize_learned_(scale, zero_point, x, 0, 15, False)
    reference = state(shape, torch.float32, device)
    ops.observe_qparams_(*reference, x, 0, 15, False)
    assert torch.equal(scale, reference[2]) and torch.equal(zero_point, reference[3])


def test_learned_scales_of_zeros_are_positive():
    scale = torch.ones(4, 1)
    ops.initialize_learned_(scale, None, torch.zeros(4, 8), -8, 7, True, skip_zeros=True)
    assert bool((scale == torch.finfo(torch.float32).eps).all())


def test_learned_opcheck_and_errors():
    scale, zero_point, x = torch.ones(4, 1), torch.zeros(4, 1), sample(4, 8)
    torch.library.opcheck(ops.initialize_learned_.default, (scale, zero_point, x, 0, 15, False))
    torch.library.opcheck(ops.initialize_learned_.default, (scale, None, x, -8, 7, True), dict(skip_zeros=True))
    for arguments, message in (
        ((scale, None, x, 0, 15, False), "an asymmetric grid needs a zero_point"),
        ((scale, None, x, -8, 0, True), "a symmetric grid needs quant_max > 0"),
        ((scale[:3], None, x, -8, 7, True), "each size dividing x's"),
        ((scale.half(), None, x, -8, 7, True), "scale must be float32"),
        ((scale, None, x.int(), -8, 7, True), "x must be float32"),
    ):
        with pytest.raises(RuntimeError, match="initialize_learned_: .*" + message):
            ops.initialize_learned_(*arguments)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        ops.initialize_learned_(scale.requires_grad_(), None, x, -8, 7, True)


@pytest.mark.parametrize("symmetric", [True, False])
def test_a_module_may_initialize_while_compiled(symmetric):
    class Quantizer(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.ones(4, 1))
            self.zero_point = torch.nn.Parameter(torch.zeros(4, 1))

        def forward(self, x):
            with torch.no_grad():
                ops.initialize_learned_(self.scale, self.zero_point, x, -8, 7, symmetric)
            return ops.fake_quantize(x, self.scale, self.zero_point, -8, 7)

    eager, module = Quantizer(), Quantizer()
    compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
    x = sample(4, 8)
    got, wanted = compiled(x), eager(x)
    got.sum().backward(), wanted.sum().backward()
    assert torch.equal(got, wanted) and torch.equal(module.scale, eager.scale)
    assert torch.equal(module.scale.grad, eager.scale.grad)


@pytest.mark.parametrize(("percentile", "count", "rank"), [(99.9, 1000, 999), (99.9, 10000, 9990), (55.0, 100, 55)])
def test_percentile_ranks_are_not_moved_by_binary_fractions(percentile, count, rank):
    x = torch.arange(1.0, count + 1)
    low, high, scale = torch.tensor(math.inf), torch.tensor(-math.inf), torch.tensor(1.0)
    torch.ops.compress.observe_qparams_(low, high, scale, None, x, -127, 127, True, percentile=percentile)
    assert high == rank and low == count - rank + 1


def test_one_nan_among_many_is_seen_by_percentiles():
    x = torch.randn(100_000)
    x[7] = math.nan
    low, high, scale = torch.tensor(math.inf), torch.tensor(-math.inf), torch.tensor(1.0)
    torch.ops.compress.observe_qparams_(low, high, scale, None, x, -127, 127, True, percentile=99.9)
    assert low.isnan() and high.isnan() and scale.isnan()
