"""Times of several calls, side by side in one process: what disturbs the machine disturbs them all."""

import gc
import math
import time
from collections.abc import Callable

SAMPLE_SECONDS = 5e-4  # a sample repeats its call this long, so that the clock and the loop do not count
FEWEST_ROUNDS, MOST_ROUNDS = 5, 201


def timed(call: Callable[[], object], repeats: int, synchronize: Callable[[], None]) -> float:
    """Seconds for one of ``repeats`` calls in a row, the device's work included."""
    synchronize()
    begin = time.perf_counter()
    for _ in range(repeats):
        call()
    synchronize()
    return (time.perf_counter() - begin) / repeats


def interleaved(
    calls: dict[str, Callable[[], object]],
    synchronize: Callable[[], None] = lambda: None,
    budget: float = 2.0,
) -> dict[str, list[float]]:
    """Seconds of each call, a sample for each of many rounds in which every call has its turn.

    After a warm-up, a round takes one sample of each call, beginning with another one each time. ``budget`` is about
    how many seconds all rounds together take; at least five are made.
    """
    repeats = {}
    for name, call in calls.items():
        timed(call, 2, synchronize)  # compiles, allocates, reads caches in
        repeats[name] = max(1, math.ceil(SAMPLE_SECONDS / max(timed(call, 1, synchronize), 1e-7)))
    samples = {name: [] for name in calls}
    order = list(calls)
    collecting = gc.isenabled()
    gc.collect()
    gc.disable()
    try:
        end = time.perf_counter() + budget
        for done in range(MOST_ROUNDS):
            if done >= FEWEST_ROUNDS and time.perf_counter() > end:
                break
            for name in order:
                samples[name].append(timed(calls[name], repeats[name], synchronize))
            order.append(order.pop(0))
    finally:
        if collecting:
            gc.enable()
    return samples
