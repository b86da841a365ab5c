"""Each wrong use is one message that names what and how to mend it, and leaves the model as it was."""

import copy
import re

import compress_ext as cx
import pytest
import torch
from torch import nn
from toy_models import TOTAL_STEPS, batch, compress, convnet, mlp, recipe, sgd, train

FEATURE = {"type": "feature", "taps": {"1": "1"}}


def snapshot(model: nn.Module) -> list:
    """All of a model that a Compressor touches."""
    modules = []
    for name, module in model.named_modules():
        hooks = {key: list(value) for key, value in module.__dict__.items() if key.endswith("hooks") and value}
        attributes = sorted(set(module.__dict__) | set(module._buffers) | set(module._modules))
        modules.append((name, type(module), module.training, hooks, attributes))
    values = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    return [modules, values, [(name, id(p), p.requires_grad) for name, p in model.named_parameters()]]


def assert_unchanged(model: nn.Module, before: list) -> None:
    modules, values, parameters = snapshot(model)
    assert modules == before[0]
    assert parameters == before[2]
    assert values.keys() == before[1].keys()
    assert all(torch.equal(tensor, before[1][name]) for name, tensor in values.items())


class Mixed(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem, self.bn, self.relu = nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU()
        self.rnn, self.head = nn.LSTM(16, 8, batch_first=True), nn.Linear(8, 5)

    def forward(self, x):
        return self.head(self.rnn(self.relu(self.bn(self.stem(x))).flatten(2))[0].mean(1))


def construct(match: str, methods, *, model=None, teacher=None, error=cx.UsageError, **keywords) -> None:
    model = Mixed() if model is None else model
    roots = [root for root in (model, teacher) if root is not None]
    before = [snapshot(root) for root in roots]
    with pytest.raises(error, match=match) as info:
        compress(model, methods, teacher=teacher, **keywords)
    assert "\n" not in str(info.value)
    for root, was in zip(roots, before, strict=True):
        assert_unchanged(root, was)
    compress(model, recipe())  # and may be compressed after all


@pytest.mark.parametrize("method", ["prune", "quantize"])
@pytest.mark.parametrize("key", ["include", "exclude"])
def test_a_pattern_that_matches_nothing_names_the_nearest(method, key):
    construct(
        rf"{method}\.{key}: 'hed' matches no layer.*did you mean 'head'.*\(layers: stem, head\)",
        [{method: {key: ["hed"]}}],
    )


@pytest.mark.parametrize(
    ("pattern", "what"), [("rnn", "rnn, a LSTM"), ("LSTM", "rnn, a LSTM"), ("bn", "bn, a BatchNorm2d")]
)
def test_an_unsupported_layer_asked_for_by_name(pattern, what):
    construct(
        rf"quantize\.include: '{pattern}' is {what}, which cannot be compressed: ",
        [{"quantize": {"include": [pattern]}}],
    )


def test_an_unsupported_layer_may_be_excluded():
    compress(Mixed(), [{"quantize": {"exclude": ["rnn"]}}])


def test_nothing_left_to_do():
    match = r"quantize: no layer is left \(stem is left out: exclude 'Conv2d'; head is left out: exclude 'Linear'; "
    construct(match, [{"quantize": {"exclude": ["Linear", "Conv2d"]}}])


def test_a_model_without_a_layer_that_can_be_compressed():
    torch.manual_seed(0)
    for model, why in (
        (nn.LSTM(6, 5), r" \(the model is left out: LSTM is not supported\)"),
        (nn.ReLU(), ": the model has no"),
    ):
        before = snapshot(model)
        with pytest.raises(cx.UsageError, match=f"prune: no layer is left{why}"):
            cx.Compressor(model, recipe(scale=None), total_steps=TOTAL_STEPS)
        assert_unchanged(model, before)


def test_a_second_method_that_fails_takes_back_the_first():
    construct("quantize.include: 'nothing'", [{"prune": {}}, {"quantize": {"include": ["nothing"]}}])


def test_example_inputs_that_do_not_run():
    construct(
        "example_inputs: the model does not run on them: RuntimeError: .*give what model",
        recipe(),
        example=torch.randn(2, 3, 6, 6),
    )
    construct("example_inputs: the model does not run on them: TypeError", recipe(), example=(1, 2, 3))


def test_example_inputs_are_needed():
    model = Mixed()
    before = snapshot(model)
    with pytest.raises(cx.UsageError, match="give example_inputs"):
        cx.Compressor(model, recipe(), total_steps=TOTAL_STEPS)
    assert_unchanged(model, before)


def test_an_output_without_logits():
    class Odd(nn.Linear):
        def forward(self, x):
            return {"score": super().forward(x)}

    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 8), Odd(8, 5))
    construct(
        "returned dict, in which no logits were found.*logits=function", recipe(distill={}), model=model, teacher=mlp()
    )


