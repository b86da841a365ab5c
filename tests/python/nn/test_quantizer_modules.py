"""Observer and FakeQuantizer against torch's observers, and the losses as modules against their functions."""

import compress_ext as cx
import pytest
import torch
from torch.ao.quantization import observer as ao
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint


def batches(*sizes, count=4):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(sizes, generator=generator) * (i + 1) for i in range(count)]


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("averaging", [None, 0.01, 1.0])
def test_an_observer_is_torchs(symmetric, averaging):
    options = cx.QuantizerOptions(
        symmetric=symmetric, observer="moving_average" if averaging else "min_max", averaging=averaging or 0.01
    )
    ours = cx.quant.Observer(options, "activation", (1, 5))
    grid = {"quant_min": options.quant_min, "quant_max": options.quant_max, "dtype": torch.qint8, "eps": 2**-23}
    scheme = {"qscheme": torch.per_tensor_symmetric if symmetric else torch.per_tensor_affine}
    if averaging:
        torchs = ao.MovingAverageMinMaxObserver(averaging_constant=averaging, **scheme, **grid)
    else:
        torchs = ao.MinMaxObserver(**scheme, **grid)
    for x in batches(3, 5):
        assert ours(x) is x
        torchs(x)
    scale, zero_point = torchs.calculate_qparams()
    assert torch.equal(ours.min, torchs.min_val) and torch.equal(ours.max, torchs.max_val)
    assert_close(ours.scale, scale[0])
    assert symmetric or int(ours.zero_point) == int(zero_point)


def test_an_observer_looks_in_training_mode_only():
    ours = cx.quant.Observer(cx.QuantizerOptions(), "activation", (1, 5)).eval()
    ours(torch.ones(2, 5))
    assert ours.min == float("inf")
    ours.train()(torch.ones(2, 5))
    assert ours.min == ours.max == 1
    ours.reset()
    assert ours.min == float("inf") and ours.scale == 1


def test_percentile_leaves_outliers_out():
    options = cx.QuantizerOptions(observer="percentile", percentile=90, averaging=1.0)
    ours = cx.quant.FakeQuantizer(options, "activation", (1, 100))
    x = torch.arange(1.0, 101.0)
    x[99] = 1e6
    y = ours(x.view(1, 100))
    assert ours.max == 90 and ours.min == 11  # ten of a hundred left out at either end
    assert y.max() == 90


def test_a_weights_min_max_forgets_an_activations_remembers():
    options = cx.QuantizerOptions()
    for role, expected in (("weight", 1.0), ("activation", 5.0)):
        quantizer = cx.quant.FakeQuantizer(options, role, (2, 2))
        quantizer(torch.full((2, 2), 5.0))
        quantizer(torch.full((2, 2), 1.0))
        assert quantizer.max == expected


def test_disabled_it_is_the_identity():
    quantizer = cx.quant.FakeQuantizer(cx.QuantizerOptions(), "activation", (1, 4), enabled=False)
    x = torch.randn(3, 4)
    assert quantizer(x) is x and quantizer.min == float("inf")
    mask = cx.ops.pack_mask(x > 0)
    assert torch.equal(quantizer(x, mask), x.relu())


@pytest.mark.parametrize("scale", ["observed", "learned"])
def test_before_a_first_batch_evaluation_changes_nothing(scale):
    options = cx.QuantizerOptions(scale=scale)
    quantizer = cx.quant.FakeQuantizer(options, "activation", (1, 4)).eval()
    x = torch.randn(3, 4)
    assert quantizer(x) is x
    y = quantizer.train()(x)
    assert not torch.equal(y, x)
    assert torch.equal(quantizer.eval()(x), y)


def test_frozen_ranges_stand_still():
    quantizer = cx.quant.FakeQuantizer(cx.QuantizerOptions(), "activation", (1, 4))
    quantizer(torch.ones(1, 4))
    quantizer.observing = False
    assert torch.equal(quantizer(torch.full((1, 4), 9.0)), torch.ones(1, 4))


