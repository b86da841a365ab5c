"""Operators on many tensors: each result is the single operator's, bit for bit, whatever the tensors' number, sizes,
strides and types; and gradients, the compiler and errors."""

import math

import pytest
import torch

ops = torch.ops.compress

FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
# Sizes of x and of its scale: per channel, tensor, group, input channel, column, block; empties; more than a piece.
WEIGHTS = [
    ((64, 3, 3, 3), (64, 1, 1, 1)),
    ((10,), ()),
    ((5, 7), (5, 1)),
    ((0, 4), (1, 1)),
    ((24, 96), (24, 3)),
    ((6, 8, 3, 3), (1, 8, 1, 1)),
    ((16, 33), (1, 33)),
    ((3, 9000), (3, 1)),
    ((24, 96), (6, 12)),
    ((3, 0), (3, 1)),
    ((), ()),
    ((130, 513), (130, 1)),
    ((70000,), (1,)),
]


def randn(shape, seed, dtype=torch.float32, device="cpu"):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype).to(device)


def weights(dtype, device, count=13):
    """Tensors of every shape, some transposed or channels-last."""
    xs, scales = [], []
    for i in range(count):
        shape, scale_shape = WEIGHTS[i % len(WEIGHTS)]
        x = randn(shape, i, dtype, device)
        if i % 3 == 1 and x.dim() == 2:
            x = x.t().contiguous().t()
        if x.dim() == 4:
            x = x.to(memory_format=torch.channels_last)
        xs.append(x)
        scales.append(randn(scale_shape, 100 + i, device=device).abs() * 0.05 + 0.01)
    return xs, scales


def masks_of(xs):
    """Packed masks; none for every third."""
    kept = [torch.rand(x.shape, generator=torch.Generator().manual_seed(7)).to(x.device) > 0.4 for x in xs]
    return [None if i % 3 == 0 else ops.pack_mask(k) for i, k in enumerate(kept)]


def same(got, wanted):
    assert len(got) == len(wanted)
    for position, (g, w) in enumerate(zip(got, wanted, strict=True)):
        assert g.shape == w.shape and g.dtype == w.dtype and g.stride() == w.stride(), position
        assert torch.equal(g.nan_to_num(nan=-7.5), w.nan_to_num(nan=-7.5)), position


@pytest.mark.parametrize("count", [1, 13, 100])
@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("zero_point", [None, torch.int32, torch.float32], ids=str)
def test_fake_quantize_multi_is_fake_quantize_of_each(zero_point, masked, dtype, count, device):
    xs, scales = weights(dtype, device, count)
    zero_points = [] if zero_point is None else [(s * 60 - 2).round().to(zero_point) for s in scales]
    masks = masks_of(xs) if masked else []
    got = ops.fake_quantize_multi(xs, scales, zero_points, -8, 7, masks=masks, grad_factors=[])
    wanted = [
        ops.fake_quantize(x, s, zero_points[i] if zero_points else None, -8, 7, mask=masks[i] if masked else None)
        for i, (x, s) in enumerate(zip(xs, scales, strict=True))
    ]
    same(got, wanted)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("learned", ["x", "scale", "x scale", "x scale zero_point"])
def test_gradients_are_those_of_each(learned, masked, dtype, device):
    def leaves():
        xs, scales = weights(dtype, device)
        zero_points = [s * 60 - 2.3 for s in scales] if "zero_point" in learned else []
        for tensors, name in ((xs, "x"), (scales, "scale"), (zero_points, "zero_point")):
            for t in tensors:
                t.requires_grad_(name in learned.split())
        return xs, scales, zero_points

    mine, theirs = leaves(), leaves()
    masks = masks_of(mine[0]) if masked else []
    factors = [0.5 + i for i in range(13)]
    results = ops.fake_quantize_multi(*mine, -8, 7, masks=masks, grad_factors=factors)
    grads = [randn(x.shape, 50 + i, dtype, device) for i, x in enumerate(mine[0])]
    torch.autograd.backward(results, grads)
    for i, (x, s) in enumerate(zip(*theirs[:2], strict=True)):
        zero_point = theirs[2][i] if theirs[2] else None
        y = ops.fake_quantize(x, s, zero_point, -8, 7, mask=masks[i] if masked else None, grad_factor=factors[i])
        y.backward(grads[i])
    for a, b in zip(mine, theirs, strict=True):
        for p, q in zip(a, b, strict=True):
            assert (p.grad is None) == (q.grad is None)
            if p.grad is not None:
                assert torch.equal(p.grad, q.grad)


