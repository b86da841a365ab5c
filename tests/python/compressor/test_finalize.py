"""The end: plain modules of torch, the same outputs."""

import copy
import pickle
import subprocess
import sys
import textwrap

import compress_ext as cx
import pytest
import torch
from torch import nn
from toy_models import MODELS, TOTAL_STEPS, batch, compress, convnet, evaluate, mlp, recipe, sgd, train

ACTIVATIONS = {
    "tensor": {"symmetric": False, "averaging": 0.1},
    "symmetric": {"symmetric": True, "averaging": 0.1},
    "channel": {"symmetric": False, "granularity": "channel", "observer": "min_max"},
    "channel learned": {"symmetric": False, "granularity": "channel", "scale": "learned"},
    "percentile": {"symmetric": True, "observer": "percentile", "percentile": 95, "averaging": 0.5},
    "none": "none",
}
WEIGHTS = {
    "channel": {"granularity": "channel"},
    "tensor learned asymmetric": {"granularity": "tensor", "scale": "learned", "symmetric": False},
    "none": "none",
}


def trained(name: str, methods) -> cx.Compressor:
    compressor = compress(MODELS[name](), methods, batch(0, name)[0])
    train(compressor, sgd(compressor.parameter_groups()), model=name)
    return compressor


def is_ours(thing: object) -> bool:
    return (type(thing).__module__ or "").startswith("compress_ext")


def assert_plain(model: nn.Module) -> None:
    for module in model.modules():
        assert not is_ours(module), module
        hooks = [v for k, v in module.__dict__.items() if k.endswith("hooks")]
        assert not any(is_ours(hook) for group in hooks if group for hook in group.values())
        assert not any(is_ours(value) for value in module.__dict__.values())
        assert not hasattr(module, "weight_mask") and not hasattr(module, "_batch_norm")
    assert not any("mask" in name or "weight_quantizer" in name for name in model.state_dict())


@pytest.mark.parametrize(
    ("weight", "activation"), [(w, a) for w in WEIGHTS for a in ACTIVATIONS if (w, a) != ("none", "none")]
)
@pytest.mark.parametrize("name", ["convnet", "transformer"])
def test_outputs_are_equal(name, weight, activation):
    compressor = trained(name, recipe(weight=WEIGHTS[weight], activation=ACTIVATIONS[activation]))
    x = batch(40, name)[0]
    expected = evaluate(compressor.model, x)
    model = compressor.model
    assert compressor.finalize() is model
    assert_plain(model)
    assert torch.equal(evaluate(model, x), expected)
    assert not any(parameter.is_meta for parameter in model.parameters())


@pytest.mark.parametrize("name", MODELS)
def test_parameters_are_those_of_the_plain_model(name):
    compressor = trained(name, recipe(scale="learned"))
    plain = compressor.finalize()
    count = sum(parameter.numel() for parameter in MODELS[name]().parameters())
    if name == "convnet":
        count += (6 + 6) - 4 * 6  # two biases come, two batch norms of weight and bias go
    assert sum(parameter.numel() for parameter in plain.parameters()) == count
    state = plain.state_dict()
    other = copy.deepcopy(plain)
    with torch.no_grad():
        for parameter in other.parameters():
            parameter.zero_()
    other.load_state_dict(state, strict=True)
    x = batch(40, name)[0]
    assert torch.equal(evaluate(other, x), evaluate(plain, x))


def test_batch_norms_disappear_and_weights_lie_on_their_grid():
    compressor = trained("convnet", recipe())
    scale = compressor.model[1][0].weight_quantizer.scale.clone()
    plain = compressor.finalize()
    assert isinstance(plain[0][1], nn.Identity) and isinstance(plain[1][1], nn.Identity)
    integers = plain[1][0].layer.weight.detach() / scale
    assert (integers - integers.round()).abs().max() < 1e-4 and integers.abs().max() <= 127
    assert (integers == 0).float().mean() > 0.3


def test_code_that_asks_a_wrapped_layer_about_its_weight_keeps_working():
    plain = trained("mlp", recipe()).finalize()
    assert plain[1].weight is plain[1].layer.weight and plain[1].bias is plain[1].layer.bias
    copied = copy.deepcopy(plain)
    assert copied[1].weight is copied[1].layer.weight
    assert list(plain[1].state_dict()) == ["layer.weight", "layer.bias"]
    assert len(list(plain[1].parameters())) == 2


