"""compress_ext: its operators, and its Compressor in a training loop."""

from benchmarks.candidates import Call
from benchmarks.operator_workloads import QUANT_MAX, QUANT_MIN, SPARSITY, TEMPERATURE, Case

REQUIRES = ["compress_ext"]


def fake_quantize(case: Case) -> Call:
    from compress_ext import ops

    packed = None if case.mask is None else ops.pack_mask(case.mask)
    return Call(lambda: ops.fake_quantize(case.x, case.scale, None, QUANT_MIN, QUANT_MAX, mask=packed), case.inputs)


def fake_quantize_float(case: Case) -> Call:
    from compress_ext import ops

    return Call(lambda: ops.fake_quantize_float(case.data, case.scale, 4, 3))


def fresh_range(case: Case):
    import torch

    shape = (case.workload.sizes[0], 1) if case.workload.has("channel") else ()
    return [torch.full(shape, value, device=case.x.device) for value in (float("inf"), float("-inf"))]


def observe(case: Case) -> Call:
    from compress_ext import ops

    low, high = fresh_range(case)
    return Call(lambda: ops.observe_min_max_(low, high, case.data, 0.01))


def observe_and_fake_quantize(case: Case) -> Call:
    from compress_ext import ops

    data = case.data
    low, high = fresh_range(case)

    def quantize():
        ops.observe_min_max_(low, high, data, 0.01)
        scale, zero_point = ops.choose_qparams(low, high, 0, 255, False)
        return ops.fake_quantize(data, scale, zero_point, 0, 255)

    return Call(quantize)


def threshold(case: Case) -> Call:
    from compress_ext import ops

    return Call(lambda: ops.magnitude_threshold(case.weights, SPARSITY))


def mask(case: Case) -> Call:
    from compress_ext import ops

    data = case.data
    if case.workload.has("choose"):
        return Call(lambda: ops.magnitude_mask(data, case.threshold))
    if case.workload.has("2:4"):
        return Call(lambda: ops.nm_mask(data, 2, 4))
    packed = ops.pack_mask(case.mask)
    return Call(lambda: ops.apply_mask(data, packed))


def distillation_loss(case: Case) -> Call:
    from compress_ext import ops

    return Call(lambda: ops.distillation_loss(case.x, case.teacher, TEMPERATURE), case.inputs)


OPERATORS = {
    "fake_quantize": fake_quantize,
    "fake_quantize_float": fake_quantize_float,
    "observe": observe,
    "observe_and_fake_quantize": observe_and_fake_quantize,
    "threshold": threshold,
    "mask": mask,
    "distillation_loss": distillation_loss,
}


QAT = {"weight": {"format": "int8", "granularity": "channel"}, "activation": {"format": "int8"}, "start": 0}
PRUNE = {"sparsity": 0.9, "schedule": {"type": "constant", "start": 0}}
DISTILL = {"losses": [{"type": "kl", "temperature": 4, "weight": 0.9}]}
STEPS = 100_000  # more than are measured: schedules need an end


def train(model, batches, make_optimizer):
    import compress_ext as cx
    import torch.nn.functional as F

    example, _ = next(batches)
    compressor = cx.Compressor(model, [{"quantize": QAT}], example_inputs=example, total_steps=STEPS)
    optimizer = make_optimizer(model)
    for inputs, target in batches:
        optimizer.zero_grad()
        loss = F.cross_entropy(model(inputs), target)
        loss.backward()
        optimizer.step()
        compressor.step()
        yield loss


def train_unchanged(model, batches, make_optimizer):
    """An empty recipe: what the Compressor itself costs."""
    import compress_ext as cx

    example, _ = next(batches)
    compressor = cx.Compressor(model, [], example_inputs=example, total_steps=STEPS)
    optimizer = make_optimizer(model)
    for inputs, target in batches:
        optimizer.zero_grad()
        loss = compressor.loss(model(inputs), target, inputs=inputs)
        loss.backward()
        optimizer.step()
        compressor.step()
        yield loss


def train_everything(model, batches, make_optimizer):
    """90 % of the weights pruned, int8, and a teacher as large as the student. The masks stand still: `run.py runs`
    measures what moving them costs."""
    import copy

    import compress_ext as cx

    teacher = copy.deepcopy(model)
    example, _ = next(batches)
    recipe = [{"prune": PRUNE}, {"quantize": QAT}, {"distill": DISTILL}]
    compressor = cx.Compressor(model, recipe, example_inputs=example, total_steps=STEPS, teacher=teacher)
    optimizer = make_optimizer(model)
    for inputs, target in batches:
        optimizer.zero_grad()
        loss = compressor.loss(model(inputs), target, inputs=inputs)
        loss.backward()
        optimizer.step()
        compressor.step()
        yield loss
