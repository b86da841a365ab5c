"""The C++ trainer's data sets and batches, for a loop in Python that trains on the same ones::

train, test = cx.data.load("digits", "data/digits")
loader = cx.data.Loader(train, batch_size=64, shift=1, seed=0)
for epoch in range(60):
    for images, targets in loader:
        ...
"""

import os
from collections.abc import Iterator

from torch import Tensor

from compress_ext import _C
from compress_ext._C import Dataset

__all__ = ["Dataset", "Loader", "load"]


def load(type: str, path: str | os.PathLike) -> tuple[Dataset, Dataset]:
    """Training and test images. type: ``"digits"``, ``"mnist"`` or ``"cifar10"`` (docs/config.md). Raises
    ``compress_ext.Error`` that names the file and says where a missing one comes from."""
    return _C.load_dataset(type, path)


class Loader:
    """Batches ``(images float32 [B, C, H, W], targets int64 [B])`` of one epoch each time it is iterated, one epoch
    after the other from 0 on; a C++ thread prepares the next ones.

    dataset: images to train on.
    batch_size: images of a batch; the last one of an epoch is shorter where it does not fit.
    seed: what a batch holds depends on it, on its epoch and its place alone, and is what the C++ trainer sees.
    shift: each image moves by up to so many pixels, another way each time.
    flip: half of the images are mirrored.
    rank: of this process, of ``world_size`` that share each epoch.
    pin_memory: page-locked batches, which a GPU copies without stopping the host.
    """

    def __init__(
        self,
        dataset: Dataset,
        batch_size: int,
        *,
        seed: int = 0,
        shift: int = 0,
        flip: bool = False,
        rank: int = 0,
        world_size: int = 1,
        pin_memory: bool = False,
    ) -> None:
        self._loader = _C.Loader(dataset, batch_size, seed, shift, flip, rank, world_size, pin_memory)
        self._epoch = 0
        self._first = 0

    def seek(self, steps: int) -> None:
        """The next iteration goes on where a run of so many batches stopped, in the middle of an epoch too."""
        self._epoch, self._first = divmod(steps, len(self))

    def __len__(self) -> int:
        """Batches of an epoch."""
        return self._loader.batches_per_epoch

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        epoch, first = self._epoch, self._first
        self._epoch, self._first = epoch + 1, 0
        self._loader.seek(epoch, first)
        for _ in range(first, len(self)):
            yield self._loader.next()
