"""Training by the C++ trainer: ``Config``, ``Trainer`` and the whole job, ``run_experiment``."""

from pathlib import Path

from compress_ext import _C
from compress_ext._C import Config, Trainer

__all__ = ["Config", "Trainer", "run_experiment"]


def run_experiment(config: Config, *, resume: bool = False) -> Path:
    """What ``compress-ext train`` does: trains the teacher where it is missing and the plain baseline where it is asked
    for, trains and compresses, and writes the final model and the report. Progress goes to stderr. Returns the run's
    folder, ``<output>/<name>``.

    resume: keeps what is finished and goes on from the newest checkpoint; without it the folder must be new.

    Ctrl-C stops after the current step. Raises UsageError for a config that does not fit or a folder that is taken,
    Error for what fails on the way.
    """
    return _C.run_experiment(config, resume)
