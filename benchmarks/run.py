#!/usr/bin/env python3
"""Measures compress_ext beside a plain copy, a float step and its peers; prints tables and writes JSON.

    python benchmarks/run.py operators                          # one operator a row, against a copy of the same data
    python benchmarks/run.py operators --operators threshold --sizes 4096
    python benchmarks/run.py steps --workloads resnet20         # training steps, against the float step
    python benchmarks/run.py runs                               # whole runs: time, accuracy, bytes
    python benchmarks/run.py draw                               # picture and tables of the docs, from kept results

Peers are optional: `pip install -r requirements-bench.txt`. One that is missing, or fails, is named and left out.
docs/benchmarks.md explains the numbers.
"""

import argparse
import pathlib
import sys
import warnings

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path[0] = str(ROOT)  # `benchmarks` is a package; its files shadow nobody's modules

RESULTS = ROOT / "benchmarks" / "results"
PAGE, PICTURE = ROOT / "docs" / "benchmarks.md", ROOT / "docs" / "benchmarks.svg"


def listed(allowed, kind=str):
    """A comma-separated argument, each of whose words must be known."""

    def parse(text: str) -> list:
        words = [word.strip() for word in text.split(",") if word.strip()]
        unknown = [word for word in words if allowed and word not in allowed]
        if unknown:
            raise argparse.ArgumentTypeError(f"unknown {', '.join(unknown)} (known: {', '.join(allowed)})")
        try:
            return [kind(word) for word in words]
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse


def add_common(parser: argparse.ArgumentParser, candidates) -> None:
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to measure (default: cpu)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's, one per core)")
    parser.add_argument(
        "--candidates",
        type=listed(candidates),
        default=list(candidates),
        metavar="A,B",
        help=f"only these; the reference is always there (default: {', '.join(candidates)})",
    )
    add_json(parser)


