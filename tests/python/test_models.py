"""The C++ networks from Python: values, gradients, state dicts and modes."""

import compress_ext
import pytest
import torch
import torch.nn.functional as F
from compress_ext import models

CONVNET = {"type": "convnet", "width": 8}
MLP = {"type": "mlp", "hidden": [16]}


def make(options=CONVNET, **arguments):
    torch.manual_seed(0)
    return models.make(options, **arguments)


def batch(count=6):
    return torch.randn(count, 1, 8, 8, generator=torch.Generator().manual_seed(1))


def mlp_by_hand(tensors, x):
    hidden = F.relu(F.linear(x.flatten(1), tensors["fc1.weight"], tensors["fc1.bias"]))
    return F.linear(hidden, tensors["head.weight"], tensors["head.bias"])


def test_the_digits_student_has_9034_parameters():
    network = models.make({"type": "convnet", "width": 24})
    assert sum(parameter.numel() for parameter in network.parameters()) == 9034


def test_input_shape_and_classes_decide_the_ends():
    network = models.make({"type": "resnet", "depth": 20}, input_shape=(3, 32, 32), classes=7)
    assert network.eval()(torch.zeros(2, 3, 32, 32)).shape == (2, 7)


def test_yaml_says_what_a_dict_says():
    from_yaml, from_dict = make("{type: mlp, hidden: [16]}"), make(MLP)
    assert from_yaml.state_dict().keys() == from_dict.state_dict().keys()
    assert from_yaml(batch()).equal(from_dict(batch()))


def test_parameters_come_from_torchs_generator():
    assert make()(batch()).equal(make()(batch()))
    assert not make()(batch()).equal(models.make(CONVNET)(batch()))


def test_values_and_gradients_are_those_of_torch():
    network, x = make(MLP), batch().requires_grad_()
    network(x).square().sum().backward()
    tensors = {name: tensor.clone().requires_grad_() for name, tensor in network.state_dict().items()}
    y = x.detach().clone().requires_grad_()
    mlp_by_hand(tensors, y).square().sum().backward()
    # The same kernels in the same order: no tolerance.
    assert x.grad.equal(y.grad)
    for name, parameter in network.named_parameters():
        assert parameter.grad.equal(tensors[name].grad), name


def test_an_optimizer_of_torch_trains_it():
    network = make().train()
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    x, target = batch(16), torch.arange(16) % 10
    losses = []
    for _ in range(20):
        loss = F.cross_entropy(network(x), target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]


def test_parameters_are_named_leaves():
    network = make()
    named = dict(network.named_parameters())
    assert list(named)[0] == "block1.conv.weight"
    assert len(named) == len(network.parameters())
    assert all(parameter.is_leaf and parameter.requires_grad for parameter in named.values())


def test_state_dict_shares_memory_without_a_graph():
    network = make().eval()
    tensors = network.state_dict()
    assert "block1.bn.running_mean" in tensors
    assert not any(tensor.requires_grad for tensor in tensors.values())
    tensors["head.weight"].zero_()
    tensors["head.bias"].fill_(2.0)
    assert network(batch()).eq(2.0).all()


def test_state_dict_loads_into_another_network():
    source, target = make().eval(), models.make(CONVNET).eval()
    with torch.no_grad():
        source.train()(batch())  # moves the running statistics
    source.eval()
    target.load_state_dict(source.state_dict())
    assert target(batch()).equal(source(batch()))


def test_modes_are_those_of_batch_norm():
    network = make()
    assert network.training
    assert network.eval() is network and not network.training
    single = network(batch()[:1])
    assert network(batch())[:1].allclose(single, atol=1e-6)  # other kernels for other batch sizes: a few ulp of ~1
    assert network.train() is network and network.training
    assert not network(batch())[:1].allclose(single, atol=1e-6)
    assert not network.train(False).training


def test_to_keeps_the_parameters_identity():
    network = make()
    before = network.parameters()[0]
    assert network.to("cpu") is network
    assert network.to(torch.device("cpu")).parameters()[0] is before


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")
def test_to_a_gpu_computes_the_same():
    network, x = make().eval(), batch()
    expected = network(x)
    # float32 convolutions of two libraries, TF32 off by default for matrix products but not for cuDNN.
    assert network.to("cuda")(x.cuda()).cpu().allclose(expected, atol=1e-2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("head.bias"), "state_dict: misses 'head.bias'"),
        (lambda t: t.update({"head.wight": t["head.bias"]}), "holds 'head.wight'.*did you mean 'head.weight'"),
        (lambda t: t.update({"head.bias": torch.zeros(3)}), r"'head.bias' has shape \[3\], the model's has \[10\]"),
    ],
)
def test_a_wrong_state_dict_changes_nothing(change, message):
    network = make()
    wrong = {name: torch.ones_like(tensor) for name, tensor in network.state_dict().items()}
    change(wrong)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    with pytest.raises(compress_ext.Error, match=message):
        network.load_state_dict(wrong)
    assert all(tensor.equal(before[name]) for name, tensor in network.state_dict().items())


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"type": "convnett"}, "models.make:1: .*'convnett'.*did you mean 'convnet'"),
        ({"type": "convnet", "widht": 8}, "widht: .*did you mean 'width'"),
        ({"type": "convnet", "width": 7}, "width: must be even .got 7"),
        ({"type": "resnet", "depth": 21}, "depth: .*got 21"),
    ],
)
def test_wrong_options_are_usage_errors(options, message):
    with pytest.raises(compress_ext.UsageError, match=message):
        models.make(options)


def test_an_empty_input_shape_is_a_usage_error():
    with pytest.raises(compress_ext.UsageError, match=r"must be positive .got \(1, 0, 8\) and 10"):
        models.make(CONVNET, input_shape=(1, 0, 8))