@pytest.mark.parametrize("training", [True, False])
def test_the_mode_stays(training):
    compressor = compress(convnet(), recipe())
    train(compressor, sgd(compressor.parameter_groups()), 8)  # observers still move
    x = batch(40)[0]
    expected = evaluate(compressor.model, x)
    compressor.model.train(training)
    plain = compressor.finalize()
    assert all(module.training == training for module in plain.modules())
    assert torch.equal(evaluate(plain, x), expected)  # no observer moved on the way


@pytest.mark.parametrize("steps", [0, 3, 6, 8])
def test_an_early_end_is_what_evaluation_shows(steps):
    compressor = compress(convnet(), recipe())
    train(compressor, sgd(compressor.parameter_groups()), steps)
    x = batch(40)[0]
    expected = evaluate(compressor.model, x)
    plain = compressor.finalize()
    assert_plain(plain)
    assert torch.equal(evaluate(plain, x), expected)
    assert isinstance(plain[0][1], nn.Identity if steps == 8 else nn.BatchNorm2d)


def test_in_bfloat16():
    compressor = trained("convnet", recipe(activation=ACTIVATIONS["channel"]))
    x = batch(40)[0]
    exact = evaluate(compressor.model, x)
    plain = compressor.finalize().to(torch.bfloat16)
    y = evaluate(plain, x.bfloat16())
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y.float(), exact, rtol=0.1, atol=0.1)  # 8 bits of mantissa


def test_it_trains_on():
    plain = trained("mlp", recipe()).finalize().train()
    optimizer = sgd(plain.parameters())
    x, target = batch(0)
    losses = []
    for _ in range(5):
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(plain(x), target)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_parameters_stay_the_same_objects():
    model = mlp()
    parameters = dict(model.named_parameters())
    compressor = compress(model, recipe())
    train(compressor, sgd(model.parameters()))
    plain = compressor.finalize()
    assert {id(p) for p in plain.parameters()} == {id(p) for p in parameters.values()}


def test_frozen_weights_stay_frozen():
    model = convnet()
    model[0].requires_grad_(False)
    compressor = compress(model, recipe())
    train(compressor, sgd([p for p in model.parameters() if p.requires_grad]))
    plain = compressor.finalize()
    assert not any(parameter.requires_grad for parameter in plain[0].parameters())
    assert all(parameter.requires_grad for parameter in plain[1].parameters())


def test_it_loads_where_compress_ext_is_not(tmp_path):
    saved = []
    for name in ("convnet", "mlp"):
        plain = trained(name, recipe(activation=ACTIVATIONS["channel"], weight={"scale": "learned"})).finalize().eval()
        x = batch(40, name)[0]
        saved.append((plain, x, evaluate(plain, x)))
    torch.save(saved, tmp_path / "models.pt")
    script = f"""
        import sys, torch
        sys.modules["compress_ext"] = None
        torch.set_num_threads(1)
        for model, x, y in torch.load({str(tmp_path / "models.pt")!r}, weights_only=False):
            with torch.no_grad():
                assert torch.equal(model(x), y)
        assert not hasattr(torch.ops.compress, "fake_quantize")
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], check=True)


def test_pickles_in_memory():
    plain = trained("convnet", recipe()).finalize()
    data = pickle.dumps(plain)
    assert b"compress_ext" not in data
    x = batch(40)[0]
    assert torch.equal(evaluate(pickle.loads(data), x), evaluate(plain, x))


def test_finalized_models_compile():
    plain = trained("convnet", recipe(activation=ACTIVATIONS["channel"])).finalize()
    x = batch(40)[0]
    expected = evaluate(plain, x)
    torch._dynamo.reset()
    compiled = torch.compile(plain, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(evaluate(compiled, x), expected)


def test_after_total_steps_nothing_is_left_over():
    compressor = trained("convnet", recipe())
    assert compressor.steps == TOTAL_STEPS
    plain = compressor.finalize()
    assert [type(module) for module in plain[0]] == [nn.Sequential, nn.Identity, nn.ReLU]
    assert type(plain[0][0].layer) is nn.Conv2d
