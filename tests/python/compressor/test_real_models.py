"""Networks of torchvision and transformers as they are, small and with random weights: plan, three steps, finalize.
requirements-models.txt installs what they come from; without it they are skipped."""

import pytest
import torch
from torch import nn
from toy_models import compress, sgd

METHODS = [
    {"prune": {"sparsity": 0.5, "schedule": {"start": 0, "end": 2, "every": 1}}},
    {"quantize": {"start": 1, "freeze_observers": 3, "activation": {"symmetric": False, "averaging": 0.5}}},
]
STEPS = 4


def images(count: int, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(count, 3, size, size, generator=generator), torch.arange(count) % 4


def run(model: nn.Module, inputs: object) -> object:
    return model(**inputs) if isinstance(inputs, dict) else model(inputs)


def answer(model: nn.Module, inputs: object) -> torch.Tensor:
    """The logits in evaluation mode, where fast paths are."""
    model.eval()
    with torch.no_grad():
        output = run(model, inputs)
    return getattr(output, "logits", output)


def work(model: nn.Module, inputs: object, target: torch.Tensor, methods=METHODS, teacher=None) -> dict[str, set[str]]:
    """Compresses, trains, finalizes. The layers that are quantized, under "done", and those left out, by reason."""
    parameters = {name: id(parameter) for name, parameter in model.named_parameters()}
    compressor = compress(model, methods, inputs, total_steps=STEPS, teacher=teacher)
    assert {name: id(p) for name, p in model.named_parameters() if "quantizer" not in name} == parameters
    optimizer = sgd(compressor.parameter_groups(), lr=1e-4)
    model.train()
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = compressor.loss(run(model, inputs), target, inputs=inputs)
        loss.backward()
        optimizer.step()
        compressor.step()
        assert loss.isfinite()
    assert compressor.metrics()["sparsity"] == pytest.approx(0.5, abs=1e-3)
    expected = answer(model, inputs)
    plain = compressor.finalize()
    assert torch.equal(answer(plain, inputs), expected)
    assert not any(type(module).__module__.startswith("compress_ext") for module in plain.modules())
    layers: dict[str, set[str]] = {}
    for layer, method, action in compressor.plan().rows:
        if method == "quantize":
            key = action.removeprefix("left out: ") if action.startswith("left out: ") else "done"
            layers.setdefault(key, set()).add(layer)
    return layers


def names(model: nn.Module, *types: type) -> set[str]:
    return {name for name, module in model.named_modules() if type(module) in types}


def without_batch_norm(layers: dict[str, set[str]]) -> set[str]:
    return {reason for reason in layers if not reason.startswith("a batch norm has no weight")}


@pytest.mark.parametrize(
    ("name", "options", "size"),
    [
        ("resnet50", {"width_per_group": 8}, 32),
        ("mobilenet_v3_small", {"width_mult": 0.5}, 64),
        ("efficientnet_b0", {}, 64),
    ],
)
def test_convolutional_networks(name, options, size):
    models = pytest.importorskip("torchvision").models
    torch.manual_seed(0)
    model = getattr(models, name)(num_classes=4, **options)
    convolutions = names(model, nn.Conv2d, nn.Linear)
    norms = names(model, nn.BatchNorm2d)
    layers = work(model, *images(8, size))
    assert layers["done"] == convolutions
    assert without_batch_norm(layers) == {"done"}
    assert not names(model, nn.BatchNorm2d)  # every one is folded: each follows its convolution
    assert names(model, nn.Identity) >= norms


def test_resnet_with_a_teacher_and_learned_scales():
    models = pytest.importorskip("torchvision").models
    torch.manual_seed(0)
    model, teacher = models.resnet18(num_classes=4, width_per_group=64), models.resnet34(num_classes=4)
    learned = {"weight": {"scale": "learned", "granularity": "channel"}, "activation": {"scale": "learned"}}
    taps = {"layer1": "layer1", "layer3": "layer3"}
    losses = [{"type": "kl"}, {"type": "feature", "loss": "attention", "taps": taps}]
    methods = [METHODS[0], {"quantize": {"start": 1, "freeze_observers": 3} | learned}, {"distill": {"losses": losses}}]
    work(model, *images(4, 32), methods=methods, teacher=teacher)


def test_vision_transformer():
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    model = torchvision.models.VisionTransformer(
        image_size=32, patch_size=16, num_layers=2, num_heads=2, hidden_dim=32, mlp_dim=64, num_classes=4
    )
    blocks = [f"encoder.layers.encoder_layer_{i}" for i in range(2)]
    layers = work(model, *images(4, 32))
    assert layers["done"] == {"conv_proj", "heads.head", *(f"{block}.mlp.{i}" for block in blocks for i in (0, 3))}
    attention = {layer for reason, some in layers.items() if "MultiheadAttention" in reason for layer in some}
    assert attention == {f"{block}.self_attention{part}" for block in blocks for part in ("", ".out_proj")}


def test_swin_transformer():
    torchvision = pytest.importorskip("torchvision")
    torch.manual_seed(0)
    model = torchvision.models.SwinTransformer(
        patch_size=[4, 4], embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=[4, 4], num_classes=4
    )
    linears = names(model, nn.Linear, nn.Conv2d)
    layers = work(model, *images(4, 32))
    attention = {name for name in linears if name.endswith((".qkv", ".proj"))}
    assert layers["the model computes with its weight itself, past the layer's forward"] == attention
    assert layers["done"] == linears - attention and len(attention) == 8


def bert(transformers, layers: int = 2) -> nn.Module:
    torch.manual_seed(0)
    config = transformers.BertConfig(
        vocab_size=50,
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=2,
        intermediate_size=48,
        num_labels=4,
        max_position_embeddings=16,
    )
    return transformers.BertForSequenceClassification(config)


def test_bert_with_a_teacher():
    transformers = pytest.importorskip("transformers")
    ids = torch.randint(50, (4, 7), generator=torch.Generator().manual_seed(1))
    inputs = {"input_ids": ids, "attention_mask": (ids > 5).long()}
    model, teacher = bert(transformers), bert(transformers, layers=3)
    with torch.no_grad():
        teacher.classifier.weight.mul_(2)
    layer = "bert.encoder.layer"
    losses = [{"type": "kl"}, {"type": "feature", "taps": {f"{layer}.1": f"{layer}.2"}}]
    everything = names(model, nn.Linear, nn.Embedding)
    done = work(model, inputs, torch.arange(4), methods=[*METHODS, {"distill": {"losses": losses}}], teacher=teacher)
    assert done["done"] == everything
    assert set(done) == {"done", "LayerNorm is not supported"}


@pytest.mark.parametrize("tied", [True, False])
def test_llama(tied):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=50,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=48,
        max_position_embeddings=16,
        tie_word_embeddings=tied,
    )
    model = transformers.LlamaForCausalLM(config)
    ids = torch.randint(50, (2, 7), generator=torch.Generator().manual_seed(1))
    everything = names(model, nn.Linear, nn.Embedding)
    layers = work(model, {"input_ids": ids}, ids)
    assert layers["done"] == everything
    assert set(layers) == {"done", "LlamaRMSNorm is not supported"}
    head = model.lm_head.layer  # behind the quantizer of its input
    assert (head.weight is model.model.embed_tokens.weight) == tied