def test_gradients_where_only_some_are_wanted():
    xs, scales = weights(torch.float32, "cpu", 3)
    xs[1].requires_grad_()
    scales[2].requires_grad_()
    results = ops.fake_quantize_multi(xs, scales, [], -8, 7, masks=[], grad_factors=[])
    results[1].sum().backward()
    assert xs[0].grad is None and torch.equal(xs[1].grad.abs().unique(), torch.tensor([0.0, 1.0]))
    assert not scales[2].grad.any()  # its result took no part


def test_threads_do_not_change_a_bit():
    xs, scales = weights(torch.float32, "cpu", 40)
    results = []
    threads = torch.get_num_threads()
    try:
        for count in (1, 2, 5):
            torch.set_num_threads(count)
            inputs = [x.clone().requires_grad_() for x in xs]
            learned = [s.clone().requires_grad_() for s in scales]
            ys = ops.fake_quantize_multi(inputs, learned, [], -8, 7, masks=[], grad_factors=[])
            torch.autograd.backward(ys, [torch.ones_like(y) for y in ys])
            results.append([*ys, *(x.grad for x in inputs), *(s.grad for s in learned)])
    finally:
        torch.set_num_threads(threads)
    same(results[0], results[1]), same(results[0], results[2])


def observers(scales, zero_point=torch.int32):
    low = [torch.full_like(s, math.inf) for s in scales]
    high = [torch.full_like(s, -math.inf) for s in scales]
    return low, high, [torch.ones_like(s) for s in scales], [torch.full_like(s, 5).to(zero_point) for s in scales]


@pytest.mark.parametrize("dtype", [*FLOATS, "mixed"], ids=str)
@pytest.mark.parametrize("forget", [False, True])
@pytest.mark.parametrize("symmetric", [False, True])
@pytest.mark.parametrize("count", [1, 13, 100])
def test_observe_multi_is_observe_qparams_of_each(count, symmetric, forget, dtype, device):
    xs, scales = weights(torch.float32 if dtype == "mixed" else dtype, device, count)
    if dtype == "mixed":
        xs = [x.to(FLOATS[i % 4]) for i, x in enumerate(xs)]
    if count > 2:
        xs[2][1, 2] = math.nan
    mine, theirs = observers(scales), observers(scales)
    for factor in (1, 0.5):
        batch = [x * factor for x in xs]
        ops.observe_multi_(*mine, batch, -8, 7, symmetric, averaging=0.1, forget=forget)
        for low, high, scale, zero_point, x in zip(*theirs, batch, strict=True):
            ops.observe_qparams_(low, high, scale, zero_point, x, -8, 7, symmetric, averaging=0.1, forget=forget)
        for a, b in zip(mine, theirs, strict=True):
            same(a, b)


def test_observe_multi_without_zero_points_counts_versions():
    xs, scales = weights(torch.float32, "cpu", 3)
    low, high, scale, _ = observers(scales)
    versions = [t._version for t in (*low, *high, *scale)]
    ops.observe_multi_(low, high, scale, [], [x.requires_grad_() for x in xs], -127, 127, True)
    assert [t._version for t in (*low, *high, *scale)] == [v + 1 for v in versions]
    assert torch.equal(scale[2], xs[2].abs().amax(1, keepdim=True) / 127)


@pytest.mark.parametrize("count", [1, 13, 100])
@pytest.mark.parametrize("dtype", [*FLOATS, "mixed"], ids=str)
def test_magnitude_mask_multi_is_magnitude_mask_of_each(dtype, count, device):
    xs, _ = weights(torch.float32 if dtype == "mixed" else dtype, device, count)
    if dtype == "mixed":
        xs = [x.to(FLOATS[i % 4]) for i, x in enumerate(xs)]
    for value in (-1.0, 0.5, 1e-4, math.nan):
        threshold = torch.tensor(value, device=device)
        same(ops.magnitude_mask_multi(xs, threshold), [ops.magnitude_mask(x, threshold) for x in xs])


