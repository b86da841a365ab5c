"""What else PyTorch does with a model in training: copies, compiles, exports, casts, checkpoints."""

import copy
import pickle

import compress_ext as cx
import pytest
import torch
from torch import nn
from torch.testing import assert_close
from torch.utils.checkpoint import checkpoint
from toy_models import MODELS, TOTAL_STEPS, batch, compress, convnet, evaluate, recipe, sgd, train

SCALES = ["observed", "learned"]


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("steps", [2, 8, 11])
def test_copies_and_pickles_of_a_model_in_training(scale, steps):
    model = convnet()
    compressor = compress(model, recipe(scale=scale))
    train(compressor, sgd(compressor.parameter_groups()), steps)
    x, y = batch(40)[0], batch(41)[0]
    for copied in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert list(copied.state_dict()) == list(model.state_dict())
        assert copied[0][0].batch_norm is copied[0][1]
        before = evaluate(model, x)
        assert torch.equal(evaluate(copied, x), before)
        copied.train()(y)  # moves observers and statistics of the copy alone
        assert torch.equal(evaluate(model, x), before)
        model.train()


def test_evaluation_in_between_changes_nothing():
    losses = []
    for evaluates in (False, True):
        model = convnet()
        compressor = compress(model, recipe())
        optimizer = sgd(model.parameters())
        run = []
        for step in range(TOTAL_STEPS):
            if evaluates:
                before = copy.deepcopy(model.state_dict())
                evaluate(model, batch(60 + step)[0])
                assert all(torch.equal(before[name], tensor) for name, tensor in model.state_dict().items())
            run += train(compressor, optimizer, step + 1, start=step)
        losses.append(run)
    assert losses[0] == losses[1]


# ---- torch.compile and torch.export


@pytest.mark.parametrize(
    ("name", "scale", "backend"),
    [("convnet", "observed", "aot_eager"), ("mlp", "learned", "aot_eager"), ("transformer", "observed", "eager")],
)
def test_compiled_training_is_training(name, scale, backend):
    x = batch(0, name)[0]
    results = []
    for compiles in (False, True):
        model = MODELS[name]()
        compressor = compress(model, recipe(scale=scale), x)
        torch._dynamo.reset()
        run = torch.compile(model, fullgraph=True, backend=backend) if compiles else model
        losses = train(compressor, sgd(compressor.parameter_groups()), model=name, run=run)
        model.eval()
        results.append((losses, run(x).detach(), compressor.finalize()(x).detach()))
    (losses, eager, final), (compiled_losses, compiled, compiled_final) = results
    # The compiler decomposes batch norm and attention: sums in another order, and what that tips over in rounding.
    assert_close(torch.tensor(compiled_losses), torch.tensor(losses), rtol=0.02, atol=0.02)
    assert torch.equal(final, eager)
    assert_close(compiled, compiled_final, rtol=1e-4, atol=0.05)


def test_a_compiled_model_may_be_compressed():
    model = torch.compile(MODELS["mlp"](), fullgraph=True, backend="eager")
    compressor = compress(model, recipe())
    other = compress(MODELS["mlp"](), recipe())
    assert {layer for layer, *_ in compressor.plan().rows} == {"_orig_mod.1", "_orig_mod.3", "_orig_mod.5"}
    assert train(compressor, sgd(model.parameters())) == train(other, sgd(other.parameter_groups()))


def test_inductor_takes_a_quantized_model():
    model = nn.Sequential(nn.Linear(8, 8, bias=False), nn.Linear(8, 3, bias=False))  # no kernel to build: seconds
    x = torch.randn(4, 8)
    compressor = compress(model, recipe(start=0, freeze_observers=5), x)
    torch._dynamo.reset()
    compiled = torch.compile(model, fullgraph=True)
    eager = copy.deepcopy(model)
    expected, got = eager(x), compiled(x)
    assert_close(got, expected, rtol=1e-4, atol=1e-4)
    compressor.loss(got, torch.tensor([0, 1, 2, 0])).backward()
    assert model[0].weight.grad.any()
    assert torch.equal(model[0].input_quantizer.scale, eager[0].input_quantizer.scale)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", MODELS)
