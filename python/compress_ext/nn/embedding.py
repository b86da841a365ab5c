from torch import Tensor, nn
from torch.nn import functional as F

from compress_ext.nn.compressible import Compressible

__all__ = ["Embedding"]


class Embedding(Compressible, nn.Embedding):
    """``torch.nn.Embedding`` (same arguments, names and initialisation) with slots for its weight; granularity
    'channel' is one scale per row. Its input, ids, is not quantized."""

    bias = None

    def input_channel_sizes(self) -> None:
        return None

    def forward(self, input: Tensor) -> Tensor:
        return F.embedding(
            input,
            self.compressed_weight(),
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )
