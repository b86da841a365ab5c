"""Training by the C++ trainer: ``Config``, ``Trainer`` and the whole job, ``run_experiment``."""

from pathlib import Path

from compress_ext import _C
from compress_ext._C import Config, Trainer

__all__ = ["Config", "Trainer", "keep_freed_memory", "run_experiment"]


def run_experiment(config: Config, *, resume: bool = False) -> Path:
    """What ``compress-ext train`` does: trains the teacher where it is missing and the plain baseline where it is asked
    for, trains and compresses, and writes the final model and the report. Progress goes to stderr. Returns the run's
    folder, ``<output>/<name>``.

    resume: keeps what is finished and goes on from the newest checkpoint; without it the folder must be new.

    Ctrl-C stops after the current step. Raises UsageError for a config that does not fit or a folder that is taken,
    Error for what fails on the way.
    """
    return _C.run_experiment(config, resume)


def keep_freed_memory() -> bool:
    """Makes the C library keep freed memory for the next allocation instead of giving it back to the system (glibc: up
    to 1 GiB a tensor). On a CPU, tensors of more than a few MB cost more in page faults than in arithmetic otherwise: a
    clone of 3072 x 3072 floats took 28 ms before and 1.8 ms after. Call it at the start of a training script;
    ``compress-ext train`` does.

    Returns False where ``MALLOC_TRIM_THRESHOLD_`` or ``MALLOC_MMAP_THRESHOLD_`` is set, which stay in force, or where
    the C library has no such setting.
    """
    return _C.keep_freed_memory()
