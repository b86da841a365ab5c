"""A training that stops and goes on is the one that did not stop, bit for bit, in every phase."""

import copy
import io

import compress_ext as cx
import pytest
import torch
from toy_models import MODELS, TOTAL_STEPS, batch, compress, convnet, recipe, sgd, train

DISTILL = {"losses": [{"type": "kl", "weight": 0.5}, {"type": "feature", "taps": {"1": "1"}, "weight": 0.1}]}


def make(scale: str, distill: bool, name: str = "convnet"):
    model = MODELS[name]()
    teacher = convnet(width=8) if distill else None  # wider: a projector joins the features
    methods = recipe(scale=scale, distill=DISTILL if distill else None)
    compressor = compress(model, methods, batch(0, name)[0], teacher=teacher)
    groups = compressor.parameter_groups(weight_decay=1e-2)
    return compressor, sgd(groups)


def save(compressor, optimizer) -> io.BytesIO:
    file = io.BytesIO()
    parts = {"model": compressor.model, "compressor": compressor, "optimizer": optimizer}
    torch.save({name: part.state_dict() for name, part in parts.items()}, file)
    file.seek(0)
    return file


def load(file, compressor, optimizer) -> None:
    state = torch.load(file, weights_only=True)
    assert str(compressor.model.load_state_dict(state["model"], strict=True)) == "<All keys matched successfully>"
    compressor.load_state_dict(state["compressor"])
    optimizer.load_state_dict(state["optimizer"])


def assert_equal(a: cx.Compressor, b: cx.Compressor) -> None:
    for (name, left), right in zip(a.model.state_dict().items(), b.model.state_dict().values(), strict=True):
        assert torch.equal(left, right), name
    for name, tensor in a.state_dict()["tensors"].items():
        assert torch.equal(tensor, b.state_dict()["tensors"][name]), name


# Pruning moves at 1, 3, 5; quantization starts at 6, freezes at 10. 0: nothing done; 12: all done.
@pytest.mark.parametrize("stop", [0, 1, 3, 5, 6, 7, 9, 10, 11, 12])
@pytest.mark.parametrize(("scale", "distill"), [("observed", False), ("learned", False), ("learned", True)])
def test_resume_is_exact(scale, distill, stop):
    whole, optimizer = make(scale, distill)
    losses = train(whole, optimizer, stop)
    file = save(whole, optimizer)
    losses += train(whole, optimizer, start=stop)

    torch.manual_seed(123)
    resumed, other_optimizer = make(scale, distill)
    with torch.no_grad():  # whatever a new process starts with is overwritten
        for parameter in resumed.model.parameters():
            parameter.add_(0.1)
    load(file, resumed, other_optimizer)
    assert resumed.steps == stop
    assert train(resumed, other_optimizer, start=stop) == losses[stop:]
    assert_equal(whole, resumed)
    x = batch(77)[0]
    assert torch.equal(whole.finalize().eval()(x), resumed.finalize().eval()(x))


@pytest.mark.parametrize("name", ["mlp", "transformer"])
def test_other_models_resume(name):
    whole, optimizer = make("learned", False, name)
    train(whole, optimizer, 8, model=name)
    file = save(whole, optimizer)
    losses = train(whole, optimizer, start=8, model=name)
    resumed, other_optimizer = make("learned", False, name)
    load(file, resumed, other_optimizer)
    assert train(resumed, other_optimizer, start=8, model=name) == losses
    assert_equal(whole, resumed)


def test_a_state_loads_into_the_compressor_that_gave_it():
    compressor, optimizer = make("observed", False)
    train(compressor, optimizer, 4)
    file = save(compressor, optimizer)
    losses = train(compressor, optimizer, start=4)
    load(file, compressor, optimizer)  # back in time: not quantized, not frozen
    assert compressor.steps == 4
    assert train(compressor, optimizer, start=4) == losses


def test_resume_takes_a_model_that_another_trainer_saved():
    whole, optimizer = make("learned", False)
    train(whole, optimizer, 8)
    state, momenta = copy.deepcopy(whole.model.state_dict()), copy.deepcopy(optimizer.state_dict())
    losses = train(whole, optimizer, start=8)
    resumed, other_optimizer = make("learned", False)
    resumed.model.load_state_dict(state)
    resumed.resume(8)
    other_optimizer.load_state_dict(momenta)
    assert train(resumed, other_optimizer, start=8) == losses


def test_a_layer_that_no_batch_reached_starts_after_a_resume_too():
    class Gated(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            torch.manual_seed(0)
            self.flatten = torch.nn.Flatten()
            self.a, self.b = torch.nn.Linear(36, 5), torch.nn.Linear(36, 5)
            self.both = True

        def forward(self, x):
            x = self.flatten(x)
            return self.a(x) + self.b(x) if self.both else self.a(x)

    results = []
    for stops in (False, True):
        model = Gated()
        compressor = compress(model, recipe(prune=None, scale="learned", start=0, freeze_observers=11))
        optimizer = sgd(compressor.parameter_groups())
        model.both = False
        train(compressor, optimizer, 3)
        if stops:
            file = save(compressor, optimizer)
            model = Gated()
            compressor = compress(model, recipe(prune=None, scale="learned", start=0, freeze_observers=11))
            optimizer = sgd(compressor.parameter_groups())
            load(file, compressor, optimizer)
        assert not model.b.weight_quantizer.initialized and model.a.weight_quantizer.initialized
        model.both = True
        results.append(train(compressor, optimizer, start=3))
        assert model.b.weight_quantizer.initialized
    assert results[0] == results[1]


def test_the_state_is_plain_data():
    compressor, _ = make("learned", True)
    state = compressor.state_dict()
    assert state["steps"] == 0 and state["total_steps"] == TOTAL_STEPS and state["steps_per_epoch"] == 1
    assert cx.Recipe(state["recipe"]) == compressor.recipe
    assert sorted(state["tensors"]) == ["distill.projector0.projection.bias", "distill.projector0.projection.weight"]
    state["tensors"]["distill.projector0.projection.bias"].fill_(9)
    assert not (compressor.state_dict()["tensors"]["distill.projector0.projection.bias"] == 9).any()
