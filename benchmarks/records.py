"""Results as data: a list of ``{workload, candidate, seconds, ratio}``, and the file that keeps them.

``seconds`` is the median of a candidate's samples, ``ratio`` that over the one of the workload's reference: a copy of
the same data for operators, the float step for steps, the plain run for whole runs. ``fastest`` is the least sample:
where it lies far below the median, the machine was busy with something else.
"""

import json
import pathlib
import statistics


def make_records(workload: str, samples: dict[str, list[float]], reference: str, **more) -> list[dict]:
    """One record per candidate, of its samples; ``more`` goes into each."""
    seconds = {candidate: statistics.median(taken) for candidate, taken in samples.items()}
    return [
        {
            "workload": workload,
            "candidate": candidate,
            "seconds": taken,
            "ratio": taken / seconds[reference],
            "fastest": min(samples[candidate]),
            "reference": reference,
            **more,
        }
        for candidate, taken in seconds.items()
    ]


def write(path: pathlib.Path, head: dict, records: list[dict], notes: list[str], keep_others: bool = False) -> None:
    """Writes a file of results. ``keep_others`` keeps the records that the file has of other workloads, which must then
    come from the same device and the same versions."""
    if keep_others and path.exists():
        old = read(path)
        for key in ("device", "threads", "versions"):
            if old[key] != head[key]:
                raise SystemExit(
                    f"{path} was measured with {key} {old[key]!r}, this is {head[key]!r}: "
                    "leave --keep-others out to replace it, or name another file"
                )
        measured = {record["workload"] for record in records}
        records = [record for record in old["records"] if record["workload"] not in measured] + records
        notes = [note for note in old["notes"] if note not in notes] + notes
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = ",\n".join("    " + json.dumps(record) for record in records)  # one a line, so that changes can be read
    text = json.dumps({**head, "notes": notes}, indent=2)
    path.write_text(f'{text[:-2]},\n  "records": [\n{lines}\n  ]\n}}\n')


def read(path: pathlib.Path) -> dict:
    """A file of results, its records checked."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise SystemExit(f"{path}: not a file of results ({error})") from error
    for record in content.get("records", []):
        missing = {"workload", "candidate", "seconds", "ratio"} - record.keys()
        if missing:
            raise SystemExit(f"{path}: a record lacks {', '.join(sorted(missing))}: {record}")
    if "records" not in content:
        raise SystemExit(f"{path}: not a file of results (it has no 'records')")
    return content