def test_a_learned_scale_starts_from_the_first_batch_and_trains():
    options = cx.QuantizerOptions(format="int4", scale="learned")
    quantizer = cx.quant.FakeQuantizer(options, "activation", (1, 64))
    x = batches(8, 64)[0]
    quantizer(x)
    assert_close(quantizer.scale.detach(), 2 * x.abs().mean() / 7**0.5)
    before = ((quantizer(x) - x) ** 2).mean().detach()
    optimizer = torch.optim.SGD(quantizer.parameters(), lr=0.05)
    for _ in range(30):
        optimizer.zero_grad()
        ((quantizer(x) - x) ** 2).mean().backward()
        optimizer.step()
    assert ((quantizer(x) - x) ** 2).mean() < before
    assert torch.equal(torch.tensor(1.0), cx.quant.FakeQuantizer(options, "activation", (1, 64)).scale.detach())


@pytest.mark.parametrize("use_reentrant", [True, False])
@pytest.mark.parametrize("scale", ["observed", "learned"])
def test_activation_checkpointing_observes_once(scale, use_reentrant):
    options = cx.QuantizerOptions(observer="moving_average", averaging=0.5, symmetric=False, scale=scale)
    results = []
    for checkpointed in (False, True):
        quantizer = cx.quant.FakeQuantizer(options, "activation", (1, 8))
        gradients = []
        for x in batches(3, 8):
            x.requires_grad_()
            y = checkpoint(quantizer, x, use_reentrant=use_reentrant) if checkpointed else quantizer(x)
            (y * y).sum().backward()
            gradients.append(x.grad)
        results.append([*gradients, *(tensor.clone() for tensor in quantizer.state_dict().values())])
    assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


def test_it_compiles_in_every_phase():
    quantizer = cx.quant.FakeQuantizer(
        cx.QuantizerOptions(granularity="channel", symmetric=False), "activation", (1, 4)
    )
    other = cx.quant.FakeQuantizer(quantizer.options, "activation", (1, 4))
    torch._dynamo.reset()
    compiled = torch.compile(quantizer, fullgraph=True, backend="aot_eager")
    for step, x in enumerate(batches(2, 3, 4, count=6)):
        quantizer.enabled = other.enabled = step > 1
        quantizer.observing = other.observing = step < 4
        assert torch.equal(compiled(x), other(x))
    assert torch.equal(quantizer.scale, other.scale) and (quantizer.scale != 1).all()


def test_unknown_sizes_are_an_error():
    with pytest.raises(cx.UsageError, match="granularity group is for weights"):
        cx.quant.FakeQuantizer(cx.QuantizerOptions(granularity="group", group_size=2), "activation", (1, 4))


# ---- losses


def test_distillation_loss_is_hintons():
    student, teacher = (x.requires_grad_() for x in batches(6, 10, count=2))
    target = torch.arange(6)
    loss = cx.distill.DistillationLoss(temperature=3.0, alpha=0.7)
    value = loss(student, teacher, target)
    log_p = torch.log_softmax(student / 3, 1)
    kl = torch.nn.functional.kl_div(log_p, torch.softmax(teacher / 3, 1), reduction="batchmean")
    expected = 0.7 * 9 * kl + 0.3 * torch.nn.functional.cross_entropy(student, target)
    assert_close(value, expected)
    assert_close(torch.autograd.grad(value, student)[0], torch.autograd.grad(expected, student)[0])
    assert teacher.grad is None
    assert repr(loss) == "DistillationLoss(temperature=3.0, alpha=0.7)"


@pytest.mark.parametrize("kind", ["mse", "attention", "relational"])
def test_feature_loss_is_the_function(kind):
    student, teacher = batches(4, 3, 5, 5, count=2)
    student.requires_grad_()
    loss = cx.distill.FeatureLoss(kind)
    value = loss(student, teacher)
    assert torch.equal(value, cx.distill.feature_loss(student, teacher, kind))
    value.backward()
    assert student.grad.isfinite().all() and student.grad.any()
    assert_close(loss(teacher, teacher), torch.tensor(0.0))
    assert repr(loss) == f"FeatureLoss(kind='{kind}')"
    if kind == "mse":
        assert_close(value, ((student - teacher) ** 2).mean())


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(cx.UsageError, match="attention"):
        cx.distill.FeatureLoss("atention")(torch.ones(1, 2), torch.ones(1, 2))
