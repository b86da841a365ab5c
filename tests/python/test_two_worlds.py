"""One checkpoint, two worlds: a training goes from the C++ trainer to a plain loop in Python, and back, bit for bit."""

import compress_ext as cx
import pytest
import torch
from compress_ext import Config, Trainer
from small_run import write_digits
from torch import nn
from torch.nn import functional as F

TOTAL, HALF = 100, 50
WIDTH = 8

PRUNE = {"prune": {"sparsity": 0.8, "schedule": {"end": "70%", "every": 5}}}
OBSERVED = {"quantize": {"start": "30%", "freeze_observers": "80%"}}
LEARNED = {
    "quantize": {
        "weight": {"scale": "learned"},
        "activation": {"scale": "learned", "symmetric": False},
        "start": "30%",
        "freeze_observers": "80%",
    }
}
RECIPES = {
    "float": [],
    "masked": [PRUNE],
    "observed": [PRUNE, OBSERVED],
    "learned": [PRUNE, LEARNED],
    # Its first half is float, so that scales are initialised in the second world.
    "late": [{"quantize": LEARNED["quantize"] | {"start": "60%"}}],
}
SGD = {"type": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.0005}
ADAMW = {"type": "adamw", "lr": 0.002, "weight_decay": 0.01}
CASES = [pytest.param((recipe, SGD), id=f"{name}-sgd") for name, recipe in RECIPES.items()] + [
    pytest.param((RECIPES[name], ADAMW), id=f"{name}-adamw") for name in ("masked", "learned")
]


class Block(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x):
        return self.bn(self.conv(x)).relu()


