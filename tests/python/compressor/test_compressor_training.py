"""The methods at work in a loop that a user wrote: masks, scales, shared and tied weights, plans."""

import copy
import gc
import weakref
from pathlib import Path

import compress_ext as cx
import pytest
import torch
from torch import nn
from toy_models import (
    MODELS,
    TOTAL_STEPS,
    Transformer,
    batch,
    compress,
    convnet,
    evaluate,
    mlp,
    recipe,
    sgd,
    train,
    zeros,
)

WEIGHTS = {
    "convnet": ["0.0.weight", "1.0.weight", "4.weight"],
    "mlp": ["1.weight", "3.weight", "5.weight"],
    "transformer": [
        "embed.weight",
        *(f"encoder.layers.{i}.linear{j}.weight" for i in range(2) for j in (1, 2)),
        "head.weight",
    ],
}


@pytest.mark.parametrize("scale", ["observed", "learned"])
@pytest.mark.parametrize("name", MODELS)
def test_the_loop_of_five_lines(name, scale):
    model = MODELS[name]()
    before = dict(model.named_parameters())
    modules = dict(model.named_modules())
    optimizer = sgd(model.parameters())  # made before
    compressor = compress(model, recipe(scale=scale), batch(0, name)[0])
    after = dict(model.named_parameters())
    assert all(after[key] is parameter for key, parameter in before.items())
    assert all(dict(model.named_modules())[key] is module for key, module in modules.items())
    if scale == "learned":
        optimizer.add_param_group({"params": compressor.added_parameters(), "weight_decay": 0.0})
    else:
        assert compressor.added_parameters() == []
    losses = train(compressor, optimizer, model=name)
    assert all(loss == loss for loss in losses)
    total = sum(before[key].numel() for key in WEIGHTS[name])
    assert sum(zeros(model, key) for key in WEIGHTS[name]) == round(total * 0.5)
    assert compressor.metrics()["sparsity"] == pytest.approx(round(total * 0.5) / total)
    x = batch(99, name)[0]
    quantized = evaluate(model, x)
    assert torch.equal(evaluate(compressor.finalize(), x), quantized)


def test_nothing_happens_where_no_slot_is_filled():
    plain, model = convnet(), convnet()
    compressor = compress(model, recipe(prune=None, start=11, freeze_observers=12))
    losses = train(compressor, sgd(model.parameters()), TOTAL_STEPS - 1)
    optimizer = sgd(plain.parameters())
    for step, expected in enumerate(losses):
        x, target = batch(step)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(plain(x), target)
        loss.backward()
        optimizer.step()
        assert loss.item() == expected  # before quantization starts the layers are torch's, bit for bit


def test_pruned_weights_stay_zero_through_momentum_and_decay():
    model = mlp()
    compressor = compress(model, recipe(scale=None))
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.1, weight_decay=0.1)
    train(compressor, optimizer, 6, model="mlp")
    pruned = {name: model.get_parameter(name) == 0 for name in WEIGHTS["mlp"]}
    kept = model.get_parameter("1.weight").detach().clone()
    train(compressor, optimizer, start=6, model="mlp")
    for name, mask in pruned.items():
        assert torch.equal(model.get_parameter(name) == 0, mask)
    assert (model.get_parameter("1.weight") != kept).any()


