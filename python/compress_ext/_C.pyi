"""
The C++ side of compress_ext; use it through the package's own names.
"""
from __future__ import annotations
import collections.abc
import os
import pathlib
import torch
import typing
__all__: list[str] = ['Compressor', 'Config', 'Dataset', 'DeployedNetwork', 'IntegerFormat', 'Latency', 'Loader', 'Measured', 'Network', 'Pruner', 'QuantizerOptions', 'QuantizerState', 'Recipe', 'Report', 'SparsitySchedule', 'Tap', 'Trainer', 'default_activation_options', 'default_weight_options', 'device_text', 'feature_loss', 'gradient_factor', 'keep_freed_memory', 'keep_positive_', 'latest_checkpoint', 'load_checkpoint', 'load_dataset', 'load_model', 'load_packed', 'load_safetensors', 'make_network', 'make_state', 'make_tensors', 'measure_latencies', 'nearest_names', 'observation', 'parse_recipe', 'read_packed_layers', 'run_experiment', 'save_checkpoint', 'save_safetensors', 'scale_sizes']
class IntegerFormat:
    """
    An integer grid: IntegerFormat('int2') ... IntegerFormat('int8').
    """
    def __eq__(self, arg0: IntegerFormat) -> bool:
        ...
    def __hash__(self) -> int:
        ...
    def __init__(self, name: str) -> None:
        ...
    def __repr__(self) -> str:
        ...
    def quant_max(self) -> int:
        """
        Largest integer.
        """
    def quant_min(self, narrow: bool) -> int:
        """
        Smallest integer; narrow leaves out the one without a positive twin (int8: -127 instead of -128).
        """
    @property
    def bits(self) -> int:
        ...
    @property
    def name(self) -> str:
        ...
class QuantizerOptions:
    """
    How one tensor is quantized.

    format       'int2' ... 'int8'
    granularity  'tensor': one scale; 'channel': one per output channel of a weight, per channel of an activation; 'group':
                 one per group_size neighbouring inputs of each output of a weight
    group_size   elements, with 'group' only; divides the weight's inputs
    symmetric    zero point 0 and the narrow grid (int8: -127 to 127); else the full grid with a zero point
    scale        'observed': from the observer's range; 'learned': trained by its gradient (LSQ, Esser et al. 2020)
    observer     'min_max', 'moving_average' (of each batch's range), 'percentile' (average of each batch's percentiles)
    averaging    weight of the newest batch in an average, (0, 1]
    percentile   upper percentile kept, (50, 100]; the lower one mirrors it

    Raises UsageError that names the argument, what it allows and the nearest name.
    """
    __hash__: typing.ClassVar[None] = None
    def __eq__(self, arg0: QuantizerOptions) -> bool:
        ...
    def __getstate__(self) -> tuple:
        ...
    def __init__(self, *, format: str = 'int8', granularity: str = 'tensor', group_size: typing.SupportsInt = 0, symmetric: bool = True, scale: str = 'observed', observer: str = 'min_max', averaging: typing.SupportsFloat = 0.01, percentile: typing.SupportsFloat = 99.99) -> None:
        ...
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: tuple) -> None:
        ...
    @property
    def averaging(self) -> float:
        ...
    @property
    def format(self) -> str:
        ...
    @property
    def granularity(self) -> str:
        ...
    @property
    def group_size(self) -> int:
        ...
    @property
    def observer(self) -> str:
        ...
    @property
    def percentile(self) -> float:
        ...
    @property
    def quant_max(self) -> int:
        """
        The largest integer of the grid.
        """
    @property
    def quant_min(self) -> int:
        """
        The smallest integer of the grid.
        """
    @property
    def scale(self) -> str:
        ...
    @property
    def symmetric(self) -> bool:
        ...