def test_models_export_before_and_after_finalize(name, scale):
    model = MODELS[name]()
    x = batch(0, name)[0]
    compressor = compress(model, recipe(scale=scale), x)
    train(compressor, sgd(compressor.parameter_groups()), model=name)
    expected = evaluate(model, x)
    with torch.no_grad():
        exported = torch.export.export(model, (x,)).module()
        assert_close(exported(x), expected, rtol=1e-5, atol=1e-5)
        final = torch.export.export(compressor.finalize(), (x,))
        assert_close(final.module()(x), expected, rtol=1e-5, atol=1e-5)
    assert not any("compress" in str(node.target) for node in final.graph.nodes)


# ---- precision, layout


@pytest.mark.parametrize("scale", SCALES)
def test_autocast_bfloat16(scale):
    model = convnet()
    compressor = compress(model, recipe(scale=scale))
    optimizer = sgd(compressor.parameter_groups())
    for step in range(TOTAL_STEPS):
        x, target = batch(step)
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            loss = compressor.loss(model(x), target)
        loss.backward()
        optimizer.step()
        compressor.step()
        assert loss.isfinite()
    assert all(p.dtype == torch.float32 and p.grad.dtype == torch.float32 for p in model.parameters())
    x = batch(70)[0]
    with torch.autocast("cpu", torch.bfloat16):
        expected = evaluate(model, x)
        assert expected.dtype == torch.bfloat16
        assert torch.equal(evaluate(compressor.finalize(), x), expected)


@pytest.mark.parametrize("scale", SCALES)
def test_autocast_float16_with_a_scaler(scale):
    model = convnet()
    compressor = compress(model, recipe(scale=scale))
    optimizer = sgd(compressor.parameter_groups())
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**10)
    for step in range(TOTAL_STEPS):
        x, target = batch(step)
        if step == 3:
            x = x * float("inf")  # this step is skipped
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.float16):
            loss = compressor.loss(model(x), target)
        scaler.scale(loss).backward()
        before = model[4].weight.detach().clone()
        scaler.step(optimizer)
        scaler.update()
        compressor.step()
        if step == 3:
            assert torch.equal(before, model[4].weight)
            for norm in (model[0][1], model[1][1]):  # which saw it, as any batch norm would
                norm.reset_running_stats()
    assert scaler.get_scale() == 2.0**9
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    assert compressor.metrics()["sparsity"] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("scale", SCALES)
def test_a_model_in_bfloat16(scale):
    model = convnet().to(torch.bfloat16)
    x = batch(0)[0].bfloat16()
    compressor = compress(model, recipe(scale=scale), x)
    optimizer = sgd(compressor.parameter_groups())
    for step in range(TOTAL_STEPS):
        x, target = batch(step)
        optimizer.zero_grad()
        compressor.loss(model(x.bfloat16()), target).backward()
        optimizer.step()
        compressor.step()
    assert model[0][0].weight_quantizer.scale.dtype == torch.float32
    x = batch(70)[0].bfloat16()
    expected = evaluate(model, x)
    assert torch.equal(evaluate(compressor.finalize(), x), expected)


def test_channels_last():
    results = []
    for layout in (torch.contiguous_format, torch.channels_last):
        model = convnet().to(memory_format=layout)
        compressor = compress(model, recipe(), batch(0)[0].to(memory_format=layout))
        optimizer = sgd(model.parameters())
        for step in range(8):
            x, target = batch(step)
            optimizer.zero_grad()
            loss = compressor.loss(model(x.to(memory_format=layout)), target)
            loss.backward()
            optimizer.step()
            compressor.step()
        assert model[1][0].weight.is_contiguous(memory_format=layout)
        results.append((loss.detach(), model[1][0].weight_mask))
        x = batch(70)[0].to(memory_format=layout)
        expected = evaluate(model, x)
        assert torch.equal(evaluate(compressor.finalize(), x), expected)
    assert_close(results[0][0], results[1][0], rtol=0.01, atol=0.01)  # other convolution kernels
    assert torch.equal(results[0][1], results[1][1])


# ---- activation checkpointing