@pytest.mark.parametrize("scope", ["global", "layer"])
def test_sparsity_is_exact_at_every_update(scope):
    model = mlp()
    methods = [
        {"prune": {"sparsity": 0.75, "scope": scope, "schedule": {"start": 0, "end": 8, "every": 4, "initial": 0.25}}}
    ]
    compressor = compress(model, methods)
    optimizer = sgd(model.parameters())
    sizes = {name: model.get_parameter(name).numel() for name in WEIGHTS["mlp"]}
    cubic = {0: 0.25, 4: 0.75 - 0.5 * 0.5**3, 8: 0.75}
    for step in range(TOTAL_STEPS):
        target = cubic[step // 4 * 4] if step < 8 else 0.75
        if scope == "global":
            assert sum(zeros(model, name) for name in sizes) == round(sum(sizes.values()) * target)
        else:
            assert [zeros(model, name) for name in sizes] == [round(size * target) for size in sizes.values()]
        train(compressor, optimizer, step + 1, start=step, model="mlp")


def test_gradient_accumulation_is_the_large_batch():
    model, other = mlp(), mlp()
    whole, halves = compress(model, recipe(scale=None)), compress(other, recipe(scale=None))
    optimizers = [sgd(model.parameters()), sgd(other.parameters())]
    for step in range(6):
        x, target = batch(step)
        for optimizer in optimizers:
            optimizer.zero_grad()
        whole.loss(model(x), target).backward()
        for part, label in zip(x.chunk(2), target.chunk(2), strict=True):
            (halves.loss(other(part), label) / 2).backward()
        for optimizer, compressor in zip(optimizers, (whole, halves), strict=True):
            optimizer.step()
            compressor.step()
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(a, b)  # sums of halves round otherwise
    assert whole.steps == halves.steps == 6


def test_parameter_groups_spare_scales_the_decay():
    model = convnet()
    compressor = compress(model, recipe(scale="learned"))
    groups = compressor.parameter_groups(weight_decay=0.3)
    assert [group["weight_decay"] for group in groups] == [0.3, 0.0]
    scales = groups[1]["params"]
    assert {id(p) for p in scales} == {id(p) for name, p in model.named_parameters() if "quantizer" in name} and len(
        scales
    ) == 3 * 3
    assert len(groups[0]["params"]) + len(scales) == len(list(model.parameters()))
    assert compressor.added_parameters() == scales
    assert "weight_decay" not in compressor.parameter_groups()[0]
    optimizer = sgd(groups)
    before = None
    for step in range(TOTAL_STEPS):
        if step == 8:
            before = [scale.detach().clone() for scale in scales]
        train(compressor, optimizer, step + 1, start=step)
    assert all((scale > 0).all() for name, scale in model.named_parameters() if name.endswith("scale"))
    assert any((a != b).any() for a, b in zip(before, scales, strict=True))


# ---- shared and tied


def test_tied_weights_are_pruned_once_and_stay_tied():
    torch.manual_seed(0)
    model = Transformer(tied=True)
    x = batch(0, "transformer")[0]
    compressor = compress(model, recipe(), x)
    assert model.head.weight is model.embed.weight
    assert model.embed.weight_mask is not None and model.head.weight_mask is None
    assert ("head", "prune", "left out: its weight is that of embed") in compressor.plan().rows
    optimizer = sgd(model.parameters())
    for step in range(TOTAL_STEPS):
        x, _ = batch(step, "transformer")
        optimizer.zero_grad()
        compressor.loss(model(x), x, inputs=x).backward()  # [N, T, V] and [N, T]: cross entropy of a language model
        optimizer.step()
        compressor.step()
    expected = evaluate(model, x)
    plain = compressor.finalize()
    assert torch.equal(evaluate(plain, x), expected)
    assert plain.head.weight is plain.embed.weight


@pytest.mark.parametrize("methods", [recipe(scale="learned"), recipe(exclude=["head"])], ids=["learned", "excluded"])
def test_tied_weights_that_deploy_different_values_come_apart(methods):
    torch.manual_seed(0)
    model = Transformer(tied=True)
    x = batch(0, "transformer")[0]
    compressor = compress(model, methods, x)
    optimizer = sgd(compressor.parameter_groups())
    for step in range(TOTAL_STEPS):
        x, _ = batch(step, "transformer")
        optimizer.zero_grad()
        compressor.loss(model(x), x, inputs=x).backward()
        optimizer.step()
        compressor.step()
    expected = evaluate(model, x)
    plain = compressor.finalize()
    assert torch.equal(evaluate(plain, x), expected)
    assert not torch.equal(plain.head.weight, plain.embed.weight)


def shared() -> nn.Module:
    torch.manual_seed(0)
    middle = nn.Linear(16, 16)
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 16), middle, nn.ReLU(), middle, nn.ReLU(), nn.Linear(16, 5))


def test_a_shared_module_is_one_layer_and_finalizes_everywhere():
    model = shared()
    compressor = compress(model, recipe())
    assert sum(layer == "2" for layer, *_ in compressor.plan().rows) == 2  # prune, quantize
    train(compressor, sgd(model.parameters()), model="mlp")
    x = batch(50)[0]
    expected = evaluate(model, x)
    plain = compressor.finalize()
    assert plain[2] is plain[4] and isinstance(plain[2], nn.Sequential)
    assert torch.equal(evaluate(plain, x), expected)


