from torch import Tensor, nn
from torch.nn import functional as F

from compress_ext.nn.compressible import Compressible

__all__ = ["Linear"]


class Linear(Compressible, nn.Linear):
    """``torch.nn.Linear`` (same arguments, names and initialisation) with compression slots."""

    def input_channel_sizes(self) -> tuple[int, ...]:
        return (1, self.in_features)

    def forward(self, input: Tensor) -> Tensor:
        return self.compressed_forward(input, F.linear)