class QuantizerState:
    """
    The tensors of one quantizer and what is done with them.

    Made by quant.make_state(options, role, sizes). Calls change the tensors in place, without waiting for the device; a
    tensor may be replaced by one of the same shape and type, such as a parameter or a buffer of a module.
    """
    def apply(self, x: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
        """
        ops.fake_quantize of x on this grid, with the packed mask of a pruned weight where there is one. Differentiable in x and in a learned scale and zero_point, whose gradients have LSQ's factor.
        """
    def dequantize(self, integers: torch.Tensor) -> torch.Tensor:
        """
        float32: (integers - zero_point) * scale.
        """
    def initialize_learned_(self, x: torch.Tensor) -> None:
        """
        First values of a learned scale from the first x: 2 * mean|x| / sqrt(quant_max) where symmetric (Esser et al. 2020), else the range of x (LSQ+, Bhalgat et al. 2020).
        """
    def observe_(self, x: torch.Tensor) -> None:
        """
        Takes the range of x into min and max, and scale and zero_point from the range.
        """
    def quantize(self, x: torch.Tensor) -> torch.Tensor:
        """
        The integers of x on this grid, int8; dequantize(quantize(x)) equals apply(x).
        """
    @property
    def max(self) -> torch.Tensor:
        """
        float32, the observed maximum; -inf before the first one.
        """
    @max.setter
    def max(self, arg1: torch.Tensor) -> None:
        ...
    @property
    def min(self) -> torch.Tensor:
        """
        float32, the observed minimum; +inf before the first one.
        """
    @min.setter
    def min(self, arg1: torch.Tensor) -> None:
        ...
    @property
    def options(self) -> QuantizerOptions:
        ...
    @property
    def role(self) -> str:
        ...
    @property
    def scale(self) -> torch.Tensor:
        """
        float32; its shape is the granularity. Where learned, a parameter: call requires_grad_() on it.
        """
    @scale.setter
    def scale(self, arg1: torch.Tensor) -> None:
        ...
    @property
    def zero_point(self) -> torch.Tensor:
        """
        Of scale's shape, int32, float32 where learned; None where symmetric.
        """
    @zero_point.setter
    def zero_point(self, arg1: torch.Tensor) -> None:
        ...
class SparsitySchedule:
    """
    Which share of the weights is pruned at which optimizer step (steps count from 0).

    type      'constant': target from start on; 'cubic': from initial at start to target at end, fast at first and slower
              towards the end (Zhu & Gupta 2017, eq. 1), moved every `every` steps and at end
    target    share of the weights that end at zero, [0, 1)
    initial   share at start, cubic only, [0, 1)
    start     optimizer step; before it nothing is pruned
    end       optimizer step, cubic only
    every     optimizer steps between mask updates, cubic only

    Raises UsageError for values outside these ranges.
    """
    def __init__(self, *, type: str = 'cubic', target: typing.SupportsFloat = 0.9, initial: typing.SupportsFloat = 0.0, start: typing.SupportsInt = 0, end: typing.SupportsInt = 0, every: typing.SupportsInt = 1) -> None:
        ...
    def __repr__(self) -> str:
        ...
    def due(self, step: typing.SupportsInt) -> bool:
        """
        Whether masks move at optimizer step `step`.
        """
    def sparsity_at(self, step: typing.SupportsInt) -> float:
        """
        The share pruned at optimizer step `step`.
        """
    @property
    def end(self) -> int:
        ...
    @property
    def every(self) -> int:
        ...
    @property
    def initial(self) -> float:
        ...
    @property
    def start(self) -> int:
        ...
    @property
    def target(self) -> float:
        ...
    @property
    def type(self) -> str:
        ...
class Pruner:
    """
    Gradual magnitude pruning of any set of weights (Zhu & Gupta 2017), in place.

    targets   [(name, weight, mask), ...]: the caller's own tensors, also parameters that require a gradient; mask is packed
              (ops.pack_mask), of the weight's shape
    scope     'global': the weights together reach the sparsity, one threshold ranks all; 'layer': each weight does by itself
    schedule  a SparsitySchedule

    Exactly round(sparsity * elements) weights are zero after an update. Of equal magnitudes, those pruned before go first,
    then the first in order.

        pruner = Pruner([("fc", fc.weight, mask)], schedule=SparsitySchedule(target=0.9, end=1000, every=20))
        for step in range(steps):
            pruner.update(step)
            loss(...).backward(); optimizer.step()
            pruner.apply()

    Raises UsageError for no targets, a name given twice, a mask that does not fit its weight, an unknown scope.
    """
    def __init__(self, targets: collections.abc.Sequence[tuple[str, torch.Tensor, torch.Tensor]], scope: str = 'global', *, schedule: SparsitySchedule) -> None:
        ...
    def apply(self) -> None:
        """
        Zeroes pruned weights again: after every optimizer step, which momentum and weight decay may have moved.
        """
    def prune_to(self, sparsity: typing.SupportsFloat) -> None:
        """
        Moves the masks to a share of the weights, [0, 1], at once.
        """
    def update(self, step: typing.SupportsInt) -> bool:
        """
        Moves the masks where the schedule says so at optimizer step `step`, and zeroes what they prune. True where they moved.
        """
    @property
    def schedule(self) -> SparsitySchedule:
        ...
    @property
    def sparsity(self) -> float:
        """
        The share of the weights that the masks prune.
        """
class Network:
    """
    A C++ network: images [N, C, H, W] in, logits [N, classes] out.

    Parameters and buffers are the network's own tensors: an optimizer of torch.optim trains it, autograd runs through it,
    and names are those of checkpoints. Made by models.make and models.load, and owned by a Trainer.
    """
    def __call__(self, images: torch.Tensor) -> torch.Tensor:
        ...
    def __repr__(self) -> str:
        ...
    def eval(self) -> Network:
        """
        Evaluation mode: batch norms use their running statistics; returns the network.
        """
    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """
        Logits [N, classes] of float32 images [N, C, H, W] on the network's device.
        """
    def load_state_dict(self, tensors: dict) -> None:
        """
        Copies tensors in. Raises compress_ext.Error that names the first ones missing, unknown or of another shape, before anything is written.
        """
    def named_parameters(self) -> list[tuple[str, torch.Tensor]]:
        """
        [(dotted name, parameter), ...].
        """
    def parameters(self) -> list[torch.Tensor]:
        """
        The parameters, a list.
        """
    def state_dict(self) -> dict:
        """
        Parameters and buffers by dotted name: plain tensors that share the network's memory.
        """
    def to(self, device: typing.Any) -> Network:
        """
        Moves parameters and buffers to a device, in place; returns the network.
        """
    def train(self, mode: bool = True) -> Network:
        """
        Training mode, or evaluation mode for mode=False; returns the network.
        """
    @property
    def training(self) -> bool:
        ...
class Recipe:
    """
    What is done to a network: prune, quantize, distill, in any combination.

        Recipe([{"prune": {"sparsity": 0.9}}, {"quantize": {}}])
        Recipe.load("configs/digits.yaml")        # the compression block of a whole config, or of a file of its own

    docs/recipe.md explains the methods, docs/config.md lists every key. Raises UsageError, one line: the key's path, what
    is wrong, what is allowed, the nearest key.
    """
    __hash__: typing.ClassVar[None] = None
    def __eq__(self, arg0: Recipe) -> bool:
        ...
    def __getstate__(self) -> str:
        ...
    def __init__(self, methods: typing.Any) -> None:
        """
        From a list of methods, a dict with the key 'compression', or YAML text of either.
        """
    def __len__(self) -> int:
        ...
    def __repr__(self) -> str:
        ...
    def __setstate__(self, arg0: str) -> None:
        ...
    def __str__(self) -> str:
        ...
    def to_yaml(self) -> str:
        """
        Every key with its value; Recipe(...) gives an equal recipe back.
        """
    @property
    def counts_epochs(self) -> bool:
        """
        Whether one of its durations is in epochs (20e).
        """
    @property
    def methods(self) -> list[str]:
        """
        Names of the methods, in order: 'prune', 'quantize', 'distill'.
        """
class Tap:
    """
    The output of one layer in this step.
    """
    def __init__(self, layer: str) -> None:
        ...
    def clear(self) -> None:
        ...
    def record(self, output: torch.Tensor) -> None:
        ...
class Compressor:
    """
    The methods of a recipe at work; see compress_ext.Compressor.
    """
    def __init__(self, recipe: Recipe, network: typing.Any, total_steps: typing.SupportsInt, steps_per_epoch: typing.SupportsInt) -> None:
        ...
    def after_step(self, step: typing.SupportsInt) -> None:
        ...
    def before_step(self, step: typing.SupportsInt) -> None:
        ...
    def loss(self, task_loss: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        ...
    def metrics(self) -> dict:
        ...
    def parameter_groups(self) -> list:
        ...
    def plan(self) -> list[tuple[str, str, str]]:
        ...
    def resume(self, steps: typing.SupportsInt) -> None:
        ...
    def tensors(self) -> dict:
        ...
class DeployedNetwork:
    """
    A Python model in the form in which it is deployed.
    """
    def __init__(self, modules: collections.abc.Sequence[tuple[str, str]]) -> None:
        ...
    def add_layer(self, name: str, type: str, weight: torch.Tensor, bias: torch.Tensor | None, batch_norm_folded: bool, weight_quantizer: tuple[QuantizerOptions, torch.Tensor, torch.Tensor | None] | None, input_quantizer: tuple[QuantizerOptions, torch.Tensor, torch.Tensor | None] | None) -> None:
        ...
    def save_packed(self, path: os.PathLike | str | bytes, metadata: collections.abc.Mapping[str, str]) -> None:
        ...
    def set_plain(self, tensors: dict, parameters: collections.abc.Set[str]) -> None:
        ...
    @property
    def compressed(self) -> bool:
        ...
class Latency:
    """
    Wall-clock time of one forward pass.
    """
    @property
    def median_ms(self) -> float:
        ...
    @property
    def spread_ms(self) -> float:
        """
        Between the quartiles.
        """
class Measured:
    """
    What a report says of one model; None where it was not measured.
    """
    def __init__(self, network: DeployedNetwork, accuracy: typing.SupportsFloat | None, loss: typing.SupportsFloat | None, bytes_on_disk: typing.SupportsInt | None, state_dict_bytes: typing.SupportsInt | None, latency: Latency | None) -> None:
        ...
    @property
    def accuracy(self) -> float | None:
        """
        Fraction of the test set, 0 to 1.
        """
    @property
    def bytes_on_disk(self) -> int | None:
        """
        Of its file: packed where it was compressed.
        """
    @property
    def latency(self) -> Latency | None:
        ...
    @property
    def loss(self) -> float | None:
        ...
    @property
    def nonzero_parameters(self) -> int:
        ...
    @property
    def parameters(self) -> int:
        """
        As deployed.
        """
    @property
    def state_dict_bytes(self) -> int | None:
        """
        Of an ordinary file of its state dict, where bytes_on_disk is of a packed one.
        """
class Report:
    """
    What compress_ext.report measured: print it, or

        report.verdict            what became smaller or faster, and what did not, in words
        report.save("folder")     writes report.json and report.md
    """
    def __init__(self, before: Measured, after: Measured, teacher: Measured | None, network: DeployedNetwork, device: str, batch: typing.SupportsInt, weight_type: str) -> None:
        ...
    def __str__(self) -> str:
        ...
    def _repr_markdown_(self) -> str:
        ...
    def json(self) -> str:
        """
        Text with the keys of a run's report.json.
        """
    def markdown(self) -> str:
        """
        Tables of models and layers, and the verdict.
        """
    def save(self, folder: os.PathLike | str | bytes) -> None:
        """
        Writes report.json and report.md; makes the folder.
        """
    @property
    def after(self) -> Measured:
        """
        A Measured.
        """
    @property
    def batch(self) -> int:
        """
        Samples in the forward pass that was measured.
        """
    @property
    def before(self) -> Measured | None:
        """
        A Measured.
        """
    @property
    def device(self) -> str:
        """
        Where latency was measured: 'cpu, 2 threads'.
        """
    @property
    def sparsity(self) -> float:
        """
        Fraction of zeros among the weights of the compressed layers.
        """
    @property
    def teacher(self) -> Measured | None:
        """
        A Measured, or None.
        """
    @property
    def verdict(self) -> str:
        """
        What became smaller or faster, and what did not, in words.
        """
class Config:
    """
    Everything that one run needs: the YAML file as a value (docs/config.md).

        config = Config.load("configs/digits.yaml", overrides=["seed=1", "compression.prune.sparsity=0.95"])

    Raises UsageError, one line: where it was written, the key's path, what is wrong, what is allowed, the nearest key.
    """
    __hash__: typing.ClassVar[None] = None
    @staticmethod
    def load(path: os.PathLike | str | bytes, overrides: collections.abc.Sequence[str] = []) -> Config:
        """
        From a YAML file; overrides are 'key.path=value', as --set of the command line.
        """
    @staticmethod
    def parse(config: typing.Any, overrides: collections.abc.Sequence[str] = []) -> Config:
        """
        From YAML text, or from a dict of the same keys.
        """
    def __eq__(self, arg0: Config) -> bool:
        ...
    def __repr__(self) -> str:
        ...
    def __str__(self) -> str:
        ...
    def learning_rate(self, step: typing.SupportsInt, total_steps: typing.SupportsInt, steps_per_epoch: typing.SupportsInt = 1) -> float:
        """
        The learning rate of optimizer step `step`, counted from 0: the optimizer's lr along warm-up and decay.
        """
    def to_yaml(self) -> str:
        """
        Every key with its value; Config.parse gives an equal config back.
        """
    @property
    def folder(self) -> pathlib.Path:
        """
        The run's folder, <output>/<name>.
        """
    @property
    def name(self) -> str:
        ...
class Dataset:
    """
    Labelled images in memory; made by data.load.
    """
    def __len__(self) -> int:
        ...
    def normalized(self) -> torch.Tensor:
        """
        float32 [N, C, H, W], what a network sees.
        """
    @property
    def classes(self) -> int:
        ...
    @property
    def images(self) -> torch.Tensor:
        """
        uint8 [N, C, H, W], as stored.
        """
    @property
    def targets(self) -> torch.Tensor:
        """
        int64 [N].
        """
class Loader:
    """
    Batches of a Dataset; see compress_ext.data.Loader.
    """
    def __init__(self, dataset: Dataset, batch_size: typing.SupportsInt, seed: typing.SupportsInt, shift: typing.SupportsInt, flip: bool, rank: typing.SupportsInt, world_size: typing.SupportsInt, pin_memory: bool) -> None:
        ...
    def next(self) -> tuple[torch.Tensor, torch.Tensor]:
        ...
    def seek(self, epoch: typing.SupportsInt, batch: typing.SupportsInt) -> None:
        ...
    @property
    def batches_per_epoch(self) -> int:
        ...
class Trainer:
    """
    Trains one network by one config, compression included.

    config  a Config
    folder  where checkpoints go (checkpoints/step_XXXXXXXX); None is the run's folder, <output>/<name>

        trainer = Trainer(config, folder="runs/x")
        trainer.run(on_log=lambda state: print(state["step"], state["loss"]))
        trainer.network.state_dict()

    Builds network, recipe, optimizer and loader with the config's seed, which becomes torch's; a config with `threads`
    sets torch's number of threads too. run_experiment is the whole job: teacher, baseline, final model and report.

    Raises UsageError for options that do not fit together, Error for data that cannot be read.
    """
    def __init__(self, config: Config, folder: os.PathLike | str | bytes | None = None) -> None:
        ...
    def evaluate(self) -> dict:
        """
        {'accuracy': [0, 1], 'loss': mean cross entropy} on the test images.
        """
    def load(self, checkpoint: os.PathLike | str | bytes) -> None:
        """
        Goes on from a checkpoint's folder, or from the newest one of a run's folder, bit for bit. Raises Error that names the file and what does not fit, before anything is changed.
        """
    def run(self, *, on_log: typing.Any = None, on_evaluation: typing.Any = None) -> None:
        """
        Trains to the end, without the GIL.

        on_log         called every training.log_every steps with `state` plus loss, learning_rate, images_per_second and the
                       methods' metrics (sparsity, ...)
        on_evaluation  called after each evaluation with `state` plus accuracy and loss

        An exception of a callback stops the run and is raised here, as is KeyboardInterrupt; run() then goes on after the last
        step that was done. Raises Error where the loss is not finite, naming step and layer; UsageError where the folder holds
        another run.
        """
    @property
    def folder(self) -> pathlib.Path:
        ...
    @property
    def network(self) -> Network:
        """
        The models.Network in training, not a copy.
        """
    @property
    def state(self) -> dict:
        """
        {'step': optimizer steps done, 'epoch', 'total_steps', 'steps_per_epoch', 'best_accuracy': None before the first evaluation}.
        """
def default_activation_options() -> QuantizerOptions:
    ...
def default_weight_options() -> QuantizerOptions:
    ...
def device_text(device: torch.device) -> str:
    ...
def feature_loss(student: torch.Tensor, teacher: torch.Tensor, kind: str) -> torch.Tensor:
    ...
def gradient_factor(options: QuantizerOptions, x: torch.Tensor, scale: torch.Tensor) -> float:
    ...
def keep_freed_memory() -> bool:
    ...
def keep_positive_(scales: collections.abc.Sequence[torch.Tensor]) -> None:
    ...
def latest_checkpoint(run: os.PathLike | str | bytes) -> pathlib.Path | None:
    ...
def load_checkpoint(path: os.PathLike | str | bytes) -> dict:
    ...
def load_dataset(type: str, path: os.PathLike | str | bytes) -> tuple[Dataset, Dataset]:
    ...
def load_model(path: os.PathLike | str | bytes) -> Network:
    ...
def load_packed(path: os.PathLike | str | bytes) -> dict:
    ...
def load_safetensors(path: os.PathLike | str | bytes) -> tuple[dict, dict[str, str]]:
    ...
def make_network(options: typing.Any, input_shape: typing.Annotated[collections.abc.Sequence[typing.SupportsInt], "FixedSize(3)"], classes: typing.SupportsInt) -> Network:
    ...
def make_state(options: QuantizerOptions, role: str, sizes: collections.abc.Sequence[typing.SupportsInt], device: torch.device) -> QuantizerState:
    ...
def make_tensors(options: QuantizerOptions, scale_sizes: collections.abc.Sequence[typing.SupportsInt], device: torch.device) -> tuple:
    ...
def measure_latencies(forwards: collections.abc.Sequence[collections.abc.Callable[[], None]]) -> list[Latency]:
    ...
def nearest_names(name: str, names: collections.abc.Sequence[str], count: typing.SupportsInt) -> list[str]:
    ...
def observation(options: QuantizerOptions, role: str) -> tuple:
    ...
def parse_recipe(recipe: typing.Any, name: str) -> Recipe:
    ...
def read_packed_layers(path: os.PathLike | str | bytes) -> tuple:
    ...
def run_experiment(config: Config, resume: bool) -> pathlib.Path:
    ...
def save_checkpoint(run: os.PathLike | str | bytes, network: dict, training: dict, step: typing.SupportsInt, total_steps: typing.SupportsInt, steps_per_epoch: typing.SupportsInt, keep: typing.SupportsInt) -> pathlib.Path:
    ...
def save_safetensors(path: os.PathLike | str | bytes, tensors: dict, metadata: collections.abc.Mapping[str, str] = {}) -> None:
    ...
def scale_sizes(options: QuantizerOptions, role: str, sizes: collections.abc.Sequence[typing.SupportsInt]) -> tuple:
    ...