class CalledTwice(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.head = nn.Conv2d(1, 1, 3, padding=1), nn.BatchNorm2d(1), nn.Linear(36, 5)

    def forward(self, x):
        return self.head(self.norm(self.conv(self.conv(x))).flatten(1))


def test_a_module_called_twice_trains_and_does_not_fold():
    torch.manual_seed(0)
    model = CalledTwice()
    compressor = compress(model, recipe())
    assert model.conv.batch_norm is None
    train(compressor, sgd(model.parameters()))
    x = batch(50)[0]
    expected = evaluate(model, x)
    assert torch.equal(evaluate(compressor.finalize(), x), expected)


class KeepsItsConvolution(nn.Module):
    """Its convolution's output is used besides the batch norm, or returned, or tapped."""

    def __init__(self, use: str) -> None:
        super().__init__()
        self.conv, self.norm, self.head, self.use = (
            nn.Conv2d(1, 1, 3, padding=1),
            nn.BatchNorm2d(1),
            nn.Linear(36, 5),
            use,
        )

    def forward(self, x):
        z = self.conv(x)
        y = self.head((self.norm(z) + z if self.use == "added" else self.norm(z)).flatten(1))
        return (y, z) if self.use == "returned" else y


@pytest.mark.parametrize("use", ["added", "returned", "alone"])
def test_a_batch_norm_folds_only_where_it_alone_takes_the_output(use):
    torch.manual_seed(0)
    model = KeepsItsConvolution(use)
    compressor = compress(model, recipe())
    assert (model.conv.batch_norm is model.norm) == (use == "alone")
    train(compressor, sgd(model.parameters()))
    x = batch(50)[0]
    expected = evaluate(model, x)
    got = evaluate(compressor.finalize(), x)
    for a, b in zip(expected, got, strict=True):
        assert torch.equal(a, b)
    assert isinstance(compressor.model.norm, nn.Identity if use == "alone" else nn.BatchNorm2d)


@pytest.mark.parametrize("tokens", [16, 7])
def test_a_batch_norm_over_tokens_does_not_fold_into_a_linear(tokens):
    # BatchNorm1d of [N, T, C] normalises T: with T == C the feature counts would fit by chance.
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(tokens), nn.Flatten(), nn.Linear(16 * tokens, 5))
    compressor = compress(model, recipe(), torch.randn(4, tokens, 6))
    assert model[0].batch_norm is None
    assert compressor.model is model


# ---- what layers there are


def test_the_fast_path_of_the_encoder_does_not_bypass_quantization():
    model = MODELS["transformer"]()
    plain = copy.deepcopy(model)
    x = batch(0, "transformer")[0]
    padding = torch.zeros_like(x, dtype=torch.bool)
    padding[:, 4:] = True
    compressor = compress(model, recipe(prune=None, start=0, freeze_observers=5), x)
    train(compressor, sgd(model.parameters()), model="transformer")
    model.eval(), plain.eval()
    plain.load_state_dict(model.state_dict(), strict=False)
    with torch.inference_mode():  # the conditions of the fast path
        quantized, padded, float_ = model(x), model(x, padding), plain(x)
    with torch.enable_grad():  # never the fast path
        assert torch.equal(model(x), quantized)
        assert torch.equal(model(x, padding), padded)
    assert not torch.equal(quantized, float_)
    final = compressor.finalize()
    with torch.inference_mode():
        assert torch.equal(final(x), quantized) and torch.equal(final(x, padding), padded)


def test_attention_is_left_out_and_says_why():
    model = MODELS["transformer"]()
    text = str(compress(model, recipe(), batch(0, "transformer")[0]).plan())
    assert "MultiheadAttention computes with its weight" in text
    attention = model.encoder.layers[0].self_attn
    assert type(attention.out_proj).__module__.startswith("torch.")
    linear = model.encoder.layers[0].linear1
    assert isinstance(linear, cx.nn.Linear) and linear.weight_mask is not None


