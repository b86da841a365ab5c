"""magnitude_mask: |weight| > threshold, as bits."""

import pytest
import torch

ops = torch.ops.compress

FLOATS = [torch.float32, torch.float64, torch.float16, torch.bfloat16]


def expected(weight, threshold):
    # Compared in double, which holds every type exactly; the negation keeps NaN.
    return ops.pack_mask(~(weight.double().abs() <= threshold.double()))


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_equals_the_comparison(dtype):
    generator = torch.Generator().manual_seed(0)
    for shape in ((), (0,), (37,), (5, 7), (6, 16), (4, 3, 3, 3), (0, 4), (3, 0), (64, 64)):
        weight = torch.randn(shape, generator=generator).to(dtype)
        for value in (-1.0, 0.0, -0.0, 0.5, 0.1, 3e-6, 1e-40, 65504.0, 65519.0, 1e30, float("inf"), float("nan")):
            threshold = torch.tensor(value)
            assert torch.equal(ops.magnitude_mask(weight, threshold), expected(weight, threshold)), (shape, value)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=str)
def test_every_16_bit_number_against_every_kind_of_threshold(dtype):
    weight = torch.arange(65536, dtype=torch.int32).to(torch.int16).view(dtype)
    finite = weight.float().abs()
    finite = finite[finite.isfinite()]
    picks = finite[:: 997 if dtype == torch.float16 else 1201]
    # Each number itself, and its float32 neighbours, which the 16-bit type does not hold.
    thresholds = torch.cat([picks, picks.nextafter(torch.tensor(float("inf"))), picks.nextafter(torch.tensor(0.0))])
    for threshold in thresholds:
        assert torch.equal(ops.magnitude_mask(weight, threshold), expected(weight, threshold)), threshold


@pytest.mark.parametrize("dtype", FLOATS, ids=str)
def test_sizes_around_the_vector(dtype):
    weight = torch.randn(3, 140, generator=torch.Generator().manual_seed(1)).to(dtype)
    for length in (*range(1, 71), 127, 128, 129):
        piece = weight[:, :length]
        threshold = torch.tensor([0.6])
        assert torch.equal(ops.magnitude_mask(piece, threshold), expected(piece, threshold)), length


def test_weights_equal_to_the_threshold_are_pruned_and_nan_is_kept():
    weight = torch.tensor([0.5, -0.5, 0.50001, -0.50001, float("nan"), float("inf"), 0.0])
    kept = ops.unpack_mask(ops.magnitude_mask(weight, torch.tensor(0.5)), [7])
    assert kept.tolist() == [False, False, True, True, True, True, False]


def test_strides_do_not_matter():
    weight = torch.randn(6, 4, 5, 3, generator=torch.Generator().manual_seed(2))
    threshold = torch.tensor(0.7)
    for view in (weight.transpose(0, 2), weight.to(memory_format=torch.channels_last), weight[::2, :, 1:, ::2]):
        assert torch.equal(ops.magnitude_mask(view, threshold), expected(view, threshold))


def test_many_threads_give_what_one_gives():
    weight = torch.randn(1001, 403, generator=torch.Generator().manual_seed(3))
    threshold = torch.tensor(0.7)
    threads = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            assert torch.equal(ops.magnitude_mask(weight, threshold), expected(weight, threshold))
    finally:
        torch.set_num_threads(threads)


def test_has_no_gradient():
    mask = ops.magnitude_mask(torch.randn(5, 7, requires_grad=True), torch.tensor(0.1))
    assert not mask.requires_grad


@pytest.mark.parametrize("shape", [(), (9,), (5, 7), (3, 2, 2, 2)], ids=str)
def test_opcheck(shape):
    torch.library.opcheck(ops.magnitude_mask.default, (torch.randn(shape), torch.tensor(0.5)))


def test_compiles_with_dynamic_shapes():
    @torch.compile(fullgraph=True, dynamic=True, backend="aot_eager")
    def prune(weight):
        return ops.apply_mask(weight, ops.magnitude_mask(weight, ops.magnitude_threshold([weight], 0.5)))

    for shape in ((4, 6), (5, 10), (8, 34)):
        weight = torch.randn(shape)
        assert (prune(weight) == 0).sum() == weight.numel() // 2


def test_errors_say_what_is_wrong():
    weight = torch.randn(5, 7)
    with pytest.raises(
        RuntimeError, match="magnitude_mask: weight must be float32, float64, float16 or bfloat16 .got Int"
    ):
        ops.magnitude_mask(weight.int(), torch.tensor(0.5))
    with pytest.raises(RuntimeError, match="threshold must be one float32 .got Double"):
        ops.magnitude_mask(weight, torch.tensor(0.5, dtype=torch.float64))
    with pytest.raises(RuntimeError, match=r"threshold must be one float32 .got Float of shape \[2\]"):
        ops.magnitude_mask(weight, torch.ones(2))
    with pytest.raises(RuntimeError, match="threshold must be on weight's device"):
        ops.magnitude_mask(weight, torch.tensor(0.5, device="meta"))