def test_granularity_that_does_not_fit_names_the_layer():
    weight = {"granularity": "group", "group_size": 3}
    construct("layer 'stem': group_size 3 does not divide the 1 inputs", recipe(weight=weight))


def test_a_model_that_is_compressed_already_names_the_layer():
    model = convnet()
    first = compress(model, recipe())
    before = snapshot(model)
    with pytest.raises(
        cx.UsageError, match=r"layer '0\.0': the slot weight_mask of this Conv2d layer is filled already"
    ):
        compress(model, recipe())
    assert_unchanged(model, before)
    assert model[0][0].batch_norm is model[0][1]
    train(first, sgd(model.parameters()))


# ---- distillation


def test_a_recipe_that_distills_needs_a_teacher():
    construct(r"distill: there is no teacher; give Compressor\(teacher=model\)", recipe(distill={}))


def test_logits_that_do_not_meet():
    teacher = nn.Sequential(nn.Flatten(), nn.Linear(36, 7))
    construct(
        r"distill: the teacher answers with logits \[8, 7\], the student with \[8, 5\]",
        recipe(distill={}),
        teacher=teacher,
    )


def test_a_teacher_that_does_not_run():
    construct(
        r"the teacher does not run on the example inputs: RuntimeError", recipe(distill={}), teacher=nn.Linear(7, 5)
    )


def test_features_that_do_not_meet():
    methods = recipe(distill={"losses": [{"type": "feature", "taps": {"stem": "1"}}]})
    construct(
        r"projector: student and teacher features must both be .*\[8, 4, 4, 4\], teacher \[8, 16\]",
        methods,
        teacher=mlp(),
    )


@pytest.mark.parametrize(
    ("taps", "match"),
    [
        ({"stam": "1"}, "distill.taps: the model has no layer 'stam'; did you mean 'stem'"),
        ({"stem": "00.0"}, r"distill.taps: the teacher has no layer '00.0'; did you mean '0.0'"),
    ],
)
def test_taps_that_do_not_exist(taps, match):
    construct(match, recipe(distill={"losses": [{"type": "feature", "taps": taps}]}), teacher=convnet())


def test_a_teacher_that_is_the_model():
    model = convnet()
    before = snapshot(model)
    for teacher in (model, nn.Sequential(model, nn.Identity())):
        with pytest.raises(cx.UsageError, match="the teacher and the model share parameters.*deepcopy"):
            compress(model, recipe(distill={}), teacher=teacher)
        assert_unchanged(model, before)


# ---- the recipe


@pytest.mark.parametrize(
    ("methods", "match"),
    [
        ([{"prun": {}}], "prun.*prune"),
        ([{"prune": {"sparsty": 0.5}}], r"recipe.*sparsty.*sparsity"),
        ([{"prune": {"sparsity": 1.5}}], r"sparsity.*1\.5"),
        ([{"prune": {"sparsity": "much"}}], "sparsity.*much"),
        ([{"quantize": {"weight": {"format": "int9"}}}], "format.*int9"),
        ([{"prune": {}}, {"prune": {}}], "is a second 'prune' block"),
        ([{"quantize": {"start": 20, "freeze_observers": 30}}], "quantize.start: 20 lies beyond the run's 12 steps"),
        (
            [{"quantize": {"start": 5, "freeze_observers": 5}}],
            r"quantize.freeze_observers: must come after start \(got 5 and 5\)",
        ),
        (
            [{"prune": {"schedule": {"start": 9, "end": 3}}}],
            r"prune.schedule.end: must not lie before start \(got 3 and 9\)",
        ),
    ],
)
def test_recipes_that_cannot_be(methods, match):
    construct(match, methods)


def test_a_file_that_is_not_there():
    construct("recipe: no such file: 'nowhere.yaml'", "nowhere.yaml")