class Oddities(nn.Module):
    def __init__(self) -> None:
        super().__init__()

        class Own(nn.Linear):
            def forward(self, x):
                return super().forward(x) * 2

        self.fine = nn.Linear(36, 36)
        self.own = Own(36, 36)
        self.read = nn.Linear(36, 36)
        self.unused = nn.Linear(36, 36)
        self.normed = nn.utils.parametrizations.weight_norm(nn.Linear(36, 36))
        with pytest.warns(FutureWarning):
            self.old_normed = nn.utils.weight_norm(nn.Linear(36, 36))
        self.replaced = nn.Linear(36, 36)
        self.replaced.forward = lambda x: x
        self.sparse = nn.Embedding(4, 36, sparse=True)
        self.bounded = nn.Embedding(4, 36, max_norm=1.0)
        self.lstm = nn.LSTM(36, 36, batch_first=True)
        self.head = nn.Linear(36, 5)

    def forward(self, x):
        x = self.own(self.fine(x.flatten(1)))
        x = nn.functional.linear(x, self.read.weight) + self.normed(x) + self.old_normed(x)
        ids = torch.zeros(len(x), dtype=torch.long)
        x = self.replaced(x) + self.sparse(ids) + self.bounded(ids)
        return self.head(self.lstm(x)[0])


def test_whatever_cannot_be_compressed_is_shown_with_its_reason():
    torch.manual_seed(0)
    model = Oddities()
    compressor = compress(model, recipe())
    actions = {layer: action for layer, method, action in compressor.plan().rows if method == "quantize"}
    reasons = {
        "own": "Own is a subclass of Linear with a forward of its own",
        "read": "the model computes with its weight itself",
        "unused": "the model does not call it",
        "normed": "its weight is parametrized",
        "old_normed": "its weight is not a parameter of its own",
        "replaced": "its forward was replaced",
        "sparse": "its gradient is sparse",
        "bounded": "max_norm changes the weight",
        "lstm": "LSTM is not supported",
    }
    for name, reason in reasons.items():
        assert actions[name].startswith("left out: ") and reason in actions[name], (name, actions[name])
    assert not actions["fine"].startswith("left out") and not actions["head"].startswith("left out")
    train(compressor, sgd(model.parameters(), weight_decay=0, momentum=0))  # one gradient is sparse
    x = batch(50)[0]
    expected = evaluate(model, x)
    assert torch.equal(evaluate(compressor.finalize(), x), expected)


def test_lazy_layers_are_known_after_the_example():
    torch.manual_seed(0)
    model = nn.Sequential(nn.LazyConv2d(3, 3), nn.Flatten(), nn.LazyLinear(5))
    compressor = compress(model, recipe())
    assert isinstance(model[0], cx.nn.Conv2d) and model[2].weight_mask is not None
    train(compressor, sgd(model.parameters()))


def test_lazy_layers_without_an_example_are_left_out():
    model = nn.Sequential(nn.Flatten(), nn.LazyLinear(5), nn.Linear(5, 5))
    compressor = cx.Compressor(model, recipe(scale=None), total_steps=TOTAL_STEPS, show_plan=False)
    actions = {layer: action for layer, _, action in compressor.plan().rows}
    assert "its shape is not known" in actions["1"]


# ---- selection and plan


@pytest.mark.parametrize(
    ("selection", "chosen"),
    [
        ({"include": ["Conv2d"]}, {"0.0", "1.0"}),
        ({"include": ["4"]}, {"4"}),
        ({"include": ["1"]}, {"1.0"}),
        ({"include": ["?.0"]}, {"0.0", "1.0"}),
        ({"exclude": ["Linear"]}, {"0.0", "1.0"}),
        ({"include": ["Conv2d", "4"], "exclude": ["0.*"]}, {"1.0", "4"}),
    ],
)
def test_layers_are_selected_by_name_pattern_and_type(selection, chosen):
    model = convnet()
    compressor = compress(model, recipe(prune=None, **selection))
    quantized = {name for name, module in model.named_modules() if getattr(module, "weight_quantizer", None)}
    assert quantized == chosen
    rows = compressor.plan().rows
    assert {layer for layer, _, action in rows if not action.startswith("left out")} == chosen
    left = {"0.0", "1.0", "4"} - chosen
    assert left == {layer for layer, _, action in rows if "include" in action or "exclude" in action}


