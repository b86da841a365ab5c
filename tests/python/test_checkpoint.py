"""What the C++ trainer writes opens in Python as a state dict of plain tensors."""

import compress_ext
import pytest
import torch
from compress_ext import Trainer, load_checkpoint, load_packed, models, ops, run_experiment
from safetensors.torch import load_file
from small_run import RECIPE, TOTAL_STEPS, images, small_config


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The folder of a whole job, compressed."""
    return run_experiment(small_config(tmp_path_factory.mktemp("job"), compression=RECIPE))


@pytest.fixture(scope="module")
def newest(run):
    return run / "checkpoints" / f"step_{TOTAL_STEPS:08d}"


def assert_equal(actual, expected):
    assert actual.keys() == expected.keys()
    for name, value in expected.items():
        assert actual[name].dtype == value.dtype and actual[name].equal(value), name


def test_run_folder_checkpoint_folder_and_file_say_the_same(run, newest):
    expected = load_file(newest / "model.safetensors")
    for path in (run, newest, newest / "model.safetensors", str(run)):
        assert_equal(load_checkpoint(path), expected)


def test_tensors_are_plain_and_named_as_in_design(run):
    tensors = load_checkpoint(run)
    assert {"head.weight", "head.bias", "head.weight_mask", "head.weight_quantizer.scale"} <= tensors.keys()
    assert {"head.input_quantizer.scale", "head.input_quantizer.zero_point"} <= tensors.keys()
    assert all(type(tensor) is torch.Tensor and not tensor.requires_grad for tensor in tensors.values())
    assert tensors["head.weight_mask"].dtype == torch.uint8


def test_it_is_the_networks_state_dict(tmp_path):
    trainer = Trainer(small_config(tmp_path, compression=RECIPE), folder=tmp_path / "run")
    trainer.run()
    assert_equal(load_checkpoint(tmp_path / "run"), trainer.network.state_dict())


def test_a_plain_checkpoint_loads_into_a_network(tmp_path):
    trainer = Trainer(small_config(tmp_path), folder=tmp_path / "run")
    trainer.run()
    network = models.make({"type": "convnet", "width": 8}).eval()
    network.load_state_dict(load_checkpoint(tmp_path / "run"))
    x = torch.randn(3, 1, 8, 8)
    assert network(x).equal(trainer.network.eval()(x))


def test_a_packed_file_holds_the_weights_computed_with(run, newest):
    trained, packed = load_checkpoint(newest), load_packed(run / "model.safetensors")
    # The head has no batch norm to fold: its packed weight is what training computed with.
    weight, scale = trained["head.weight"], trained["head.weight_quantizer.scale"]
    expected = ops.fake_quantize(weight, scale, None, -127, 127, mask=trained["head.weight_mask"])
    assert packed["head.weight"].equal(expected)
    assert packed["head.bias"].equal(trained["head.bias"])
    assert packed["head.input_quantizer.scale"].equal(trained["head.input_quantizer.scale"])
    weights = [tensor for name, tensor in packed.items() if name.endswith(".weight")]
    pruned = sum(int((tensor == 0).sum()) for tensor in weights) / sum(tensor.numel() for tensor in weights)
    assert pruned >= 0.5
    assert_equal(load_checkpoint(run / "model.safetensors"), packed)


def test_a_deployed_network_computes_what_the_run_reports(run):
    network = models.load(run / "model.safetensors")
    assert not network.training
    pixels, targets = images(104)
    with torch.no_grad():
        correct = network(pixels[64:].unsqueeze(1).float() / 16).argmax(1).eq(targets[64:])
    report = (run / "report.json").read_text()
    assert f'"accuracy": {correct.double().mean().item()}' in report


def test_errors_say_where_they_looked(tmp_path, newest):
    with pytest.raises(compress_ext.Error, match="none: there is no such file or folder"):
        load_checkpoint(tmp_path / "none")
    with pytest.raises(compress_ext.Error, match="neither checkpoints/latest nor model.safetensors"):
        load_checkpoint(tmp_path)
    with pytest.raises(compress_ext.Error, match="model.safetensors: is not a packed file"):
        load_packed(newest / "model.safetensors")
    with pytest.raises(compress_ext.Error, match="does not say which network"):
        models.load(newest / "model.safetensors")


def test_a_damaged_packed_file_names_the_layer(tmp_path, run):
    tensors, metadata = compress_ext.load_safetensors(run / "model.safetensors")
    tensors["head.packed"] = tensors["head.packed"][:10]
    compress_ext.save_safetensors(tmp_path / "cut.safetensors", tensors, metadata)
    with pytest.raises(compress_ext.Error, match="cut.safetensors: layer 'head': "):
        load_packed(tmp_path / "cut.safetensors")