class Convnet(nn.Module):
    """The C++ convnet's twin: the same names, written as one writes it in PyTorch."""

    def __init__(self, width: int = WIDTH) -> None:
        super().__init__()
        self.block1 = Block(1, width // 2)
        self.block2 = Block(width // 2, width)
        self.block3 = Block(width, width)
        self.head = nn.Linear(width * 4, 10)

    def forward(self, x):
        x = F.max_pool2d(self.block2(self.block1(x)), 2)
        return self.head(F.adaptive_avg_pool2d(self.block3(x), 2).flatten(1))


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("data"))


def make_config(recipe, optimizer, data_folder, tmp_path) -> Config:
    return Config.parse(
        {
            "name": "two_worlds",
            "output": str(tmp_path),
            "device": "cpu",
            "threads": 1,
            "seed": 3,
            "data": {"type": "digits", "path": str(data_folder), "batch_size": 20, "augment": {"shift": 1}},
            "model": {"type": "convnet", "width": WIDTH},
            "optimizer": optimizer,
            "learning_rate": {"decay": "cosine", "warmup": "5%"},
            "training": {"duration": TOTAL, "checkpoint_every": HALF, "keep_checkpoints": 5},
            "compression": recipe,
        }
    )


@pytest.fixture(params=CASES)
def case(data_folder, tmp_path, request):
    """The config of a run and a loop in Python of the same recipe."""
    recipe, optimizer = request.param
    config = make_config(recipe, optimizer, data_folder, tmp_path)
    return config, PythonTraining(config, recipe, optimizer, data_folder)


class PythonTraining:
    """A plain loop."""

    def __init__(self, config: Config, recipe: list, optimizer: dict, data_folder, teacher=None) -> None:
        train, _ = cx.data.load("digits", data_folder)
        self.loader = cx.data.Loader(train, batch_size=20, seed=3, shift=1)
        self.config = config
        self.model = Convnet()
        self.compressor = cx.Compressor(
            self.model,
            recipe,
            example_inputs=torch.zeros(2, 1, 8, 8),
            total_steps=TOTAL,
            steps_per_epoch=len(self.loader),
            teacher=teacher,
            show_plan=False,
        )
        groups = self.compressor.parameter_groups()
        kind = {"sgd": torch.optim.SGD, "adamw": torch.optim.AdamW}[optimizer["type"]]
        options = {key: value for key, value in optimizer.items() if key != "type"}
        self.optimizer = kind(groups, **options, fused=True)

    def load(self, folder) -> None:
        state = cx.load_training_state(folder, self.model, self.optimizer, self.compressor)
        assert state == {"step": self.compressor.steps, "total_steps": TOTAL, "steps_per_epoch": len(self.loader)}

    def run(self, until: int) -> None:
        self.model.train()
        self.loader.seek(self.compressor.steps)
        while self.compressor.steps < until:
            for images, targets in self.loader:
                if self.compressor.steps == until:
                    break
                for group in self.optimizer.param_groups:
                    group["lr"] = self.config.learning_rate(self.compressor.steps, TOTAL, len(self.loader))
                self.optimizer.zero_grad()
                self.compressor.loss(self.model(images), targets, inputs=images).backward()
                self.optimizer.step()
                self.compressor.step()

    def save(self, folder):
        return cx.save_training_state(
            folder,
            self.model,
            self.optimizer,
            self.compressor,
            steps_per_epoch=len(self.loader),
        )


def uninterrupted(config: Config, folder) -> Trainer:
    trainer = Trainer(config, folder=folder)
    trainer.run()
    return trainer


def bits(tensor: torch.Tensor) -> bytes:
    return tensor.detach().contiguous().numpy().tobytes()


def assert_bitwise(actual: dict, expected: dict) -> None:
    assert actual.keys() == expected.keys()
    unequal = [name for name, tensor in expected.items() if bits(actual[name]) != bits(tensor)]
    assert not unequal


def checkpoint(folder, step: int):
    return folder / "checkpoints" / f"step_{step:08d}"


def assert_same_checkpoint(actual, expected) -> None:
    for file in ("model.safetensors", "optimizer.safetensors"):
        assert_same_tensors(actual, expected, file)


def assert_same_tensors(actual, expected, file: str) -> None:
    assert_bitwise(cx.load_safetensors(actual / file)[0], cx.load_safetensors(expected / file)[0])


def test_half_in_cpp_half_in_python(case, tmp_path):
    config, python = case
    whole = uninterrupted(config, tmp_path / "whole")
    python.load(checkpoint(tmp_path / "whole", HALF))
    assert python.compressor.steps == HALF
    python.run(TOTAL)
    assert_bitwise(python.model.state_dict(), whole.network.state_dict())
    assert_same_checkpoint(python.save(tmp_path / "python"), checkpoint(tmp_path / "whole", TOTAL))
    x = torch.randn(7, 1, 8, 8)
    with torch.no_grad():
        assert bits(python.model.eval()(x)) == bits(whole.network.eval()(x))


def test_half_in_python_half_in_cpp(case, tmp_path):
    config, python = case
    whole = uninterrupted(config, tmp_path / "whole")
    # The same first weights and random numbers: those of a C++ trainer that has not begun.
    start = Trainer(config, folder=tmp_path / "start")
    python.model.load_state_dict(start.network.state_dict())
    if isinstance(python.optimizer, torch.optim.SGD):
        # torch copies a first gradient into its buffer, signs of zeros and all; C++ adds it to a buffer of zeros.
        for parameter in python.model.parameters():
            python.optimizer.state[parameter]["momentum_buffer"] = torch.zeros_like(parameter)
    python.run(HALF)
    saved = python.save(tmp_path / "python")
    # Python's masks are already those of the next step, which a schedule moves just there; the rest is the same.
    assert_same_tensors(saved, checkpoint(tmp_path / "whole", HALF), "optimizer.safetensors")
    trainer = Trainer(config, folder=tmp_path / "python")
    trainer.load(tmp_path / "python")
    trainer.run()
    assert_bitwise(trainer.network.state_dict(), whole.network.state_dict())
    assert_same_checkpoint(checkpoint(tmp_path / "python", TOTAL), checkpoint(tmp_path / "whole", TOTAL))


def test_outputs_are_equal_at_every_checkpoint(case, tmp_path):
    config, python = case
    trainer = uninterrupted(config, tmp_path / "whole")
    x = torch.randn(5, 1, 8, 8)
    for step in (HALF, TOTAL):
        python.load(checkpoint(tmp_path / "whole", step))
        trainer.load(checkpoint(tmp_path / "whole", step))
        with torch.no_grad():
            assert bits(python.model.eval()(x)) == bits(trainer.network.eval()(x)), step


def test_a_loaded_network_computes_in_cpp_what_the_module_did(case, tmp_path):
    config, python = case
    python.run(HALF)
    cx.save_safetensors(tmp_path / "x.safetensors", python.model.state_dict())
    trainer = Trainer(config, folder=tmp_path / "cpp")
    trainer.load(python.save(tmp_path / "python"))
    x = torch.randn(5, 1, 8, 8)
    with torch.no_grad():
        expected = bits(python.model.eval()(x))
        assert bits(trainer.network.eval()(x)) == expected
        trainer.network.load_state_dict(cx.load_checkpoint(tmp_path / "x.safetensors"))
        assert bits(trainer.network(x)) == expected


def test_distillation_goes_on_too(data_folder, tmp_path):
    teacher_run = tmp_path / "teacher"
    teacher_config = make_config([], SGD, data_folder, tmp_path)
    uninterrupted(teacher_config, teacher_run)
    losses = [{"type": "kl", "temperature": 4, "weight": 0.9}, {"type": "feature", "taps": {"block2": "block3"}}]
    model = {"type": "convnet", "width": WIDTH}
    recipe = [PRUNE, {"distill": {"teacher": {"model": model, "checkpoint": str(teacher_run)}, "losses": losses}}]
    config = make_config(recipe, SGD, data_folder, tmp_path)
    whole = uninterrupted(config, tmp_path / "whole")

    teacher = Convnet()
    teacher.load_state_dict(cx.load_checkpoint(teacher_run))
    python = PythonTraining(config, [PRUNE, {"distill": {"losses": losses}}], SGD, data_folder, teacher)
    python.load(checkpoint(tmp_path / "whole", HALF))
    python.run(TOTAL)
    assert_bitwise(python.model.state_dict(), whole.network.state_dict())
    assert_same_checkpoint(python.save(tmp_path / "python"), checkpoint(tmp_path / "whole", TOTAL))


def test_errors_name_what_does_not_fit(case, tmp_path):
    config, python = case
    with pytest.raises(cx.Error, match="holds no state.json; give the folder of a run"):
        python.load(tmp_path)
    python.run(1)
    folder = python.save(tmp_path / "python")
    tensors, _ = cx.load_safetensors(folder / "optimizer.safetensors")
    name = next(name for name in tensors if name.startswith("head.weight."))
    del tensors[name]
    cx.save_safetensors(folder / "optimizer.safetensors", tensors)
    with pytest.raises(cx.Error, match=f"optimizer.safetensors: lacks '{name}'; it is of another optimizer"):
        python.load(tmp_path / "python")
    with pytest.raises(cx.UsageError, match="give step and total_steps, or the Compressor"):
        cx.save_training_state(tmp_path, python.model, python.optimizer, steps_per_epoch=4)
    with pytest.raises(cx.UsageError, match="RMSprop has no counterpart .*allowed: SGD, Adam, AdamW"):
        cx.load_training_state(folder, python.model, torch.optim.RMSprop(python.model.parameters()))
