#!/usr/bin/env python3
"""Runs configs/digits.yaml with several seeds and writes the table of docs/results/digits.md and the README.

    scripts/digits_table.py                  # 5 seeds, about two minutes
    scripts/digits_table.py --seeds 3 --check    # only compares with what issue and README promise

Every number comes from the runs' report.json; the teacher of each seed is trained for that seed.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
COMMAND = ROOT / "python" / "compress_ext" / "bin" / "compress-ext"
TABLE = re.compile(r"(<!-- digits table -->\n).*?(<!-- end of digits table -->)", re.DOTALL)
NAMES = {
    "teacher": "teacher, float32",
    "float": "student, float32, trained plain",
    "compressed": "student, distilled + 90 % pruned + int8",
}


def run_seed(seed: int, folder: pathlib.Path) -> dict:
    """The report of one whole job, with its wall-clock time."""
    output = folder / f"seed{seed}"
    command = [COMMAND, "train", "configs/digits.yaml"]
    for override in (
        f"seed={seed}",
        f"output={output}",
        f"compression.distill.teacher.checkpoint={output}/teacher",
    ):
        command += ["--set", override]
    begin = time.perf_counter()
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if result.returncode != 0:
        sys.exit(f"seed {seed} failed:\n{result.stderr}")
    report = json.loads((output / "digits" / "report.json").read_text())
    report["seconds"] = time.perf_counter() - begin
    return report


def mean(values) -> float:
    values = list(values)
    return sum(values) / len(values)


def table(reports: list[dict]) -> str:
    lines = [
        "| model | test accuracy, mean (each seed) | parameters | non-zero | file, bytes | smaller than teacher |",
        "|:--|--:|--:|--:|--:|--:|",
    ]
    teacher_bytes = max(report["teacher"]["bytes_on_disk"] for report in reports)
    for key, name in NAMES.items():
        accuracies = [100 * report[key]["accuracy"] for report in reports]
        each = ", ".join(f"{accuracy:.2f}" for accuracy in accuracies)
        size = max(report[key]["bytes_on_disk"] for report in reports)
        nonzero = max(report[key]["nonzero_parameters"] for report in reports)
        lines.append(
            f"| {name} | **{mean(accuracies):.2f} %** ({each}) | {reports[0][key]['parameters']:,} | {nonzero:,} "
            f"| {size:,} | {teacher_bytes / size:.1f}x |"
        )
    seconds = mean(report["seconds"] for report in reports)
    latency = {key: mean(report[key]["latency_ms"] for report in reports) for key in NAMES}
    lines.append("")
    lines.append(
        f"Mean of {len(reports)} seeds, {seconds:.0f} s for each whole job (all three networks) on "
        f"{reports[0]['device']}. One image takes {latency['float']:.3f} ms in float, {latency['compressed']:.3f} ms "
        "compressed: no speed-up here, since the packed weights run as dense float32 on a CPU."
    )
    return "\n".join(lines) + "\n"


def broken_promises(reports: list[dict]) -> list[str]:
    """What the project promises of this run and the reports do not keep."""
    accuracy = {key: mean(100 * report[key]["accuracy"] for report in reports) for key in NAMES}
    size = {key: max(report[key]["bytes_on_disk"] for report in reports) for key in NAMES}
    promises = {
        "teacher at least 99.4 %": accuracy["teacher"] >= 99.4,
        "compressed at least 98.9 %": accuracy["compressed"] >= 98.9,
        "compressed within 0.5 points of float": accuracy["float"] - accuracy["compressed"] <= 0.5,
        "file at most 1/9 of the float student's": 9 * size["compressed"] <= size["float"],
        "file at most 1/55 of the teacher's": 55 * size["compressed"] <= size["teacher"],
        "90 % of the weights are zero": all(report["sparsity"] >= 0.8999 for report in reports),
    }
    return [promise for promise, kept in promises.items() if not kept]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, help="number of seeds, from 0 (default: 5)")
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a promise is broken")
    arguments = parser.parse_args()
    reports = []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(arguments.seeds):
            reports.append(run_seed(seed, pathlib.Path(folder)))
            print(f"seed {seed}: {reports[-1]['verdict']}", file=sys.stderr)
    text = table(reports)
    print(text)
    broken = broken_promises(reports)
    if broken:
        sys.exit("broken: " + "; ".join(broken))
    if not arguments.check:
        for path in (ROOT / "README.md", ROOT / "docs" / "results" / "digits.md"):
            content = path.read_text()
            if not TABLE.search(content):
                sys.exit(f"{path} has no '<!-- digits table -->' block")
            path.write_text(TABLE.sub(lambda match: match[1] + text + match[2], content))


if __name__ == "__main__":
    main()
