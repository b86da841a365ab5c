"""A teacher beside the model: its terms, its taps, and that nobody moves it."""

import copy

import compress_ext as cx
import pytest
import torch
from torch import nn
from torch.testing import assert_close
from toy_models import TOTAL_STEPS, batch, compress, convnet, evaluate, recipe, sgd, train

KL = {"type": "kl", "temperature": 2, "weight": 0.5}


def feature(loss: str = "mse", **taps) -> dict:
    return {"type": "feature", "loss": loss, "taps": taps or {"1": "1"}, "weight": 0.25}


def distiller(model, teacher, losses, **keywords):
    return compress(model, recipe(prune=None, scale=None, distill={"losses": losses} | keywords), teacher=teacher)


def test_the_loss_is_the_sum_of_its_terms():
    model, teacher = convnet(), convnet(8)
    compressor = distiller(model, teacher, [KL, feature("attention")], task_weight=0.3)
    x, target = batch(1)
    loss = compressor.loss(model(x), target, inputs=x)
    logits, wanted = model(x), teacher.eval()(x)
    kl = cx.ops.distillation_loss(logits, wanted, 2.0)
    attention = cx.distill.feature_loss(model[:2](x), teacher[:2](x), "attention")
    assert_close(loss, 0.3 * nn.functional.cross_entropy(logits, target) + 0.5 * kl + 0.25 * attention)


def test_a_projector_joins_other_widths_and_is_trained():
    model, teacher = convnet(), convnet(8)
    compressor = distiller(model, teacher, [feature()])
    (weight, bias) = compressor.added_parameters()
    assert weight.shape == (8, 6, 1, 1) and bias.shape == (8,)
    assert any(parameter is weight for group in compressor.parameter_groups() for parameter in group["params"])
    before = weight.detach().clone()
    losses = train(compressor, sgd(compressor.parameter_groups()))
    assert not torch.equal(weight, before) and losses[-1] < losses[0] * 2
    assert not any("project" in name for name in model.state_dict())


def test_the_teacher_stands_still():
    model, teacher = convnet(), convnet(8)
    state = copy.deepcopy(teacher.state_dict())
    compressor = distiller(model, teacher, [KL, feature()])
    optimizer = sgd([*compressor.parameter_groups(), {"params": teacher.parameters()}])
    for step in range(TOTAL_STEPS):
        teacher.train()  # somebody does: a module that holds both, say
        train(compressor, optimizer, step + 1, start=step)
        assert not any(module.training for module in teacher.modules())
    assert all(parameter.grad is None for parameter in teacher.parameters())
    assert all(torch.equal(state[name], tensor) for name, tensor in teacher.state_dict().items())


@pytest.mark.parametrize("scale", ["observed", "learned"])
def test_taps_of_layers_that_are_quantized_and_folded(scale):
    # The tap of a convolution is its output, not that of the batch norm after it: this pair is not folded.
    model, teacher = convnet(), convnet()
    taps = {"0.0": "0.0", "1.0": "1.0", "4": "4"}
    methods = recipe(scale=scale, distill={"losses": [feature(**taps)]})
    compressor = compress(model, methods, teacher=teacher)
    assert model[0][0].batch_norm is None and model[1][0].batch_norm is None
    train(compressor, sgd(compressor.parameter_groups()))
    x = batch(5)[0]
    expected = evaluate(model, x)
    assert torch.equal(evaluate(compressor.finalize(), x), expected)
    assert not model[0][0]._forward_hooks and not teacher[0][0]._forward_hooks


def test_taps_keep_nothing_between_steps():
    model, teacher = convnet(), convnet()
    compressor = distiller(model, teacher, [feature()])
    hooks = [*model[1]._forward_hooks.values(), *teacher[1]._forward_hooks.values()]
    train(compressor, sgd(model.parameters()), 3)
    assert len(hooks) == 2 and all(hook.output is None for hook in hooks)
    x, target = batch(1)
    for _ in range(2):  # micro-batches
        compressor.loss(model(x), target, inputs=x).backward()
        assert all(hook.output is None for hook in hooks)
    model.eval()(x)
    assert all(hook.output is None for hook in hooks)


def test_an_exception_of_the_teacher_is_its_own():
    class Broken(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.broken = convnet(8), False

        def forward(self, x):
            if self.broken:
                raise KeyError("the teacher broke")
            return self.inner(x)

    model, teacher = convnet(), Broken()
    compressor = distiller(model, teacher, [KL])
    teacher.broken = True
    x, target = batch(1)
    with pytest.raises(KeyError, match="the teacher broke"):
        compressor.loss(model(x), target, inputs=x)
    teacher.broken = False
    train(compressor, sgd(model.parameters()))


def test_a_forgotten_forward_pass_is_named():
    model, teacher = convnet(), convnet()
    compressor = distiller(model, teacher, [feature()])
    x, target = batch(1)
    logits = model(x)
    compressor.loss(logits, target, inputs=x)
    with pytest.raises(cx.UsageError, match="tap of layer '1': nothing recorded"):
        compressor.loss(logits, target, inputs=x)


def test_a_copy_of_the_model_has_taps_of_its_own():
    model, teacher = convnet(), convnet()
    compressor = distiller(model, teacher, [feature()])
    x, target = batch(1)
    copied = copy.deepcopy(model)
    copied(torch.zeros_like(x))
    logits = model(x)
    expected = compressor.loss(logits, target, inputs=x)
    logits = model(x)
    copied(torch.zeros_like(x))
    assert torch.equal(compressor.loss(logits, target, inputs=x), expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_logits_and_features_of_autocast_meet_a_float_teacher(dtype):
    model, teacher = convnet(), convnet(8)
    compressor = distiller(model, teacher, [KL, feature()])
    x, target = batch(1)
    with torch.autocast("cpu", dtype):
        output = model(x)
    loss = compressor.loss(output, target, inputs=x)  # outside of autocast, as the backward pass
    loss.backward()
    with torch.autocast("cpu", dtype):
        inside = compressor.loss(model(x), target, inputs=x)
    assert_close(loss.float(), inside.float(), rtol=0.05, atol=0.05)  # the teacher in another precision
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