def add_json(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", type=pathlib.Path, metavar="FILE", help="also write the results here")
    parser.add_argument("--keep", action="store_true", help="also write benchmarks/results/<device>_<kind>.json")
    parser.add_argument(
        "--keep-others", action="store_true", help="keep the file's records of workloads that are not measured now"
    )


def add_operators(commands) -> None:
    from benchmarks.candidates import OPERATOR_CANDIDATES
    from benchmarks.operator_workloads import DIRECTIONS, DTYPES, VARIANTS

    parser = commands.add_parser("operators", help="single operators, against a copy of the same data")
    add_common(parser, OPERATOR_CANDIDATES)
    parser.add_argument("--operators", type=listed(VARIANTS), default=list(VARIANTS), metavar="A,B")
    parser.add_argument("--variants", type=listed(()), metavar="A,B", help="such as channel+mask (default: all)")
    directions = DIRECTIONS["fake_quantize"]
    parser.add_argument("--directions", type=listed(directions), default=list(directions), metavar="A,B")
    parser.add_argument(
        "--sizes", type=listed((), int), default=[64, 1024, 4096], metavar="N,N", help="default: 64,1024,4096"
    )
    parser.add_argument("--large", action="store_true", help="8192 as well: about 2 GiB a workload")
    parser.add_argument("--dtypes", type=listed(DTYPES), default=["float32"], metavar="A,B", help="default: float32")
    parser.add_argument(
        "--seconds", type=float, default=2.0, help="about how long the rounds of a workload take (default: 2)"
    )
    parser.add_argument(
        "--fresh-pages",
        action="store_true",
        help="let the C library give large freed tensors back, as it does by itself: the copy and all others then pay "
        "for fresh pages, which hides what they differ in (CPU)",
    )
    parser.set_defaults(run=run_operators)


def run_operators(arguments: argparse.Namespace) -> None:
    from benchmarks import allocator, operators, tables
    from benchmarks.candidates import OPERATOR_CANDIDATES, load_all
    from benchmarks.operator_workloads import workloads

    notes = []
    if arguments.device == "cpu" and not arguments.fresh_pages and not allocator.keep_freed_memory():
        notes.append("the C library cannot keep freed memory: large tensors pay for fresh pages")
    sizes = arguments.sizes + ([8192] if arguments.large and 8192 not in arguments.sizes else [])
    names = list(dict.fromkeys([operators.REFERENCE, *arguments.candidates]))
    available = load_all(OPERATOR_CANDIDATES, names, notes)
    wanted = [
        workload
        for workload in workloads(arguments.operators, sizes, arguments.dtypes)
        if workload.direction in arguments.directions
        and (arguments.variants is None or workload.variant in arguments.variants)
    ]
    found = operators.measure(wanted, available, arguments.device, arguments.seconds, notes)
    print(tables.by_candidate(found))
    finish(arguments, "operators", found, notes)


def add_steps(commands) -> None:
    from benchmarks.candidates import STEP_CANDIDATES
    from benchmarks.models import WORKLOADS

    parser = commands.add_parser("steps", help="training steps, against the float step; each candidate in a process")
    add_common(parser, STEP_CANDIDATES)
    parser.add_argument("--workloads", type=listed(WORKLOADS), default=["resnet20", "transformer"], metavar="A,B")
    parser.add_argument("--batch", type=int, help="default: 64 images of CIFAR, 8 texts; of ImageNet 4, on a GPU 64")
    parser.add_argument("--autocast", choices=("bfloat16", "float16"), help="default: float32 throughout")
    parser.add_argument("--seconds", type=float, default=40.0, help="about how long a workload's rounds take")
    parser.add_argument(
        "--keep-memory",
        action="store_true",
        help="let the C library keep freed memory, in every candidate: no fresh pages for fresh tensors (CPU, glibc)",
    )
    parser.set_defaults(run=run_steps)


def run_steps(arguments: argparse.Namespace) -> None:
    from benchmarks import steps, tables
    from benchmarks.worker import Setting

    found, notes = [], []
    for workload in arguments.workloads:
        setting = Setting(
            workload,
            arguments.device,
            arguments.threads,
            arguments.batch,
            arguments.autocast,
            arguments.keep_memory,
        )
        found += steps.measure(setting, arguments.candidates, arguments.seconds, notes)
    print(tables.by_record(found, tables.STEP_COLUMNS))
    finish(arguments, "steps", found, notes)


def add_runs(commands) -> None:
    from benchmarks.runs import CONFIGS, UPKEEP

    parser = commands.add_parser("runs", help="whole runs of the command; what masks cost in them")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu", help="where to measure (default: cpu)")
    parser.add_argument("--threads", type=int, help="CPU threads (default: torch's, one per core)")
    parser.add_argument("--configs", type=listed(CONFIGS), default=list(CONFIGS), metavar="A,B")
    parser.add_argument("--duration", help="overrides the configs' duration, as 100 steps or 5e")
    parser.add_argument("--upkeep", type=listed(UPKEEP), default=list(UPKEEP), metavar="A,B", help="networks")
    parser.add_argument("--seconds", type=float, default=20.0, help="about how long a network's rounds take")
    add_json(parser)
    parser.set_defaults(run=run_runs)


def run_runs(arguments: argparse.Namespace) -> None:
    from benchmarks import runs, tables

    notes = []
    found = runs.whole_runs(arguments.configs, arguments.device, arguments.duration, notes)
    if found:
        print(tables.by_record(found, tables.RUN_COLUMNS), end="\n\n")
    upkeep = [
        record
        for network in arguments.upkeep
        for record in runs.mask_upkeep(network, arguments.device, arguments.seconds, notes)
    ]
    if upkeep:
        print(tables.by_record(upkeep, tables.UPKEEP_COLUMNS))
    finish(arguments, "runs", found + upkeep, notes)


def add_draw(commands) -> None:
    parser = commands.add_parser(
        "draw",
        help="draws results as bars (needs matplotlib)",
        description="Draws results as bars. Without FILE: those that --keep kept; their tables then go to the docs.",
    )
    parser.add_argument(
        "files", nargs="*", type=pathlib.Path, metavar="FILE", help="default: benchmarks/results/*.json"
    )
    parser.add_argument("--output", type=pathlib.Path, default=PICTURE, help="default: docs/benchmarks.svg")
    parser.set_defaults(run=run_draw)


def run_draw(arguments: argparse.Namespace) -> None:
    from benchmarks import pages, picture, records

    files = arguments.files or sorted(RESULTS.glob("*.json"))
    if not files:
        sys.exit(f"{RESULTS} has no results: `benchmarks/run.py operators --keep` makes some")
    results = [records.read(path) for path in files]
    picture.draw(results, arguments.output)
    print(f"wrote {arguments.output}", file=sys.stderr)
    if not arguments.files:
        pages.update(PAGE, results)
        print(f"wrote {PAGE}", file=sys.stderr)


def finish(arguments: argparse.Namespace, kind: str, found: list[dict], notes: list[str]) -> None:
    """Prints who was left out, and writes the files that were asked for."""
    from benchmarks import environment, records

    notes = list(dict.fromkeys(notes))
    for note in notes:
        print(note)
    device = arguments.device
    paths = [arguments.json] if arguments.json else []
    if arguments.keep:
        paths.append(RESULTS / f"{environment.slug(environment.device_name(device))}_{kind}.json")
    head = {"kind": kind, **environment.describe(device), "arguments": arguments.argv}
    for path in paths:
        records.write(path, head, found, notes, arguments.keep_others)
        print(f"wrote {path}", file=sys.stderr)


def parse(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "benchmarks/run.py", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True)
    add_operators(commands)
    add_steps(commands)
    add_runs(commands)
    add_draw(commands)
    arguments = parser.parse_args(argv)
    arguments.argv = sys.argv[1:] if argv is None else argv
    return arguments


def use_device(arguments: argparse.Namespace) -> None:
    """Sets threads; a GPU that is not there is an error before anything is measured."""
    import torch

    if arguments.threads:
        torch.set_num_threads(arguments.threads)
    if arguments.device == "cuda" and not torch.cuda.is_available():
        sys.exit("benchmarks/run.py: --device cuda, but torch finds no GPU here; leave it out to measure on the CPU")


def main(argv: list[str] | None = None) -> None:
    arguments = parse(argv)
    warnings.simplefilter("ignore")  # the peers' advice to their users would stand between the tables
    if hasattr(arguments, "device"):
        use_device(arguments)
    arguments.run(arguments)


if __name__ == "__main__":
    main()
