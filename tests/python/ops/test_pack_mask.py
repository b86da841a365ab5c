"""pack_mask and unpack_mask: the layout, and that one undoes the other."""

import pytest
import torch

ops = torch.ops.compress

SHAPES = [(), (0,), (1,), (13,), (3, 0), (0, 5), (4, 1), (5, 7), (5, 8), (6, 3, 3, 3), (2, 16, 1, 1), (3, 1000)]


def packed_by_hand(mask):
    rows = mask.reshape(1, -1) if mask.dim() < 2 else mask.reshape(mask.size(0), mask[:1].numel())
    length = rows.size(1)
    if mask.dim() >= 2 and mask.size(0) == 0:
        length = torch.empty(mask.shape[1:]).numel()
    packed = torch.zeros(rows.size(0), (length + 7) // 8, dtype=torch.uint8)
    for column in range(rows.size(1)):
        packed[:, column // 8] |= rows[:, column].to(torch.uint8) << (column % 8)
    return packed.reshape(-1) if mask.dim() < 2 else packed


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_layout_is_row_by_row_lowest_bit_first(shape):
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(1)) > 0.5
    packed = ops.pack_mask(mask)
    assert packed.dtype == torch.uint8
    assert torch.equal(packed, packed_by_hand(mask))
    assert torch.equal(ops.unpack_mask(packed, mask.shape), mask)


def test_sizes_around_the_byte_and_the_vector():
    mask = torch.rand(70, generator=torch.Generator().manual_seed(2)) > 0.3
    for length in range(1, 71):
        piece = mask[:length]
        assert torch.equal(ops.pack_mask(piece), packed_by_hand(piece)), length
        rows = piece.expand(3, length)
        packed = ops.pack_mask(rows)
        assert torch.equal(packed, packed_by_hand(rows)), length
        assert torch.equal(ops.unpack_mask(packed, rows.shape), rows), length


def test_strides_do_not_matter():
    mask = torch.rand(6, 4, 5, 3, generator=torch.Generator().manual_seed(3)) > 0.5
    for view in (mask.transpose(0, 2), mask.to(memory_format=torch.channels_last), mask[::2, :, 1:, ::2]):
        assert torch.equal(ops.pack_mask(view), ops.pack_mask(view.clone(memory_format=torch.contiguous_format)))
    packed = ops.pack_mask(mask.reshape(6, -1))
    spread = torch.stack([packed, packed], dim=-1)[..., 0]
    assert not spread.is_contiguous()
    assert torch.equal(ops.unpack_mask(spread, mask.shape), mask)


def test_many_threads_give_what_one_gives():
    mask = torch.rand(1001, 403, generator=torch.Generator().manual_seed(4)) > 0.5
    threads = torch.get_num_threads()
    packed = []
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            packed.append(ops.pack_mask(mask))
            assert torch.equal(ops.unpack_mask(packed[-1], mask.shape), mask)
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*packed)


@pytest.mark.parametrize("shape", [(), (9,), (5, 7), (3, 2, 2, 2)], ids=str)
def test_opcheck(shape):
    mask = torch.ones(shape, dtype=torch.bool)
    torch.library.opcheck(ops.pack_mask.default, (mask,))
    torch.library.opcheck(ops.unpack_mask.default, (ops.pack_mask(mask), shape))


def test_compiles_with_dynamic_shapes():
    @torch.compile(fullgraph=True, dynamic=True, backend="aot_eager")
    def there_and_back(mask):
        return ops.unpack_mask(ops.pack_mask(mask), mask.shape)

    for shape in ((3, 5), (4, 9), (7, 33)):
        mask = torch.rand(shape) > 0.5
        assert torch.equal(there_and_back(mask), mask)


def test_errors_say_what_is_wrong():
    with pytest.raises(RuntimeError, match="pack_mask: mask must be bool .got"):
        ops.pack_mask(torch.ones(3))
    with pytest.raises(RuntimeError, match="unpack_mask: mask must be packed to uint8 .got"):
        ops.unpack_mask(torch.ones(2), [9])
    with pytest.raises(
        RuntimeError, match=r"mask has the wrong shape \(got \[2\], expected \[3\] for a tensor of \[17\]\)"
    ):
        ops.unpack_mask(torch.zeros(2, dtype=torch.uint8), [17])
    with pytest.raises(RuntimeError, match=r"got \[2\], expected \[1, 2\]"):
        ops.unpack_mask(torch.zeros(2, dtype=torch.uint8), [1, 9])
    with pytest.raises(RuntimeError, match="sizes must not be negative"):
        ops.unpack_mask(torch.zeros(1, dtype=torch.uint8), [-1])
