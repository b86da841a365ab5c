"""Above 2^31 elements: indices must not be 32 bits wide. One bfloat16 tensor takes 4.3 GB, a result as much again."""

import math
from pathlib import Path

import pytest
import torch

ops = torch.ops.compress

ELEMENTS = (1 << 31) + 4096
NEEDED = 30e9


def free_memory(device):
    if device == "cuda":
        return torch.cuda.mem_get_info()[0]
    fields = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    return 1024 * int(fields["MemAvailable"].split()[0])


@pytest.fixture
def large(device):
    free = free_memory(device)
    if free < NEEDED:
        pytest.skip(f"needs {NEEDED / 1e9:.0f} GB of free memory on {device} ({free / 1e9:.0f} GB there)")
    x = torch.full((2, ELEMENTS // 2), 0.25, dtype=torch.bfloat16, device=device)
    x[-1, -3:] = torch.tensor([-9.0, 0.5, 1.0], dtype=torch.bfloat16)
    return x


def test_the_last_elements_of_more_than_2_to_the_31(large):
    device = large.device
    low, high = (torch.full((2, 1), sign * math.inf, device=device) for sign in (1, -1))
    scale, zero_point = torch.ones(2, 1, device=device), torch.zeros(2, 1, dtype=torch.int32, device=device)
    ops.observe_qparams_(low, high, scale, zero_point, large, 0, 255, False)
    assert low.flatten().tolist() == [0.25, -9.0] and high.flatten().tolist() == [0.25, 1.0]

    mask = ops.magnitude_mask(large, torch.tensor(0.75, device=device))
    assert mask[-1, -1].item() == 0b10100000 and not mask[:, :-1].any()

    steps = torch.ones(2, 1, device=device)
    y = ops.fake_quantize(large, steps, None, -4, 3, mask=mask)
    assert y[-1, -3:].tolist() == [-4.0, 0.0, 1.0] and not y[0].any()
    del y
    (y,) = ops.fake_quantize_multi([large], [steps], [], -4, 3, masks=[mask], grad_factors=[])
    assert y[-1, -3:].tolist() == [-4.0, 0.0, 1.0] and not y[0].any()
    del y
    dx, dscale, _ = ops.fake_quantize_backward(large, large, steps, None, -4, 3, mask, 1.0, [True, True, False])
    assert dx[-1, -3:].tolist() == [0.0, 0.0, 1.0] and dscale.flatten().tolist() == [0.0, 36.0]
    del dx

    ops.apply_masks_([large], [mask])
    assert large[-1, -3:].tolist() == [-9.0, 0.0, 1.0] and not large[0].any()
