from torch import Tensor, nn
from torch.nn import functional as F

from compress_ext.errors import UsageError
from compress_ext.nn.compressible import Compressible

__all__ = ["Conv1d", "Conv2d", "Conv3d", "ConvTranspose2d"]


class _Conv(Compressible):
    def input_channel_sizes(self) -> tuple[int, ...]:
        return (1, self.in_channels, *(1 for _ in self.kernel_size))

    def forward(self, input: Tensor) -> Tensor:
        return self.compressed_forward(input, self._conv_forward)


class Conv1d(_Conv, nn.Conv1d):
    """``torch.nn.Conv1d`` (same arguments, names and initialisation) with compression slots."""


class Conv2d(_Conv, nn.Conv2d):
    """``torch.nn.Conv2d`` (same arguments, names and initialisation) with compression slots."""


class Conv3d(_Conv, nn.Conv3d):
    """``torch.nn.Conv3d`` (same arguments, names and initialisation) with compression slots."""


class ConvTranspose2d(Compressible, nn.ConvTranspose2d):
    """``torch.nn.ConvTranspose2d`` (same arguments, names and initialisation) with compression slots.

    Its weight is ``[in, out / groups, kh, kw]``: granularity 'channel' is one scale for each index of dimension 1, and
    'group' is refused.
    """

    output_dim = 1

    def input_channel_sizes(self) -> tuple[int, ...]:
        return (1, self.in_channels, 1, 1)

    def set_batch_norm(self, batch_norm: nn.Module | None) -> None:
        """As for any layer; only with ``groups=1``, where each output channel has weights of its own."""
        if batch_norm is not None and self.groups != 1:
            raise UsageError(f"a batch norm is not folded into a ConvTranspose2d of {self.groups} groups")
        super().set_batch_norm(batch_norm)

    def forward(self, input: Tensor, output_size: list[int] | None = None) -> Tensor:
        if self.padding_mode != "zeros":
            raise ValueError("Only `zeros` padding mode is supported for ConvTranspose2d")
        padding = self._output_padding(
            input, output_size, self.stride, self.padding, self.kernel_size, 2, self.dilation
        )

        def compute(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
            return F.conv_transpose2d(x, weight, bias, self.stride, self.padding, padding, self.groups, self.dilation)

        return self.compressed_forward(input, compute)
