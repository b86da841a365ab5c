"""cx.report says what is true of two models, and packed files of Python models hold what they compute with."""

import copy
import gc
import json
import weakref

import compress_ext as cx
import pytest
import torch
from compress_ext import packing
from small_run import RECIPE, TOTAL_STEPS, small_config
from test_two_worlds import Convnet
from torch import nn
from torch.nn import functional as F

PRUNE = {"prune": {"sparsity": 0.7, "schedule": {"end": "50%", "every": 1}}}
INT8 = {"quantize": {"start": "30%"}}
INT4_LEARNED = {"quantize": {"weight": {"format": "int4", "scale": "learned"}, "start": "30%"}}
PER_CHANNEL = {"quantize": {"activation": {"granularity": "channel", "symmetric": True}, "start": "30%"}}
UNEVEN = {"quantize": {"weight": {"symmetric": False}, "start": "30%"}}
RECIPES = {
    "pruned": [PRUNE],
    "int8": [INT8],
    "both": [PRUNE, INT8],
    "int4-learned": [PRUNE, INT4_LEARNED],
    "channels": [PER_CHANNEL],
    "uneven": [PRUNE, UNEVEN],
}


def block(inputs: int, outputs: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(inputs, outputs, 3, padding=1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU())


def convnet() -> nn.Module:
    return nn.Sequential(block(1, 6), block(6, 6), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 5))


def upsampler() -> nn.Module:
    up = nn.ConvTranspose2d(4, 6, 2, stride=2)
    return nn.Sequential(block(1, 4), up, nn.BatchNorm2d(6), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 5))


class Words(nn.Module):
    """An embedding, a layer that is called twice under two names, and a head."""

    def __init__(self, tied: bool = False) -> None:
        super().__init__()
        self.embed = nn.Embedding(36, 8)
        self.first = nn.Linear(8, 8)
        self.second = self.first
        self.head = nn.Linear(8, 36 if tied else 5)
        if tied:
            self.head.weight = self.embed.weight

    def forward(self, x):
        x = self.embed(x.flatten(1).abs().mul(10).long().clamp(max=35)).mean(1)
        return self.head(self.second(self.first(x).relu()).relu())


def tied() -> nn.Module:
    return Words(tied=True)


def root() -> nn.Module:
    return nn.Linear(36, 5)


MODELS = {"convnet": convnet, "upsampler": upsampler, "words": Words, "tied": tied, "root": root, "linears": Convnet}


def inputs(model: nn.Module, count: int = 8) -> torch.Tensor:
    x = torch.randn(count, 1, 8, 8) if isinstance(model, Convnet) else torch.randn(count, 1, 6, 6)
    return x.flatten(1) if isinstance(model, nn.Linear) else x


def train(model: nn.Module, recipe: list, steps: int = 10) -> cx.Compressor:
    x, target = inputs(model), torch.randint(5, (8,))
    compressor = cx.Compressor(model, recipe, example_inputs=x, total_steps=steps, show_plan=False)
    optimizer = torch.optim.SGD(compressor.parameter_groups(), lr=0.05)
    for _ in range(steps):
        optimizer.zero_grad()
        compressor.loss(model(x), target, inputs=x).backward()
        optimizer.step()
        compressor.step()
    return compressor


@pytest.fixture(autouse=True)
def quiet():
    torch.manual_seed(0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def pair():
    """The model before, and finalized."""
    model = convnet()
    before = copy.deepcopy(model)
    return before, train(model, RECIPES["both"]).finalize()


# ---- packed files


@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("make", MODELS)
def test_packed_before_and_after_finalize_and_loaded(make, recipe, tmp_path):
    model = MODELS[make]()
    compressor = train(model, RECIPES[recipe])
    x = inputs(model)
    compressor.save_packed(tmp_path / "running", {"model": make})
    plain = compressor.finalize().eval()
    compressor.save_packed(tmp_path / "final", {"model": make})
    assert (tmp_path / "running").read_bytes() == (tmp_path / "final").read_bytes()
    assert cx.load_safetensors(tmp_path / "final")[1] == {"format": "compress_packed_v1", "model": make}
    loaded = cx.load_packed(tmp_path / "final", MODELS[make]())
    with torch.no_grad():
        assert torch.equal(loaded(x), plain(x))
    assert not loaded.training
    assert loaded.state_dict().keys() == plain.state_dict().keys()
    assert not any(type(module).__module__.startswith("compress_ext") for module in loaded.modules())


def test_the_cpp_trainer_writes_the_same_file(tmp_path):
    run = cx.run_experiment(small_config(tmp_path, compression=RECIPE))
    model = Convnet()
    compressor = cx.Compressor(
        model, RECIPE, example_inputs=torch.zeros(2, 1, 8, 8), total_steps=TOTAL_STEPS, show_plan=False
    )
    model.load_state_dict(cx.load_checkpoint(run))
    compressor.resume(TOTAL_STEPS)
    expected, metadata = cx.load_safetensors(run / "model.safetensors")
    compressor.save_packed(tmp_path / "python", {key: value for key, value in metadata.items() if key != "format"})
    assert (tmp_path / "python").read_bytes() == (run / "model.safetensors").read_bytes()
    # Each world opens the other's.
    x = torch.randn(4, 1, 8, 8)
    with torch.no_grad():
        expected = cx.models.load(tmp_path / "python")(x)
        assert torch.equal(cx.load_packed(run / "model.safetensors", Convnet())(x), expected)
        assert torch.equal(compressor.finalize().eval()(x), expected)


def test_half_precision_weights_are_packed_as_the_integers_that_they_are(tmp_path):
    model = convnet().to(torch.bfloat16)
    x, target = inputs(model).to(torch.bfloat16), torch.randint(5, (8,))
    compressor = cx.Compressor(model, [INT8], example_inputs=x, total_steps=4, show_plan=False)
    for _ in range(4):
        compressor.loss(model(x), target).backward()
        compressor.step()
    plain = compressor.finalize().eval()
    compressor.save_packed(tmp_path / "x")
    with torch.no_grad():
        assert torch.equal(cx.load_packed(tmp_path / "x", convnet().to(torch.bfloat16))(x), plain(x))


def test_a_tied_weight_stays_tied(tmp_path):
    compressor = train(tied(), [PRUNE])
    compressor.finalize()
    compressor.save_packed(tmp_path / "x")
    loaded = cx.load_packed(tmp_path / "x", tied())
    assert loaded.head.weight is loaded.embed.weight


def test_nothing_compressed_is_an_error(tmp_path):
    compressor = cx.Compressor(convnet(), [], total_steps=3, show_plan=False)
    with pytest.raises(cx.UsageError, match="no layer of the model is pruned or quantized yet; save its state dict"):
        compressor.save_packed(tmp_path / "x")


def test_a_weight_that_was_changed_after_finalize_is_an_error(tmp_path):
    compressor = train(convnet(), [INT8])
    plain = compressor.finalize()
    with torch.no_grad():
        plain[4].layer.weight.add_(0.01)
    with pytest.raises(
        cx.Error, match="layer '4' cannot be packed: its weight is not on the grid .* was changed since"
    ):
        compressor.save_packed(tmp_path / "x")


def test_loading_into_another_model_says_what_does_not_fit(tmp_path):
    compressor = train(convnet(), [PRUNE, INT8])
    compressor.save_packed(tmp_path / "x")
    wider = convnet()
    wider[4] = nn.Linear(24, 6)
    before = copy.deepcopy(wider.state_dict())
    with pytest.raises(cx.Error, match=r"x: layer '4': its weight has shape \(5, 24\), the model's layer \(6, 24\)"):
        cx.load_packed(tmp_path / "x", wider)
    assert all(torch.equal(tensor, before[name]) for name, tensor in wider.state_dict().items())
    with pytest.raises(cx.Error, match="layer '1.0': the model has no such layer"):
        cx.load_packed(tmp_path / "x", convnet()[:1])
    with pytest.raises(cx.Error, match="lacks '5.bias', '5.weight'"):
        cx.load_packed(tmp_path / "x", convnet().append(nn.Linear(5, 5)))
    with pytest.raises(cx.Error, match="layer '0.0': the model's layer is compressed already"):
        cx.load_packed(tmp_path / "x", compressor.model)
    cx.save_safetensors(tmp_path / "plain", convnet().state_dict())
    with pytest.raises(cx.Error, match="plain: is not a packed file; load it as a state dict"):
        cx.load_packed(tmp_path / "plain", convnet())


def test_a_finalized_model_is_let_go():
    plain = train(convnet(), [INT8]).finalize()
    alive, remembered = weakref.ref(plain), len(packing._finalized)
    del plain
    gc.collect()
    assert alive() is None and len(packing._finalized) < remembered


# ---- the report


def report_of(pair, **options):
    return cx.report(*pair, example_inputs=inputs(pair[0]), **options)


def test_bytes_are_those_of_files(pair, tmp_path):
    report = report_of(pair)
    cx.save_safetensors(tmp_path / "before", pair[0].state_dict())
    cx.save_safetensors(tmp_path / "after", pair[1].state_dict())
    packing.save_packed(tmp_path / "packed", pair[1])
    size = {path.name: path.stat().st_size for path in tmp_path.iterdir()}
    assert report.before.bytes_on_disk == size["before"] and report.before.state_dict_bytes is None
    assert report.after.bytes_on_disk == size["packed"]
    assert report.after.state_dict_bytes == size["after"]
    assert f"the packed file is {size['before'] / size['packed']:.1f} times smaller" in report.verdict
    assert f"its state dict, not packed, takes {size['after']:,}" in report.verdict


def test_files_of_the_users_own_count_instead(pair, tmp_path):
    for name, size in {"a": 4000, "b": 1000}.items():
        (tmp_path / name).write_bytes(bytes(size))
    report = report_of(pair, before_file=tmp_path / "a", after_file=tmp_path / "b")
    assert (report.before.bytes_on_disk, report.after.bytes_on_disk) == (4000, 1000)
    assert "the file is 4.0 times smaller (1,000 against 4,000 bytes)" in report.verdict


def test_parameters_and_sparsity_are_those_of_the_deployed_model(pair):
    before, after = pair
    report = report_of(pair)
    assert report.before.parameters == sum(parameter.numel() for parameter in before.parameters())
    assert report.after.parameters == sum(parameter.numel() for parameter in after.parameters())
    assert report.after.nonzero_parameters == sum(int(p.count_nonzero()) for p in after.parameters())
    weights = [after[0][0].layer.weight, after[1][0].layer.weight, after[4].layer.weight]
    zeros = sum(int((weight == 0).sum()) for weight in weights)
    assert report.sparsity == pytest.approx(zeros / sum(weight.numel() for weight in weights), abs=1e-12)


def test_a_model_still_in_training_counts_as_it_would_be_deployed(pair):
    model = convnet()
    compressor = train(model, RECIPES["both"])
    running = report_of((pair[0], model))
    final = report_of((pair[0], compressor.finalize()))
    assert running.after.bytes_on_disk == final.after.bytes_on_disk
    assert running.after.nonzero_parameters == final.after.nonzero_parameters
    assert json.loads(running.json())["layers"] == json.loads(final.json())["layers"]


def test_json_markdown_and_text_say_the_same(pair, tmp_path):
    report = report_of(pair, evaluate=lambda model: 0.75)
    values = json.loads(report.json())
    assert values["compressed"]["bytes_on_disk"] == report.after.bytes_on_disk
    assert values["float"]["latency_ms"] == report.before.latency.median_ms
    assert values["float"]["accuracy"] == 0.75
    assert values["batch"] == 8 and values["device"] == "cpu, 1 thread"
    assert [layer["name"] for layer in values["layers"]] == ["0.0", "1.0", "4"]
    assert values["layers"][2] | {"bytes": 0, "sparsity": 0, "coding": ""} == {
        "name": "4", "type": "Linear", "parameters": 125, "shape": [5, 24], "weight_bits": 8, "input_bits": 8,
        "bytes": 0, "sparsity": 0, "coding": "",
    }  # fmt: skip
    for text in (str(report), report.markdown()):
        assert report.verdict in text and "0.0" in text and "75.00 %" in text
    assert report.markdown().startswith("# Report\n\n| model ")
    report.save(tmp_path / "new" / "folder")
    assert (tmp_path / "new/folder/report.json").read_text() == report.json()
    assert (tmp_path / "new/folder/report.md").read_text() == report.markdown()


class Slow(nn.Module):
    """Takes its time, and says when it is called and in which mode."""

    def __init__(self, milliseconds: float, calls: list) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 2)
        self.milliseconds = milliseconds
        self.calls = calls

    def forward(self, x):
        import time

        self.calls.append((self.milliseconds, self.training, torch.is_grad_enabled()))
        time.sleep(self.milliseconds / 1000)
        return self.layer(x)


def test_latency_is_measured_in_turns_in_evaluation_mode():
    calls = []
    slow, fast = Slow(20, calls), Slow(2, calls)
    report = cx.report(slow, fast, example_inputs=torch.zeros(3, 2))
    assert report.before.latency.median_ms >= 20 and report.after.latency.median_ms >= 2
    assert report.after.latency.median_ms < report.before.latency.median_ms and report.batch == 3
    assert all(not training and not graph for _, training, graph in calls)
    assert slow.training and slow.layer.training and fast.training  # as they were
    measured = [milliseconds for milliseconds, *_ in calls][-10:]
    assert measured.count(2) == measured.count(20) == 5


def test_a_compiled_model_is_measured_compiled_and_counted_as_what_it_is(pair):
    runs = []

    def backend(graph, example_inputs):
        def run(*arguments):
            runs.append(1)
            return graph(*arguments)

        return run

    torch._dynamo.reset()
    expected = report_of(pair)
    report = report_of((pair[0], torch.compile(pair[1], backend=backend)))
    assert len(runs) > 5
    assert json.loads(report.json())["layers"] == json.loads(expected.json())["layers"]
    assert report.after.bytes_on_disk == expected.after.bytes_on_disk
    assert report.after.state_dict_bytes == expected.after.state_dict_bytes


