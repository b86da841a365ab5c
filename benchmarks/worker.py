"""One candidate in a process of its own: its libraries may patch torch, and its memory is its own.

The parent sends how many steps to take and gets their seconds; it sends 0 and gets the peak memory.
"""

import contextlib
import os
import pathlib
import sys
import time
import warnings
from dataclasses import dataclass

import torch

from benchmarks import candidates, models
from benchmarks.allocator import keep_freed_memory, return_freed_memory
from benchmarks.candidates import plain
from benchmarks.environment import synchronizer
from benchmarks.lines import lines_beyond_float


@dataclass(frozen=True)
class Setting:
    """How a step is measured."""

    workload: str
    device: str = "cpu"
    threads: int | None = None
    batch: int | None = None  # default: the workload's on this device
    autocast: str | None = None  # bfloat16 or float16
    keep_memory: bool = False  # the C library keeps what is freed
    warm_up: int = 3  # steps before the first that counts


class Memory:
    """Peak memory of a candidate: allocated on a GPU; on a CPU how much this process grew, resident, since it began."""

    def __init__(self, device: str):
        self.device = device
        return_freed_memory()
        self.before = 0 if device == "cuda" else self._resident("VmRSS")

    @staticmethod
    def _resident(key: str) -> int | None:
        """Bytes, as Linux counts them; None on other systems."""
        try:
            lines = pathlib.Path("/proc/self/status").read_text().splitlines()
        except OSError:
            return None
        return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(key + ":")), None)

    def restart(self) -> None:
        """Forgets the peak of what came before, as preparations."""
        if self.device == "cuda":
            torch.cuda.reset_peak_memory_stats()
        else:
            with contextlib.suppress(OSError):
                pathlib.Path("/proc/self/clear_refs").write_text("5")

    def peak(self) -> int | None:
        if self.device == "cuda":
            return torch.cuda.max_memory_allocated()
        now = self._resident("VmHWM")
        return None if now is None or self.before is None else now - self.before


def serve(connection, candidate: str, setting: Setting) -> None:
    """The child's life."""
    warnings.simplefilter("ignore")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # the peers' progress stays out of the tables
    try:
        train = candidates.load(candidates.STEP_CANDIDATES, candidate)
        if setting.threads:
            torch.set_num_threads(setting.threads)
        make_step(plain.train, setting)()  # loads what any step loads, so that it does not count as memory
        memory = Memory(setting.device)
        if setting.keep_memory:
            keep_freed_memory()
        step = make_step(train, setting)
        for _ in range(setting.warm_up):
            step()
        memory.restart()
    except candidates.Unavailable as reason:
        connection.send({"unavailable": str(reason)})
        return
    except Exception as error:  # whatever a peer raises on a network that it cannot take
        connection.send({"unavailable": f"{candidate}: {type(error).__name__}: {str(error)[:300]}"})
        return
    connection.send({"lines": lines_beyond_float(train)})
    while count := connection.recv():
        connection.send([step() for _ in range(count)])
    connection.send(memory.peak())


def make_step(train, setting: Setting):
    """A function that takes one step of the candidate's loop and returns its seconds."""
    workload = models.WORKLOADS[setting.workload]
    torch.manual_seed(0)
    model = workload.build().to(setting.device).train()
    unsuited = getattr(sys.modules[train.__module__], "unsuited", lambda model: None)(model)
    if unsuited:
        raise candidates.Unavailable(f"{train.__module__.rpartition('.')[2]}: {unsuited}")
    batches = models.endless_batches(workload, setting.batch or workload.sizes[setting.device], setting.device)
    loop = train(model, batches, workload.optimizer)
    synchronize = synchronizer(setting.device)
    dtype = getattr(torch, setting.autocast) if setting.autocast else None

    def step() -> float:
        synchronize()
        begin = time.perf_counter()
        with torch.autocast(setting.device, dtype, enabled=dtype is not None):
            next(loop)
        synchronize()
        return time.perf_counter() - begin

    return step
