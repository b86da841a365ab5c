"""The step benchmark: whole training steps, one process per candidate, in turns."""

import multiprocessing
import sys
import time
from dataclasses import dataclass

from benchmarks import records
from benchmarks.worker import Setting, serve

REFERENCE = "float"
TURN = 3  # steps in a row; the first does not count, as it finds the caches that another process left
FEWEST_ROUNDS, MOST_ROUNDS = 3, 50
PATIENCE = 900  # seconds until a candidate must be ready: some compile on their first call


@dataclass
class Worker:
    """A candidate's process, idle until it is asked."""

    process: multiprocessing.Process
    connection: object
    lines: int = 0

    def ask(self, count: int):
        self.connection.send(count)
        return self.connection.recv()


def start(candidate: str, setting: Setting, notes: list[str]) -> Worker | None:
    """A process that has taken its first steps; None and a note where the candidate cannot take part."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=serve, args=(there, candidate, setting), daemon=True)
    process.start()
    there.close()
    try:
        answer = here.recv() if here.poll(PATIENCE) else {"unavailable": f"{candidate}: not ready in {PATIENCE} s"}
    except EOFError:
        process.join()
        answer = {"unavailable": f"{candidate}: its process ended with {process.exitcode} while it got ready"}
    if "unavailable" in answer:
        notes.append(f"left out of {setting.workload}: {answer['unavailable']}")
        process.kill()
        return None
    return Worker(process, here, answer["lines"])


def take_turns(workers: dict[str, Worker], budget: float) -> dict[str, list[float]]:
    """Seconds of each candidate's steps, over rounds in which each takes a few."""
    samples = {name: [] for name in workers}
    order = list(workers)
    end = time.perf_counter() + budget
    for done in range(MOST_ROUNDS):
        if done >= FEWEST_ROUNDS and time.perf_counter() > end:
            break
        for name in order:
            samples[name] += workers[name].ask(TURN)[1:]
        order.append(order.pop(0))
    return samples


def measure(setting: Setting, names: list[str], budget: float, notes: list[str]) -> list[dict]:
    """Records of one workload, with peak memory and lines of user code. The float step is always there."""
    workers = {}
    try:
        for name in dict.fromkeys([REFERENCE, *names]):
            print(f"  {setting.workload}: {name}", file=sys.stderr, flush=True)
            worker = start(name, setting, notes)
            if worker:
                workers[name] = worker
        if REFERENCE not in workers:
            return []
        samples = take_turns(workers, budget)
        found = records.make_records(
            setting.workload, samples, REFERENCE, batch=setting.batch, autocast=setting.autocast
        )
        for record in found:
            worker = workers[record["candidate"]]
            record["lines"] = worker.lines
            record["peak_memory"] = worker.ask(0)
        return found
    finally:
        for worker in workers.values():
            worker.connection.close()
            worker.process.join(10)
            if worker.process.is_alive():
                worker.process.kill()
