"""Two processes with a Gloo group, which run functions side by side."""

import contextlib
import multiprocessing
import tempfile
import traceback
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import torch
from torch import Tensor, distributed

WORLD_SIZE = 2
#: A process that fails leaves the other waiting in a message for so long.
TIMEOUT = timedelta(seconds=30)


def serve(rank: int, meeting: str, connection) -> None:
    """What each process does: answers (function, arguments) with (result, None) or (None, traceback)."""
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", init_method=meeting, rank=rank, world_size=WORLD_SIZE, timeout=TIMEOUT)
    while (request := connection.recv()) is not None:
        function, arguments = request
        try:
            connection.send((function(rank, *arguments), None))
        except BaseException:
            connection.send((None, traceback.format_exc()))
    distributed.destroy_process_group()


class Pair:
    """Starts the processes when they are first needed, and anew after a failure."""

    def __init__(self) -> None:
        self._processes: list[tuple] = []
        self._folder = tempfile.TemporaryDirectory()
        self._meetings = 0

    def run(self, function: Callable, *arguments) -> list:
        """``function(rank, *arguments)`` in both; what it returned, by rank. An AssertionError carries what failed."""
        if not self._processes:
            self._start()
        for _, connection in self._processes:
            connection.send((function, arguments))
        answers = [connection.recv() for _, connection in self._processes]
        failures = [f"process {rank}:\n{failure}" for rank, (_, failure) in enumerate(answers) if failure]
        if failures:
            self.stop()
            raise AssertionError("\n".join(failures))
        return [result for result, _ in answers]

    def stop(self) -> None:
        for _, connection in self._processes:
            with contextlib.suppress(OSError):  # where it has died
                connection.send(None)
        for process, connection in self._processes:
            process.join(timeout=TIMEOUT.total_seconds())
            connection.close()
        self._processes = []

    def _start(self) -> None:
        self._meetings += 1
        meeting = (Path(self._folder.name) / f"meeting{self._meetings}").as_uri()
        context = multiprocessing.get_context("spawn")
        for rank in range(WORLD_SIZE):
            ours, theirs = context.Pipe()
            process = context.Process(target=serve, args=(rank, meeting, theirs), daemon=True)
            process.start()
            theirs.close()  # the death of a process ends recv()
            self._processes.append((process, ours))


def assert_equal_everywhere(tensors: dict[str, Tensor]) -> None:
    """The same bits in both processes."""
    for name, tensor in tensors.items():
        gathered = [torch.empty_like(tensor, memory_format=torch.contiguous_format) for _ in range(WORLD_SIZE)]
        distributed.all_gather(gathered, tensor.contiguous())
        torch.testing.assert_close(
            gathered[0],
            gathered[1],
            rtol=0,
            atol=0,
            equal_nan=True,
            msg=lambda message, name=name: f"{name}: {message}",
        )
