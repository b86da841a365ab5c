"""What the operator benchmark measures: workloads by name, and their tensors.

A workload is named ``operator/variant/direction/size/dtype``, as ``fake_quantize/channel+mask/both/1024x1024/float32``.
``both`` is forward and backward together; forward runs as in training, with gradients on.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

QUANT_MIN, QUANT_MAX = -127, 127
GROUP = 32
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
VARIANTS = {
    "fake_quantize": (
        "tensor",
        "channel",
        "group",
        "tensor+learned",
        "channel+learned",
        "channel+mask",
        "channel+learned+mask",
    ),
    "fake_quantize_float": ("e4m3",),
    "observe": ("tensor", "channel"),
    "observe_and_fake_quantize": ("tensor",),  # an activation in QAT: range, scale, fake-quantized values
    "threshold": ("global",),
    "mask": ("choose", "2:4", "apply"),
    "distillation_loss": ("kl",),
}
DIRECTIONS = {
    "fake_quantize": ("forward", "backward", "both"),
    "fake_quantize_float": ("forward",),
    "observe": ("forward",),
    "observe_and_fake_quantize": ("forward",),
    "threshold": ("forward",),
    "mask": ("forward",),
    "distillation_loss": ("forward", "both"),
}
SPARSITY = 0.9
TEMPERATURE = 4.0
LARGEST_E4M3 = 448.0
LOGITS = ((64, 1000), (64, 50257))  # ImageNet's classes, GPT-2's vocabulary


@dataclass(frozen=True)
class Workload:
    """One row of the table."""

    operator: str
    variant: str
    direction: str
    sizes: tuple[int, ...]
    dtype: str

    @property
    def name(self) -> str:
        size = "x".join(map(str, self.sizes))
        return f"{self.operator}/{self.variant}/{self.direction}/{size}/{self.dtype}"

    def has(self, property: str) -> bool:
        return property in self.variant.split("+")


@dataclass
class Case:
    """A workload's tensors, the same for every candidate. What gets a gradient is a leaf that requires one."""

    workload: Workload
    x: Tensor
    grad: Tensor
    scale: Tensor | None = None  # of x's rank or a scalar; its shape is the granularity
    mask: Tensor | None = None  # bool, as other libraries take it; packed to bits by compress_ext's candidate
    weights: list[Tensor] = field(default_factory=list)
    threshold: Tensor | None = None
    teacher: Tensor | None = None

    @property
    def data(self) -> Tensor:
        return self.x.detach()

    @property
    def inputs(self) -> list[Tensor]:
        """What gets a gradient."""
        return [tensor for tensor in (self.x, self.scale) if tensor is not None and tensor.requires_grad]


def workloads(
    operators: list[str], sizes: list[int], dtypes: list[str], logits: tuple[tuple[int, int], ...] = LOGITS
) -> Iterator[Workload]:
    """Every workload of these operators: matrices of ``sizes`` squared, logits of ``logits``."""
    for operator in operators:
        shapes = logits if operator == "distillation_loss" else [(size, size) for size in sizes]
        for variant in VARIANTS[operator]:
            for shape in shapes:
                for dtype in dtypes:
                    for direction in DIRECTIONS[operator]:
                        yield Workload(operator, variant, direction, shape, dtype)


def scale_shape(workload: Workload) -> tuple[int, ...]:
    rows, columns = workload.sizes
    if workload.has("channel"):
        return (rows, 1)
    if workload.has("group"):
        return (rows, columns // GROUP)
    return ()


def make_case(workload: Workload, device: str) -> Case:
    """Normal random data of a fixed seed; a scale that clips a few elements, so that no branch is a special case."""
    generator = torch.Generator(device).manual_seed(0)
    dtype = DTYPES[workload.dtype]

    def normal() -> Tensor:
        return torch.randn(workload.sizes, generator=generator, device=device, dtype=dtype)

    case = Case(workload, normal(), normal())
    if workload.operator == "fake_quantize":
        case.x.requires_grad_()
        case.scale = torch.full(scale_shape(workload), 3.0 / QUANT_MAX, device=device)
        case.scale.requires_grad_(workload.has("learned"))
    if workload.operator == "fake_quantize_float":
        case.scale = torch.tensor(3.0 / LARGEST_E4M3, device=device)
    if workload.operator == "mask" or workload.has("mask"):
        case.threshold = torch.tensor(1.6449, device=device)  # a normal distribution's 90 % of magnitudes
        case.mask = case.data.abs() > case.threshold.to(dtype)
    if workload.operator == "threshold":
        case.weights = list(case.data.chunk(16))  # layers
    if workload.operator == "distillation_loss":
        case.x.requires_grad_()
        case.teacher = normal()
        case.grad = torch.ones((), device=device)
    return case


def bytes_needed(workload: Workload) -> float:
    """Bytes that must move at least: each input read once, each output written once."""
    elements = workload.sizes[0] * workload.sizes[1]
    width = DTYPES[workload.dtype].itemsize
    mask = 1 / 8 if workload.has("mask") or workload.operator == "mask" else 0
    forward = {
        "fake_quantize": 2 * width + mask,
        "fake_quantize_float": 2 * width,
        "observe": width,
        "observe_and_fake_quantize": 3 * width,
        "threshold": 2 * width,
        "mask": 2 * width + mask if workload.has("apply") else width + mask,
        "distillation_loss": 2 * width,
    }[workload.operator]
    backward = 3 * width + mask
    return elements * {"forward": forward, "backward": backward, "both": forward + backward}[workload.direction]
