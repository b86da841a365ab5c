"""Config as Python sees it; what each key does is tested in tests/cpp/config."""

from pathlib import Path

import compress_ext
import pytest
from compress_ext import Config

CONFIGS = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))
YAML = """
name: a
data: {type: digits, batch_size: 32}
model: {type: mlp, hidden: [16, 8]}
compression:
  - prune: {sparsity: 0.8}
"""
DICT = {
    "name": "a",
    "data": {"type": "digits", "batch_size": 32},
    "model": {"type": "mlp", "hidden": [16, 8]},
    "compression": [{"prune": {"sparsity": 0.8}}],
}


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_load_and_read_back(path):
    config = Config.load(path)
    assert Config.parse(config.to_yaml()) == config
    assert Config.load(str(path)) == config


def test_a_dict_says_what_yaml_says():
    assert Config.parse(DICT) == Config.parse(YAML)


def test_effective_yaml_has_every_key():
    text = Config.parse(YAML).to_yaml()
    assert "batch_size: 32" in text
    assert "seed: 0" in text  # a default
    assert str(Config.parse(YAML)) == text


def test_overrides_change_what_they_name(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text(YAML)
    changed = Config.load(path, overrides=["seed=3", "compression.prune.sparsity=0.5"])
    assert changed == Config.parse(YAML, ["seed=3", "compression.0.prune.sparsity=0.5"])
    assert changed != Config.load(path)
    assert "sparsity: 0.5" in changed.to_yaml()


def test_a_config_equals_configs_only():
    config = Config.parse(YAML)
    assert config != config.to_yaml()
    assert config != None  # noqa: E711
    with pytest.raises(TypeError, match="unhashable"):
        hash(config)


def test_folder_is_output_and_name():
    config = Config.parse(YAML, ["output=somewhere"])
    assert config.name == "a"
    assert config.folder == Path("somewhere/a")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (YAML.replace("sparsity", "sparsty"), r"config:6: compression\[0\]\.prune\.sparsty: .*did you mean 'sparsity'"),
        (YAML.replace("0.8", "1.5"), r"config:6: compression\[0\]\.prune\.sparsity: .*got 1\.5"),
        (YAML.replace("mlp", "mpl"), r"config:4: model.*'mpl'.*did you mean 'mlp'"),
        ("", "config: is empty"),
        ("name: [", "config:"),
        ({**DICT, "seed": -1}, r"seed: .*got -1"),
    ],
)
def test_errors_name_place_value_and_fix(text, message):
    with pytest.raises(compress_ext.UsageError, match=message) as raised:
        Config.parse(text)
    assert "\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(compress_ext.UsageError, match="none.yaml: no such file"):
        Config.load(tmp_path / "none.yaml")


def test_a_wrong_override_is_named():
    with pytest.raises(compress_ext.UsageError, match="--set sed=1: sed: .*did you mean 'seed'"):
        Config.parse(YAML, ["sed=1"])


def test_overrides_are_a_list():
    with pytest.raises(TypeError):
        Config.parse(YAML, "seed=1")
