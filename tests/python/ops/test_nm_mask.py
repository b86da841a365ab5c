"""nm_mask: the n largest of every m, as bits, against sorting each group."""

import math

import pytest
import torch

ops = torch.ops.compress

FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]
PATTERNS = [(2, 4), (1, 4), (3, 4), (1, 2), (4, 8), (8, 16), (1, 16), (2, 3), (3, 5), (6, 7), (11, 13), (1, 1), (4, 4)]


def by_sorting(score, n, m):
    """A stable sort keeps the first of equals first; NaN sorts above infinity."""
    dim = 1 if score.dim() > 1 else 0
    groups = score.double().abs().movedim(dim, -1).unflatten(-1, (-1, m))
    order = torch.sort(groups, dim=-1, descending=True, stable=True).indices
    rank = torch.sort(order, dim=-1).indices
    return (rank < n).flatten(-2).movedim(-1, dim)


def check(score, n, m):
    got = ops.nm_mask(score, n, m)
    assert torch.equal(got, ops.pack_mask(by_sorting(score, n, m))), (n, m, score.shape, score.dtype)


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
@pytest.mark.parametrize("n, m", PATTERNS)
def test_equals_sorting_each_group(n, m, dtype, device):
    generator = torch.Generator().manual_seed(n * 17 + m)
    shapes = [(m,), (9 * m,), (5, m), (7, 3 * m), (3, 67 * m), (4, 2 * m, 3, 3), (3, m, 1, 1), (2, 2 * m, 35)]
    for shape in shapes:
        score = torch.randn(shape, generator=generator)
        check(score.to(dtype).to(device), n, m)
        check((score * 4).round().to(dtype).to(device), n, m)  # ties in most groups


def test_every_order_of_four_with_ties(device):
    # Every group of four values out of 0..3, signs mixed: all orders and all ties.
    groups = torch.cartesian_prod(*[torch.tensor([0.0, -1.0, 2.0, -3.0])] * 4).to(device)
    for n in (1, 2, 3, 4):
        check(groups.reshape(-1), n, 4)
        check(groups, n, 4)


def test_exactly_n_of_every_group_are_kept(device):
    score = torch.zeros(64, 64, device=device)
    kept = ops.unpack_mask(ops.nm_mask(score, 2, 4), [64, 64])
    assert torch.equal(kept, torch.tensor([True, True, False, False], device=device).repeat(64, 16))


def test_groups_of_a_conv_weight_run_along_its_input_channels(device):
    weight = torch.randn(6, 8, 3, 3, generator=torch.Generator().manual_seed(3)).to(device)
    kept = ops.unpack_mask(ops.nm_mask(weight, 2, 4), weight.shape)
    assert (kept.unflatten(1, (2, 4)).sum(2) == 2).all()
    # the same as of the product's matrix of one kernel position
    for i in range(3):
        for j in range(3):
            position = weight[:, :, i, j].contiguous()
            assert torch.equal(ops.unpack_mask(ops.nm_mask(position, 2, 4), position.shape), kept[:, :, i, j])


def test_nan_is_kept_before_infinity_and_the_first_of_several(device):
    score = torch.tensor([1.0, math.inf, math.nan, -math.inf, math.nan, math.inf, math.nan, math.nan], device=device)
    kept = ops.unpack_mask(ops.nm_mask(score, 2, 4), [8])
    assert kept.tolist() == [False, True, True, False, True, False, True, False]


def test_strides_do_not_matter(device):
    score = torch.randn(8, 8, 12, 3, generator=torch.Generator().manual_seed(2)).to(device)
    for view in (score.transpose(0, 2), score.to(memory_format=torch.channels_last), score[::2, 4:, 1:, ::2]):
        check(view, 2, 4)


def test_empty(device):
    assert ops.nm_mask(torch.empty(0, 8, device=device), 2, 4).shape == (0, 1)
    assert ops.nm_mask(torch.empty(3, 0, device=device), 2, 4).shape == (3, 0)
    assert ops.nm_mask(torch.empty(0, device=device), 2, 4).shape == (0,)


def test_many_threads_give_what_one_gives():
    score = torch.randn(301, 404, generator=torch.Generator().manual_seed(4))
    threads = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            check(score, 2, 4)
            check(score.reshape(-1), 2, 4)
    finally:
        torch.set_num_threads(threads)


def test_has_no_gradient():
    assert not ops.nm_mask(torch.randn(4, 8, requires_grad=True), 2, 4).requires_grad


@pytest.mark.parametrize("shape", [(8,), (5, 12), (3, 4, 3, 3)], ids=str)
def test_opcheck(shape, device):
    torch.library.opcheck(ops.nm_mask.default, (torch.randn(shape, device=device), 2, 4))


def test_compiles_with_dynamic_shapes():
    @torch.compile(fullgraph=True, dynamic=True, backend="aot_eager")
    def prune(weight):
        return ops.apply_mask(weight, ops.nm_mask(weight, 2, 4))

    for shape in ((4, 8), (5, 12), (8, 36)):
        assert (prune(torch.randn(shape)) == 0).sum() == math.prod(shape) // 2


def test_errors_say_what_is_wrong():
    score = torch.randn(5, 10)
    cases = [
        ((score.int(), 2, 4), "nm_mask: score must be float32, float64, float16 or bfloat16 .got Int"),
        ((score, 2, 4), r"m must divide the size of dimension 1 .got 10 in score \[5, 10\], expected a multiple of 4"),
        ((torch.randn(10), 2, 4), r"m must divide the size of dimension 0 .got 10 in score \[10\]"),
        ((torch.randn(8, 3, 3, 3), 2, 4), "m must divide the size of dimension 1 .got 3"),
        ((score, 0, 5), "n must lie within 1..m .got n 0 and m 5"),
        ((score, 6, 5), "n must lie within 1..m .got n 6 and m 5"),
        ((score, 1, 0), "m must lie within 1..16 .got 0"),
        ((score, 1, 17), "m must lie within 1..16 .got 17"),
        ((torch.tensor(1.0), 1, 1), "score must have a dimension to group"),
    ]
    for arguments, message in cases:
        with pytest.raises(RuntimeError, match=message):
            ops.nm_mask(*arguments)
