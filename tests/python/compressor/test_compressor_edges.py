"""What a user's model may be like that the plain cases are not."""

import copy

import compress_ext as cx
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.checkpoint import checkpoint

QUANTIZE = [{"quantize": {"weight": {"format": "int4"}}}]


def compress(model, recipe, x, **arguments) -> cx.Compressor:
    return cx.Compressor(model, recipe, example_inputs=x, total_steps=10, show_plan=False, **arguments)


def test_dense_predictions_are_distilled_over_their_classes():
    torch.manual_seed(0)
    model, teacher = nn.Conv2d(3, 5, 1), nn.Conv2d(3, 5, 1)
    x, target = torch.randn(2, 3, 4, 7), torch.randint(5, (2, 4, 7))
    compressor = compress(
        model, [{"distill": {"losses": [{"type": "kl", "temperature": 2, "weight": 1}]}}], x, teacher=teacher
    )
    logits = model(x)
    got = compressor.loss(logits, target, inputs=x)
    by_class, teachers = (t.movedim(1, -1).reshape(-1, 5) for t in (logits, teacher(x)))
    kl = 4 * F.kl_div((by_class / 2).log_softmax(1), (teachers / 2).softmax(1), reduction="batchmean")
    torch.testing.assert_close(got, F.cross_entropy(logits, target) + kl)


def test_classes_in_either_dimension_are_asked_for():
    model = nn.Linear(3, 4)
    x, target = torch.randn(2, 4, 3), torch.randint(4, (2, 4))
    with pytest.raises(cx.UsageError, match="class_dim"):
        compress(model, [], x).loss(model(x), target)
    got = compress(model, [], x, class_dim=2).loss(model(x), target)
    torch.testing.assert_close(got, F.cross_entropy(model(x).flatten(0, 1), target.flatten()))


def test_none_takes_a_block_away_in_a_dict():
    plan = str(compress(nn.Linear(4, 4), [{"quantize": {"activation": None}}], torch.randn(2, 4)).plan())
    assert "weight int8" in plan and "input" not in plan.replace("inputs", "")
    with pytest.raises(cx.UsageError, match="both 'none'"):
        compress(nn.Linear(4, 4), [{"quantize": {"activation": None, "weight": None}}], torch.randn(2, 4))


class Tied(nn.Module):
    def __init__(self, by_attribute: bool) -> None:
        super().__init__()
        self.embed = nn.Embedding(16, 8)
        self.body = nn.Linear(8, 8)
        self.by_attribute = by_attribute

    def forward(self, ids: Tensor) -> Tensor:
        h = self.body(self.embed(ids))
        return h @ (self.embed.weight.T if self.by_attribute else self.embed.weight.t())


@pytest.mark.parametrize("by_attribute", [True, False])
def test_a_weight_used_past_its_layer_is_left_out(by_attribute):
    model, ids = Tied(by_attribute), torch.randint(16, (2, 3))
    compressor = compress(model, QUANTIZE, ids)
    assert ("embed", "quantize") in {
        (row[0], row[1]) for row in compressor.plan().rows if row[2].startswith("left out")
    }
    model(ids)
    before = model.eval()(ids)
    assert torch.equal(compressor.finalize()(ids), before)


class TwoHeads(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(8, 8, bias=False), nn.Linear(8, 8, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.second(self.first(x))


@pytest.mark.parametrize(
    ("selection", "pruned"),
    [({}, True), ({"include": ["second"]}, True), ({"exclude": ["second"]}, None), ({"exclude": ["first"]}, None)],
    ids=str,
)
def test_a_tied_weight_is_pruned_by_the_first_selected_and_kept_where_one_is_excluded(selection, pruned):
    model, x = TwoHeads(), torch.randn(2, 8)
    prune = {"sparsity": 0.5, "schedule": {"type": "constant"}} | selection
    if pruned is None:
        with pytest.raises(cx.UsageError, match="no weight to prune"):
            compress(model, [{"prune": prune}], x)
        assert model.first.weight.count_nonzero() == 64
        return
    compress(model, [{"prune": prune}], x)
    assert model.first.weight.count_nonzero() == 32


def test_checkpointing_repeats_the_fold_of_its_first_pass():
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Conv2d(2, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU())
    again = copy.deepcopy(plain)
    x = torch.randn(4, 2, 6, 6)
    for model in (plain, again):
        compress(model, QUANTIZE, x)
    # One step: torch's batch norms take a checkpointed batch into their statistics twice.
    plain(x).square().sum().backward()
    checkpoint(again, x, use_reentrant=False).square().sum().backward()
    assert torch.equal(plain[0].weight.grad, again[0].weight.grad)


def test_a_batch_norm_without_running_statistics_goes_on_when_others_freeze():
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4, track_running_stats=False))
    x = torch.randn(2, 1, 6, 6)
    compressor = compress(model, [{"quantize": {"freeze_observers": 1}}], x)
    model(x)
    compressor.step()
    assert model(x).isfinite().all()


def test_a_feature_changed_in_place_is_an_error():
    model = nn.Sequential(nn.Linear(4, 4), nn.ReLU(inplace=True), nn.Linear(4, 3))
    x = torch.randn(2, 4)
    recipe = [{"distill": {"losses": [{"type": "feature", "taps": {"0": "0"}}]}}]
    with pytest.raises(cx.UsageError, match="tap of layer '0': an in-place operation"):
        compress(model, recipe, x, teacher=copy.deepcopy(model))


def test_an_early_end_is_told():
    model, x = nn.Linear(4, 4), torch.randn(2, 4)
    compressor = compress(model, [{"prune": {"sparsity": 0.5}}, {"quantize": {"start": "50%"}}], x)
    model(x)
    compressor.step()
    with pytest.warns(
        UserWarning, match="after 1 of 10 steps these quantize nothing.*weight_quantizer, input_quantizer"
    ):
        compressor.finalize()
    assert compressor.metrics()["sparsity"] == 0.0


def test_a_loss_computed_elsewhere_needs_no_logits():
    model, x = nn.Linear(4, 4), torch.randn(2, 4)
    loss = model(x).sum()
    assert compress(model, [{"prune": {}}], x).loss({"loss": loss}, task_loss=loss) is loss


def test_a_packed_transformer_layer_computes_what_finalize_gave(tmp_path):
    torch.manual_seed(0)
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
    fresh, x = copy.deepcopy(layer), torch.randn(2, 5, 8)
    compressor = compress(layer, QUANTIZE, x)
    layer(x)
    plain = compressor.finalize().eval()
    compressor.save_packed(tmp_path / "model.safetensors")
    loaded = cx.load_packed(tmp_path / "model.safetensors", fresh)
    with torch.no_grad():
        assert torch.equal(loaded(x), plain(x))


def test_a_model_that_moved_away_from_its_projectors_is_told():
    model, teacher, x = nn.Linear(4, 3), nn.Sequential(nn.Linear(4, 6), nn.Linear(6, 3)), torch.randn(2, 4)
    recipe = [{"distill": {"losses": [{"type": "feature", "taps": {"": "0"}}]}}]
    compressor = compress(model, recipe, x, teacher=teacher)
    model.to("meta"), teacher.to("meta")
    x, target = x.to("meta"), torch.zeros(2, dtype=torch.int64, device="meta")
    with pytest.raises(cx.UsageError, match="is on cpu, the layer's output on meta; move the model before"):
        compressor.loss(model(x), target, inputs=x)