def claimed(report: cx.Report) -> str:
    """What the rule says of these numbers: a difference above 10 % and above both spreads."""
    before, after = report.before.latency, report.after.latency
    difference = abs(before.median_ms - after.median_ms)
    if difference <= max(0.1 * max(before.median_ms, after.median_ms), before.spread_ms + after.spread_ms):
        return "no speed-up here"
    return "times slower here" if after.median_ms > before.median_ms else "times faster here"


@pytest.mark.parametrize(("before", "after"), [(2, 2), (2, 12), (12, 2)])
def test_a_speed_up_is_claimed_only_where_there_is_one(before, after):
    report = cx.report(Slow(before, []), Slow(after, []), example_inputs=torch.zeros(1, 2))
    expected = claimed(report)
    others = {"no speed-up here", "times slower here", "times faster here"} - {expected}
    assert f"{expected} (cpu, 1 thread)" in report.verdict
    assert not any(other in report.verdict for other in others)
    assert ("since its weights run as dense float32 on this device" in report.verdict) == ("faster" not in expected)


def test_models_that_nobody_compressed_are_compared_as_state_dicts(tmp_path):
    dense, sparse = nn.Linear(64, 64), nn.Linear(64, 64)
    with torch.no_grad():
        sparse.weight[:48] = 0
    report = cx.report(dense, sparse, example_inputs=torch.zeros(1, 64))
    assert report.sparsity == 0.75
    assert "75.0 % of the layers' weights are zero" in report.verdict
    assert "the file is about as large" in report.verdict
    assert report.after.state_dict_bytes is None


def test_a_shared_weight_counts_once(tmp_path):
    report = cx.report(tied(), Words(), example_inputs=torch.zeros(1, 1, 6, 6))
    assert report.before.parameters == 36 * 8 + 36 + 8 * 8 + 8
    assert report.before.bytes_on_disk < 4 * report.before.parameters + 1000
    assert report.after.parameters == sum(parameter.numel() for parameter in Words().parameters())


def test_teacher_and_losses(pair):
    seen = []

    def evaluate(model):
        seen.append((model.training, torch.is_grad_enabled()))
        return {"loss": 0.5 if model is pair[1] else 0.25}

    report = report_of(pair, evaluate=evaluate, teacher=convnet())
    assert seen == [(False, False)] * 3
    assert report.teacher.loss == 0.25 and report.teacher.accuracy is None
    assert "Against the teacher: " in report.verdict and "loss is 0.5000 against 0.2500" in report.verdict


def test_inputs_of_any_kind():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(3, 3)

        def forward(self, a, b=None):
            return {"logits": self.layer(a) + F.relu(b)}

    for example in ((torch.zeros(4, 3), torch.zeros(4, 3)), {"a": torch.zeros(4, 3), "b": torch.zeros(4, 3)}):
        assert cx.report(Two(), Two(), example_inputs=example).batch == 4


def test_errors_name_the_fix(pair):
    with pytest.raises(cx.UsageError, match=r"before and after are one module.*keep before = copy.deepcopy\(model\)"):
        cx.report(pair[0], pair[0], example_inputs=inputs(pair[0]))
    with pytest.raises(cx.UsageError, match=r"accuracy as a fraction, 0 to 1 \(got 98.9\)"):
        report_of(pair, evaluate=lambda model: 98.9)
    with pytest.raises(cx.UsageError, match=r"'accuracy', 'loss' or both \(got \['top1'\]\)"):
        report_of(pair, evaluate=lambda model: {"top1": 0.5})
    with pytest.raises(FileNotFoundError):
        report_of(pair, after_file="nowhere")