@pytest.mark.parametrize("count", [1, 13, 100])
@pytest.mark.parametrize("dtype", [*FLOATS, torch.uint8, "mixed"], ids=str)
def test_apply_masks_is_apply_mask_of_each(dtype, count, device):
    xs, _ = weights(torch.float32, device, count)
    xs = [(x * 50).to([*FLOATS, torch.uint8][i % 5] if dtype == "mixed" else dtype) for i, x in enumerate(xs)]
    masks = [ops.pack_mask(randn(x.shape, i, device=device) > 0.3) for i, x in enumerate(xs)]
    wanted = [ops.apply_mask(x, m) for x, m in zip(xs, masks, strict=True)]
    versions = [x._version for x in xs]
    strides = [x.stride() for x in xs]
    ops.apply_masks_(xs, masks)
    assert [x._version for x in xs] == [v + 1 for v in versions]
    assert [x.stride() for x in xs] == strides
    for x, w in zip(xs, wanted, strict=True):
        assert torch.equal(x, w)


def test_apply_masks_selects():
    x = torch.tensor([math.nan, math.inf, -1.0])
    ops.apply_masks_([x], [ops.pack_mask(torch.tensor([False, False, True]))])
    assert x.tolist() == [0.0, 0.0, -1.0] and not x[:2].signbit().any()


def test_many_small_tensors():
    xs = [torch.full((i % 5,), float(i)) for i in range(300)]
    masks = ops.magnitude_mask_multi(xs, torch.tensor(149.5))
    ops.apply_masks_(xs, masks)
    assert sum(int((x != 0).sum()) for x in xs) == sum(i % 5 for i in range(150, 300))


def test_empty_lists():
    assert ops.fake_quantize_multi([], [], [], -8, 7, masks=[], grad_factors=[]) == []
    assert ops.magnitude_mask_multi([], torch.tensor(1.0)) == []
    ops.apply_masks_([], [])
    ops.observe_multi_([], [], [], [], [], -8, 7, True)


def test_opcheck():
    xs, scales = weights(torch.float32, "cpu", 3)
    masks = masks_of(xs)
    learned = [x.clone().requires_grad_() for x in xs], [s.clone().requires_grad_() for s in scales]
    options = dict(masks=masks, grad_factors=[1.0, 2.0, 0.5])
    torch.library.opcheck(ops.fake_quantize_multi.default, (xs, scales, [], -8, 7), options)
    torch.library.opcheck(ops.fake_quantize_multi.default, (*learned, [s * 9 for s in scales], -8, 7), options)
    torch.library.opcheck(
        ops.fake_quantize_multi_backward.default, (xs, xs, scales, [], -8, 7, masks, [], [True, True, False])
    )
    torch.library.opcheck(ops.magnitude_mask_multi.default, (xs, torch.tensor(0.5)))
    torch.library.opcheck(ops.apply_masks_.default, (xs, [ops.magnitude_mask(x, torch.tensor(0.5)) for x in xs]))
    low, high, scale, zero_point = observers(scales)
    ops.observe_multi_(low, high, scale, zero_point, xs, -8, 7, False)  # infinities would be compared by difference
    torch.library.opcheck(
        ops.observe_multi_.default, (low, high, scale, zero_point, xs, -8, 7, False), dict(averaging=0.1)
    )