def test_the_plan_is_a_table(capsys):
    compressor = compress(convnet(), recipe(), show_plan=True)
    assert capsys.readouterr().err == f"{compressor.plan()}\n"
    lines = str(compressor.plan()).splitlines()
    assert lines[0].split() == ["layer", "method", "action"] and set(lines[1]) == {"-"}
    assert lines[2] == "0.0       prune     to 50 % over all layers, steps 1 to 5"
    assert "1.0       quantize  weight int8 per channel, input int8 per tensor asymmetric, from step 6" in lines
    assert lines[-1].startswith("0.1, 1.1  quantize  left out: a batch norm has no weight to compress")
    markdown = compressor.plan()._repr_markdown_().splitlines()
    assert markdown[1] == "| --- | --- | --- |" and len(markdown) == len(lines)


def test_an_embedding_has_no_input_to_quantize():
    model = MODELS["transformer"]()
    compressor = compress(model, recipe(prune=None, weight="none"), batch(0, "transformer")[0])
    actions = {layer: action for layer, _, action in compressor.plan().rows}
    assert actions["embed"] == "left out: its input cannot be quantized, and weights are left as they are"
    assert actions["head"] == "input int8 per tensor asymmetric, from step 6"


def test_a_recipe_in_a_dict_or_a_whole_config_file():
    methods = [{"prune": {"sparsity": 0.25}}]
    assert compress(mlp(), {"compression": methods}).recipe == compress(mlp(), methods).recipe == cx.Recipe(methods)
    config = Path(__file__).parents[3] / "configs/digits.yaml"
    compressor = compress(convnet(), config, teacher=convnet(8), total_steps=100)
    assert compressor.recipe.methods == ["prune", "quantize", "distill"]
    assert repr(compressor) == "Compressor(prune, quantize, distill; step 0 of 100)"


@pytest.mark.parametrize("resumes", [False, True])
def test_what_is_no_longer_used_goes_away(resumes):
    losses = [{"type": "kl"}, {"type": "feature", "taps": {"1": "1"}}]
    compressor = compress(convnet(), recipe(distill={"losses": losses}), teacher=convnet(8))
    train(compressor, sgd(compressor.parameter_groups()), 3)
    if resumes:
        compressor.load_state_dict(compressor.state_dict())
    kept = [weakref.ref(thing) for thing in (compressor, compressor.model, compressor._network)]
    del compressor
    gc.collect()
    assert [reference() for reference in kept] == [None] * 3


def test_a_model_that_is_one_layer():
    torch.manual_seed(0)
    model = nn.Linear(36, 5)
    x = batch(0)[0].flatten(1)
    compressor = compress(model, recipe(), x)
    assert "(model)" in str(compressor.plan())
    optimizer = sgd(model.parameters())
    for _ in range(TOTAL_STEPS):
        optimizer.zero_grad()
        compressor.loss(model(x), batch(0)[1]).backward()
        optimizer.step()
        compressor.step()
    expected = evaluate(model, x)
    plain = compressor.finalize()
    assert type(plain) is nn.Sequential and plain.layer is model
    assert torch.equal(evaluate(plain, x), expected)


def test_inputs_by_position_and_by_name():
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a, self.b = nn.Linear(3, 5), nn.Linear(4, 5)

        def forward(self, x, y):
            return {"logits": self.a(x) + self.b(y)}

    x, y = torch.randn(8, 3), torch.randn(8, 4)
    for inputs in ((x, y), {"y": y, "x": x}):
        model = Two()
        teacher = copy.deepcopy(model)
        compressor = compress(model, recipe(distill={}), inputs, teacher=teacher)
        output = model(**inputs) if isinstance(inputs, dict) else model(*inputs)
        compressor.loss(output, batch(0)[1], inputs=inputs).backward()
        compressor.step()


def test_a_task_loss_of_ones_own():
    model = mlp()
    compressor = compress(model, recipe(), task_loss=lambda logits, target: (logits * target).sum())
    x = batch(0)[0]
    y = model(x)
    assert compressor.loss(y, torch.full((8, 5), 2.0)).item() == pytest.approx(2 * y.sum().item(), rel=1e-5)
    assert compressor.loss(y, task_loss=y.mean()) == y.mean()
