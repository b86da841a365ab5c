"""A backward that masks its gradient writes over it only where nobody else can see it."""

import pytest
import torch
from torch.utils._pytree import tree_map_only

ops = torch.ops.compress


def fake_quantize(x):
    return ops.fake_quantize(x, torch.tensor(0.1, device=x.device), None, -8, 7)


def apply_mask(x):
    return ops.apply_mask(x, ops.pack_mask(inside(x)))


def inside(x):
    """What passes in both: |x| well within the grid -0.8..0.7."""
    return x.detach().abs() < 0.7


def sample(device, *shape):
    x = torch.randn(shape or (6, 40), generator=torch.Generator().manual_seed(0)).to(device)
    x[(x.abs() > 0.65) & (x.abs() < 0.9)] = 2.0  # none near the ends
    return x.requires_grad_()


class Hand(torch.autograd.Function):
    """Its gradient is the tensor that it was given."""

    @staticmethod
    def forward(ctx, x, gradient):
        ctx.gradient = gradient
        return x.clone()

    @staticmethod
    def backward(ctx, _):
        return ctx.gradient, None


MASKING = [fake_quantize, apply_mask]


@pytest.mark.parametrize("masking", MASKING)
@pytest.mark.parametrize("channels_last", [False, True])
def test_a_gradient_of_its_own_is_written_over(masking, channels_last, device):
    x = sample(device, 2, 8, 3, 5)
    if channels_last:
        x = x.detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    loss = (3 * masking(x)).sum()
    with torch.profiler.profile() as profile:
        loss.backward()
    called = {event.name for event in profile.events() if event.name.startswith("compress::apply_mask")}
    assert called == {"compress::apply_mask_"}
    assert torch.equal(x.grad, 3 * inside(x))


@pytest.mark.parametrize("masking", MASKING)
def test_a_gradient_that_somebody_holds_stays(masking, device):
    x = sample(device)
    held = torch.full_like(x, 3.0)
    (grad,) = torch.autograd.grad(masking(x), x, held)
    assert torch.equal(held, torch.full_like(x, 3.0)) and torch.equal(grad, 3 * inside(x))
    Hand.apply(masking(x), held).sum().backward()
    assert torch.equal(held, torch.full_like(x, 3.0)) and torch.equal(x.grad, 3 * inside(x))


@pytest.mark.parametrize("masking", MASKING)
def test_a_view_of_what_somebody_holds_stays(masking, device):
    """Stack's backward hands out views that only it refers to; the memory is the caller's."""
    x = sample(device)
    held = torch.full((2, *x.shape), 3.0, device=device)
    (grad,) = torch.autograd.grad(torch.stack([masking(x), 2 * x]), x, held)
    assert (held == 3).all() and torch.equal(grad, 3 * inside(x) + 6)


class Wrapper(torch.Tensor):
    """A tensor whose storage is not where its data lies."""

    @staticmethod
    def __new__(cls, data):
        return torch.Tensor._make_wrapper_subclass(cls, data.size(), strides=data.stride(), dtype=data.dtype)

    def __init__(self, data):
        self.held = data

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        inner = tree_map_only(cls, lambda wrapper: wrapper.held, (args, kwargs or {}))
        return tree_map_only(torch.Tensor, cls, func(*inner[0], **inner[1]))


@pytest.mark.parametrize("masking", MASKING)
def test_a_subclass_that_somebody_holds_stays(masking):
    x = sample("cpu", 2, 8, 3, 5).detach().contiguous(memory_format=torch.channels_last).requires_grad_()
    held = torch.full_like(x, 3.0)
    (grad,) = torch.autograd.grad(masking(x), x, Wrapper(held))
    assert (held == 3).all() and torch.equal(grad.held, 3 * inside(x))


@pytest.mark.parametrize("masking", MASKING)
def test_gradients_in_a_batch(masking, device):
    x = sample(device)
    weights = torch.arange(3.0, device=device).view(3, 1, 1).expand(3, *x.shape)
    (grads,) = torch.autograd.grad(masking(x), x, weights, is_grads_batched=True)
    assert torch.equal(grads, weights * inside(x))


@pytest.mark.parametrize("masking", MASKING)
def test_two_branches_share_a_gradient(masking, device):
    x, other = sample(device), sample(device)
    y = masking(x)
    y.retain_grad()
    z = y + other
    z.retain_grad()
    (2 * z).sum().backward()
    twos = torch.full_like(x, 2.0)
    assert torch.equal(y.grad, twos) and torch.equal(z.grad, twos) and torch.equal(other.grad, twos)
    assert torch.equal(x.grad, 2 * inside(x))


@pytest.mark.parametrize("masking", MASKING)
def test_a_graph_that_is_kept_runs_again(masking, device):
    x = sample(device)
    loss = masking(x).square().sum()
    (first,) = torch.autograd.grad(loss, x, retain_graph=True)
    (again,) = torch.autograd.grad(loss, x)
    assert torch.equal(first, again)


@pytest.mark.parametrize("masking", MASKING)
def test_second_derivatives(masking, device):
    x = sample(device)
    (grad,) = torch.autograd.grad(masking(x).pow(2).sum(), x, create_graph=True)
    grad.sum().backward()
    assert torch.equal(x.grad, 2.0 * inside(x))
