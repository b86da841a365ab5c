"""Every operator inside a CUDA graph: a replay on new inputs gives what an eager call gives, bit for bit."""

import math

import pytest
import torch

ops = torch.ops.compress
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).cuda()


def scales(*shape):
    return torch.full(shape, 0.05, device="cuda")


def fake_quantize(x):
    leaf = x.detach().requires_grad_()
    scale, zero_point = scales(64, 1).requires_grad_(), scales(64, 1).requires_grad_()
    mask = ops.magnitude_mask(x, scales())
    y = ops.fake_quantize(leaf, scale, zero_point, -8, 7, mask=mask, grad_factor=0.1)
    return [y.detach(), *torch.autograd.grad(y.sum(), [leaf, scale, zero_point])]


def fake_quantize_multi(x):
    xs = [x.detach().requires_grad_(), (2 * x).detach().requires_grad_(), x.t().detach().requires_grad_()]
    steps = [scales(64, 1).requires_grad_(), scales().requires_grad_(), scales(1, 64).requires_grad_()]
    masks = [None, ops.magnitude_mask(x, scales()), None]
    ys = ops.fake_quantize_multi(xs, steps, [], -8, 7, masks=masks, grad_factors=[])
    return [*(y.detach() for y in ys), *torch.autograd.grad(sum(y.sum() for y in ys), [*xs, *steps])]


def observe(x):
    low, high = torch.full((64, 1), math.inf, device="cuda"), torch.full((64, 1), -math.inf, device="cuda")
    ops.observe_min_max_(low, high, x, 0.0)
    return [low, high, *ops.choose_qparams(low, high, 0, 255, False)]


def observe_qparams(x):
    state = [torch.full((), math.inf, device="cuda"), torch.full((), -math.inf, device="cuda"), scales()]
    zero_point = torch.zeros((), dtype=torch.int32, device="cuda")
    ops.observe_qparams_(*state, zero_point, x, 0, 255, False, averaging=0.1)
    learned = scales(64, 1)
    ops.initialize_learned_(learned, None, x, -8, 7, True, skip_zeros=True)
    return [*state, zero_point, learned]


def observe_multi(x):
    low = [torch.full((64, 1), math.inf, device="cuda"), torch.full((1, 96), math.inf, device="cuda")]
    high = [-t for t in low]
    steps = [torch.ones_like(t) for t in low]
    ops.observe_multi_(low, high, steps, [], [x, x * 3], -127, 127, True, forget=True)
    return [*low, *high, *steps]


def prune(x):
    weights = [x.clone(), x[:7].clone()]
    threshold = ops.magnitude_threshold(weights, 0.7)
    masks = ops.magnitude_mask_multi(weights, threshold)
    ops.apply_masks_(weights, masks)
    single = ops.apply_mask(x, ops.magnitude_mask(x, threshold))
    kept = ops.unpack_mask(masks[0], list(x.shape))
    ops.apply_mask_(x.clone(), ops.pack_mask(kept))
    return [threshold, *masks, *weights, single, kept]


def distill(x):
    student = x.detach().requires_grad_()
    loss = ops.distillation_loss(student, x.flip(0), 2.0)
    return [loss.detach(), *torch.autograd.grad(loss, student)]


@pytest.mark.parametrize(
    "body", [fake_quantize, fake_quantize_multi, observe, observe_qparams, observe_multi, prune, distill]
)
def test_a_replay_is_an_eager_call(body):
    x = randn(64, 96)
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):  # warm up outside the capture, as PyTorch asks
        body(x)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        outputs = body(x)
    for seed in (1, 2):
        x.copy_(randn(64, 96, seed=seed))
        graph.replay()
        for got, wanted in zip(outputs, body(x), strict=True):
            assert torch.equal(got, wanted)