@pytest.mark.parametrize("dynamic", [False, True])
@pytest.mark.parametrize("backend", ["aot_eager", "inductor"])
def test_compiles(backend, dynamic):
    def step(xs, scales, low, high, learned, weights):
        with torch.no_grad():
            ops.observe_multi_(low, high, scales, [], xs, -127, 127, True, forget=True)
        masks = ops.magnitude_mask_multi(xs, torch.full((), 0.3))
        with torch.no_grad():
            ops.apply_masks_(weights, masks)
        ys = ops.fake_quantize_multi(xs, learned, [], -127, 127, masks=[None, *masks[1:]], grad_factors=[])
        return sum(y.square().sum() for y in ys)

    def arguments(rows):
        xs = [randn((rows, 9), 1).requires_grad_(), randn((rows,), 2).requires_grad_()]
        shapes = [(rows, 1), ()]
        low, high, scales, _ = observers([torch.empty(s) for s in shapes])
        learned = [torch.full(s, 0.1).requires_grad_() for s in shapes]
        return xs, scales, low, high, learned, [x.detach().clone() for x in xs]

    compiled = torch.compile(step, fullgraph=True, dynamic=dynamic, backend=backend)
    for rows in (4, 7) if dynamic else (4,):
        mine, theirs = arguments(rows), arguments(rows)
        got, wanted = compiled(*mine), step(*theirs)
        got.backward(), wanted.backward()
        assert torch.allclose(got, wanted)  # the sums outside of the operators may be taken in another order
        for a, b in zip(mine, theirs, strict=True):
            for p, q in zip(a, b, strict=True):
                assert torch.equal(p, q)
                assert p.grad is None or torch.equal(p.grad, q.grad)


def test_errors_say_which_tensor():
    xs, scales = weights(torch.float32, "cpu", 3)
    none = dict(masks=[], grad_factors=[])
    before = [x.clone() for x in xs]
    masks = [ops.pack_mask(torch.zeros(x.shape, dtype=torch.bool)) for x in xs]
    low, high, scale, zero_point = observers(scales)
    quantize, observe = ops.fake_quantize_multi, ops.observe_multi_
    cases = [
        (lambda: quantize(xs, scales[:2], [], -8, 7, **none), "fake_quantize_multi: scales must hold one entry per"),
        (lambda: quantize(xs, scales, scales[:1], -8, 7, **none), "zero_points must hold one entry per tensor"),
        (lambda: quantize(xs, scales, [], -8, 7, masks=[None], grad_factors=[]), "masks must hold one entry"),
        (lambda: quantize(xs, scales, [], -8, 7, masks=[], grad_factors=[1.0]), "grad_factors must hold one entry"),
        (lambda: quantize(xs, [*scales[:2], scales[0]], [], -8, 7, **none), "fake_quantize_multi, position 2"),
        (lambda: quantize([*xs[:2], xs[2].int()], scales, [], -8, 7, **none), "x must be float32.*position 2"),
        (lambda: quantize([*xs[:2], xs[2].to("meta")], scales, [], -8, 7, **none), "must be on one device"),
        (lambda: ops.magnitude_mask_multi([xs[0], xs[1].int()], torch.tensor(1.0)), "magnitude_mask_multi, position 1"),
        (lambda: ops.apply_masks_(xs, masks[:2]), "apply_masks_: masks must hold one entry per tensor"),
        (lambda: ops.apply_masks_(xs, [*masks[:2], masks[0]]), "mask has the wrong shape(.|\n)*position 2"),
        (lambda: ops.apply_masks_([torch.zeros(7).expand(5, 7)], masks[2:]), "more than one element of the written-to"),
        (lambda: observe(low, high, scale, [], xs, -8, 7, False), "an asymmetric grid needs a zero_point"),
        (lambda: observe(low, high[:1], scale, zero_point, xs, -8, 7, False), "maxs must hold one entry"),
        (lambda: observe(low, high, low, zero_point, xs, -8, 7, False), "overlap|some elements of the input tensor"),
    ]
    for call, message in cases:
        with pytest.raises(RuntimeError, match=message):
            call()
    for x, b in zip(xs, before, strict=True):
        assert torch.equal(x, b)
    with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
        ops.apply_masks_([x.clone().requires_grad_() for x in xs], masks)
    with pytest.raises(RuntimeError, match="fake_quantize_multi_backward"):
        (first,) = ops.fake_quantize_multi([xs[0].requires_grad_()], scales[:1], [], -8, 7, **none)
        (grad,) = torch.autograd.grad(first.square().sum(), xs[0], create_graph=True)
        grad.sum().backward()
