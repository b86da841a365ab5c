"""Pruner as Python sees it: in place on the caller's tensors, exact, and steady under an optimizer."""

import math

import compress_ext
import pytest
import torch
from compress_ext import Pruner, SparsitySchedule, ops


def weights():
    generator = torch.Generator().manual_seed(0)
    shapes = [(16, 8, 3, 3), (10, 33), (7,)]
    return [torch.nn.Parameter(torch.randn(shape, generator=generator) * (i + 1)) for i, shape in enumerate(shapes)]


def full_mask(weight):
    return ops.pack_mask(torch.ones_like(weight, dtype=torch.bool))


def make(parameters, scope="global", **schedule):
    targets = [(f"layer{i}", weight, full_mask(weight)) for i, weight in enumerate(parameters)]
    return Pruner(targets, scope, schedule=SparsitySchedule(**{"target": 0.9, **schedule})), [t[2] for t in targets]


def zeros(tensors):
    return sum(int((tensor == 0).sum()) for tensor in tensors)


@pytest.mark.parametrize("sparsity", [0.0, 0.1234, 0.5, 0.9, 1.0])
def test_global_scope_prunes_the_smallest_of_all(sparsity):
    parameters = weights()
    magnitudes = torch.cat([weight.detach().abs().flatten() for weight in parameters])
    pruner, masks = make(parameters)
    pruner.prune_to(sparsity)
    count = math.floor(sparsity * len(magnitudes) + 0.5)  # 744.5 of 1489 are 745
    assert zeros(parameters) == count
    assert pruner.sparsity == pytest.approx(count / len(magnitudes), abs=1e-12)  # one division in double
    pairs = zip(masks, parameters, strict=True)
    kept = torch.cat([ops.unpack_mask(mask, weight.shape).flatten() for mask, weight in pairs])
    assert (~kept).nonzero().flatten().tolist() == sorted(magnitudes.argsort()[:count].tolist())


def test_layer_scope_prunes_each_layer_alike():
    parameters = weights()
    pruner, _ = make(parameters, "layer")
    pruner.prune_to(0.5)
    assert [zeros([weight]) for weight in parameters] == [round(0.5 * weight.numel()) for weight in parameters]


def test_kept_weights_and_the_callers_tensors_stay():
    parameters = weights()
    before = [weight.detach().clone() for weight in parameters]
    addresses = [weight.data_ptr() for weight in parameters]
    pruner, _ = make(parameters)
    pruner.prune_to(0.7)
    assert [weight.data_ptr() for weight in parameters] == addresses
    for weight, old in zip(parameters, before, strict=True):
        assert weight.requires_grad and weight.is_leaf
        assert torch.where(weight == 0, old, weight.detach()).equal(old)


def test_update_follows_the_schedule():
    pruner, _ = make(weights(), target=0.8, start=2, end=6, every=2)
    moved, sparsities = [], []
    for step in range(8):
        moved.append(pruner.update(step))
        sparsities.append(pruner.sparsity)
    assert [step for step, changed in enumerate(moved) if changed] == [2, 4, 6]
    elements = sum(weight.numel() for weight in weights())
    for step in (2, 4, 6):
        assert sparsities[step] * elements == pytest.approx(round(pruner.schedule.sparsity_at(step) * elements))
    assert sparsities == sorted(sparsities)


def test_pruned_weights_stay_zero_through_momentum_and_weight_decay():
    parameters = weights()
    pruner, masks = make(parameters)
    optimizer = torch.optim.AdamW(parameters, lr=0.1, weight_decay=0.1)
    sum(weight.square().sum() for weight in parameters).backward()
    optimizer.step()  # moments of weights that are pruned now
    pruner.prune_to(0.9)
    for _ in range(3):
        optimizer.step()
        assert zeros(parameters) < round(0.9 * sum(weight.numel() for weight in parameters))
        pruner.apply()
        for weight, mask in zip(parameters, masks, strict=True):
            assert (weight == 0)[~ops.unpack_mask(mask, weight.shape)].all()


def test_sparsity_may_fall_again():
    pruner, _ = make(weights())
    pruner.prune_to(0.9)
    pruner.prune_to(0.0)
    assert pruner.sparsity == 0.0


def bad_mask(parameters):
    return Pruner([("a", parameters[0], torch.ones(3))], schedule=SparsitySchedule())


def given_twice(parameters):
    targets = [("a", weight, full_mask(weight)) for weight in parameters[:2]]
    return Pruner(targets, schedule=SparsitySchedule())


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda p: Pruner([], schedule=SparsitySchedule()), "there is no weight to prune"),
        (given_twice, "'a' is given twice"),
        (bad_mask, r"the mask of 'a' must be uint8 \[16, 9\] .got Float \[3\]"),
        (lambda p: make(p, "globel"), "scope: unknown 'globel' .allowed: layer, global., did you mean 'global'"),
        (lambda p: make(p)[0].prune_to(1.5), "prune_to .*got 1.5, expected 0 to 1"),
        (lambda p: make(p)[0].prune_to(float("nan")), "prune_to .*got nan"),
    ],
)
def test_wrong_arguments_are_usage_errors(call, message):
    with pytest.raises(compress_ext.UsageError, match=message):
        call(weights())


def test_a_missing_mask_is_a_type_error():
    with pytest.raises(TypeError):
        Pruner([("a", weights()[0], None)], schedule=SparsitySchedule())
