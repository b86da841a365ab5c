"""Runs the GoogleTest program. A test that crashes or hangs counts as failed, and the tests after it still run.

usage: run_tests.py PROGRAM TOTALS    TOTALS is written: passed, failed and skipped tests as three numbers
"""

import os
import re
import signal
import subprocess
import sys
import threading
from pathlib import Path

EVENT = re.compile(r"\[( RUN      |       OK |  FAILED  |  SKIPPED )\] ([\w/]+\.[\w/]+)")

PATIENCE = 120.0  # seconds without a word from the program; the slowest test takes a few


class Run:
    """What is known so far: the outcome of each test that ended, and the one that is running."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}
        self.running: str | None = None
        self.output: list[str] = []

    def take(self, line: str) -> None:
        event = EVENT.search(line)
        if event is None or (event[1].strip() != "RUN" and event[2] != self.running):
            self.output.append(line)
        elif event[1].strip() == "RUN":
            self.running, self.output = event[2], []
        else:
            self.output.append(line)
            self.end({"OK": "passed", "FAILED": "failed", "SKIPPED": "skipped"}[event[1].strip()])

    def end(self, outcome: str) -> None:
        self.outcomes[self.running] = outcome
        if outcome == "failed":
            print(f"\n[ RUN      ] {self.running}\n" + "".join(self.output), end="", flush=True)
        elif sys.stdout.isatty():
            print(f"\r{len(self.outcomes)} C++ tests", end="", flush=True)
        self.running, self.output = None, []

    def crash(self, how: str) -> None:
        if self.running is None:
            self.running = f"(program) after {len(self.outcomes)} tests"
        self.output.append(f"[  FAILED  ] {self.running} did not end: {how}\n")
        self.end("failed")


def describe(status: int) -> str:
    return f"killed by {signal.Signals(-status).name}" if status < 0 else f"exit status {status}"


def run_program(command: list[str], run: Run) -> str | None:
    """Takes in one run of the program. Returns how it died, or None where it came to its end."""
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # so that processes the tests started can be ended with it
    )
    hung = threading.Event()

    def give_up() -> None:
        hung.set()
        os.killpg(process.pid, signal.SIGKILL)

    def new_timer() -> threading.Timer:
        timer = threading.Timer(PATIENCE, give_up)
        timer.start()
        return timer

    timer = new_timer()
    for line in process.stdout:
        timer.cancel()
        run.take(line)
        timer = new_timer()
    status = process.wait()
    timer.cancel()
    if hung.is_set():
        return f"nothing happened for {PATIENCE:.0f} s"
    ended = run.running is None and (status == 0 or (status == 1 and "failed" in run.outcomes.values()))
    return None if ended else describe(status)


def run_all(program: str) -> dict[str, str]:
    run = Run()
    while True:
        done = ":".join(run.outcomes)
        death = run_program(
            [program, "--gtest_color=no", f"--gtest_filter=*-{done}" if done else "--gtest_filter=*"], run
        )
        if death is None:
            return run.outcomes
        outside_tests = run.running is None
        run.crash(death)
        if outside_tests:
            return run.outcomes


def main() -> None:
    program, totals = sys.argv[1:]
    outcomes = list(run_all(program).values())
    counts = [outcomes.count(outcome) for outcome in ("passed", "failed", "skipped")]
    Path(totals).write_text(" ".join(map(str, counts)) + "\n")
    print("\nC++: {} passed, {} failed, {} skipped".format(*counts))


main()