def test_a_file_names_itself_and_the_line(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text("compression:\n  - prune:\n      sparsty: 0.5\n")
    construct(re.escape(str(path)) + r".*3.*sparsty", str(path))
    path.write_text("compression:\n  - prune: {sparsity: 0.5}\n")
    assert compress(convnet(), path).recipe == cx.Recipe([{"prune": {"sparsity": 0.5}}])


def test_epochs_need_their_length():
    methods = [{"prune": {"schedule": {"start": 0, "end": "2e"}}}]
    construct("the recipe counts in epochs; give steps_per_epoch", methods)
    construct("steps_per_epoch must be 1 or more", methods, steps_per_epoch=0)
    plan = compress(convnet(), methods, steps_per_epoch=4).plan()
    assert "steps 0 to 8" in str(plan)


def test_total_steps_must_be_positive():
    construct(r"total_steps must be 1 or more \(got 0\)", recipe(scale=None), total_steps=0)


# ---- calls that come at the wrong time


def test_steps_past_the_end():
    model = mlp()
    compressor = compress(model, recipe())
    train(compressor, sgd(model.parameters()))
    before = snapshot(model)
    with pytest.raises(cx.UsageError, match="all 12 steps are done.*total_steps"):
        compressor.step()
    assert_unchanged(model, before) and compressor.steps == TOTAL_STEPS
    compressor.finalize()


def test_everything_after_finalize():
    model = mlp()
    compressor = compress(model, recipe())
    state = compressor.state_dict()
    plain = compressor.finalize()
    before = snapshot(plain)
    x, target = batch(0)
    calls = {
        "finalize": compressor.finalize,
        "step": compressor.step,
        "resume": lambda: compressor.resume(3),
        "loss": lambda: compressor.loss(plain(x), target),
        "load_state_dict": lambda: compressor.load_state_dict(state),
    }
    for name, call in calls.items():
        with pytest.raises(cx.UsageError, match=rf"Compressor\.{name}: the model is finalized"):
            call()
    assert_unchanged(plain, before)


def test_a_loss_needs_target_and_inputs():
    model = convnet()
    compressor = compress(model, recipe(distill={}), teacher=convnet())
    x, target = batch(0)
    y = model(x)
    before = snapshot(model)
    with pytest.raises(cx.UsageError, match=r"Compressor\.loss: give target, or the task's own loss as task_loss"):
        compressor.loss(y, inputs=x)
    with pytest.raises(cx.UsageError, match=r"Compressor\.loss: this recipe distills; give inputs"):
        compressor.loss(y, target)
    assert_unchanged(model, before)


# ---- states


def test_the_state_of_another_recipe():
    model = convnet()
    compressor = compress(model, recipe())
    before = snapshot(model)
    others = {
        "recipe": compress(convnet(), recipe(prune=0.7)),
        "total_steps": compress(convnet(), recipe(), total_steps=20),
        "steps_per_epoch": compress(convnet(), recipe(), steps_per_epoch=3),
    }
    for key, other in others.items():
        with pytest.raises(cx.UsageError, match=f"the state has another {key}"):
            compressor.load_state_dict(other.state_dict())
    with pytest.raises(cx.UsageError, match="this is no Compressor's state: recipe, .*missing"):
        compressor.load_state_dict(model.state_dict())
    assert_unchanged(model, before) and compressor.steps == 0


def test_the_state_of_another_teacher():
    methods = recipe(distill={"losses": [FEATURE]})
    compressor = compress(convnet(), methods, teacher=convnet(8))
    state = copy.deepcopy(compressor.state_dict())
    for width in (6, 10):
        other = compress(convnet(), methods, teacher=convnet(width)).state_dict()
        with pytest.raises(cx.UsageError, match="the state is of another model or teacher"):
            compressor.load_state_dict(other)
    after = compressor.state_dict()
    assert all(torch.equal(after["tensors"][name], tensor) for name, tensor in state["tensors"].items())


@pytest.mark.parametrize("steps", [-1, TOTAL_STEPS + 1])
def test_resume_within_the_run(steps):
    with pytest.raises(cx.UsageError, match=f"steps must be 0 to total_steps, 12 .got {steps}"):
        compress(convnet(), recipe()).resume(steps)
