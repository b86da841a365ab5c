"""What torch runs past the forward of its children in evaluation mode, unless told otherwise."""

from torch import nn


def fast_path_off(module: nn.Module) -> dict[str, object]:
    """Attributes that make a module of torch call its layers: a fused kernel takes weights as they lie there, neither
    masked nor quantized, and passes the quantizers of inputs by. Empty for a module without such a path."""
    if isinstance(module, nn.TransformerEncoderLayer):
        return {"activation_relu_or_gelu": 0}
    if isinstance(module, nn.TransformerEncoder):
        return {"use_nested_tensor": False}
    return {}