class Checkpointed(nn.Module):
    def __init__(self, use_reentrant: bool | None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.body, self.head = (
            nn.Linear(36, 16),
            nn.Sequential(nn.Linear(16, 16), nn.ReLU()),
            nn.Linear(16, 5),
        )
        self.use_reentrant = use_reentrant

    def forward(self, x):
        x = self.stem(x.flatten(1))
        if self.use_reentrant is None or not self.training:
            return self.head(self.body(x))
        return self.head(checkpoint(self.body, x, use_reentrant=self.use_reentrant))


@pytest.mark.parametrize("scale", SCALES)
def test_activation_checkpointing_changes_nothing(scale):
    results = []
    for use_reentrant in (None, True, False):
        model = Checkpointed(use_reentrant)
        compressor = compress(model, recipe(scale=scale))
        losses = train(compressor, sgd(compressor.parameter_groups()))
        results.append((losses, model.state_dict()))
    for losses, state in results[1:]:
        assert losses == results[0][0]
        assert all(torch.equal(tensor, results[0][1][name]) for name, tensor in state.items())


def test_activation_checkpointing_compiles():
    results = []
    for compiles in (False, True):
        model = Checkpointed(False)
        compressor = compress(model, recipe(scale="learned"))
        torch._dynamo.reset()
        with torch._dynamo.config.patch(skip_fwd_side_effects_in_bwd_under_checkpoint=True):
            run = torch.compile(model, fullgraph=True, backend="aot_eager") if compiles else model
            results.append(train(compressor, sgd(compressor.parameter_groups()), 8, run=run))
    assert_close(torch.tensor(results[0]), torch.tensor(results[1]))


def test_a_tap_inside_a_checkpoint():
    teacher = Checkpointed(None)
    methods = recipe(prune=None, scale=None, distill={"losses": [{"type": "feature", "taps": {"body": "body"}}]})
    gradients = []
    for use_reentrant in (None, False):
        model = Checkpointed(use_reentrant)
        with torch.no_grad():
            model.body[0].weight.add_(0.1)
        compressor = compress(model, methods, teacher=teacher)
        x, target = batch(1)
        compressor.loss(model(x), target, inputs=x).backward()
        gradients.append(model.body[0].weight.grad)
    assert torch.equal(*gradients)
    model = Checkpointed(True)
    compressor = compress(model, methods, teacher=copy.deepcopy(teacher))
    logits = model(x)
    with pytest.raises(cx.UsageError, match="tap of layer 'body'.*without a graph.*use_reentrant=False"):
        compressor.loss(logits, target, inputs=x)


# ---- the meta device


@pytest.mark.parametrize("scale", SCALES)
def test_a_model_that_gets_its_weights_later(scale):
    expected = convnet()
    reference = compress(expected, recipe(scale=scale))
    with torch.device("meta"):
        model = convnet()
    compressor = compress(model, recipe(scale=scale), batch(0)[0].to("meta"))
    assert all(tensor.is_meta for tensor in model.state_dict().values())
    model.to_empty(device="cpu")
    model.load_state_dict(convnet().state_dict(), strict=False)
    losses = train(compressor, sgd(compressor.parameter_groups()))
    assert losses == train(reference, sgd(reference.parameter_groups()))
    for name, tensor in expected.state_dict().items():
        assert torch.equal(model.state_dict()[name], tensor), name
    assert not model._forward_pre_hooks


@pytest.mark.parametrize("compiles", [False, True])
def test_schedules_of_a_meta_model_start_when_it_has_weights(compiles):
    methods = [{"prune": {"schedule": {"type": "constant", "start": 0}}}, {"quantize": {"freeze_observers": 6}}]
    reference = compress(MODELS["mlp"](), methods)
    with torch.device("meta"):
        model = MODELS["mlp"]()
    compressor = compress(model, methods, batch(0)[0].to("meta"))
    model.to_empty(device="cpu")
    model.load_state_dict(MODELS["mlp"]().state_dict(), strict=False)
    pickle.dumps(model)
    if compiles:
        compressor.resume(0)
    run = torch.compile(model, fullgraph=True, backend="eager") if compiles else model
    losses = train(compressor, sgd(compressor.parameter_groups()), run=run)
    assert losses == train(reference, sgd(reference.parameter_groups()))


def test_a_meta_model_resumes():
    whole = compress(convnet(), recipe())
    optimizer = sgd(whole.parameter_groups())
    train(whole, optimizer, 8)
    state, own, momenta = (copy.deepcopy(part.state_dict()) for part in (whole.model, whole, optimizer))
    with torch.device("meta"):
        model = convnet()
    compressor = compress(model, recipe(), batch(0)[0].to("meta"))
    model.to_empty(device="cpu")
    model.load_state_dict(state)
    compressor.load_state_dict(own)
    other = sgd(compressor.parameter_groups())
    other.load_state_dict(momenta)
    assert train(compressor, other, start=8) == train(whole, optimizer, start=8)
