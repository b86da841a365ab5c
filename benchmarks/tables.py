"""Results as tables that read well in a terminal and are Markdown as well."""

from collections.abc import Callable


def time_text(seconds: float) -> str:
    """Three digits and a unit: '1.23 ms'."""
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}" if seconds < 1000 * size else f"{seconds / size:.0f} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def bytes_text(count: float) -> str:
    """Megabytes, with two digits below ten: '-' where nothing was counted."""
    if count is None:
        return "-"
    megabytes = count / 2**20
    return f"{megabytes:.0f} MB" if abs(megabytes) >= 10 else f"{megabytes:.1f} MB"


def ratio_text(ratio: float) -> str:
    return f"{ratio:.2f}x" if ratio < 10 else f"{ratio:.1f}x" if ratio < 100 else f"{ratio:.0f}x"


def time_or_ratio(record: dict) -> str:
    """The reference's time, and how many times that the others take."""
    return time_text(record["seconds"]) if record["candidate"] == record["reference"] else ratio_text(record["ratio"])


def grid(header: list[str], rows: list[list[str]]) -> str:
    """A Markdown table, its columns aligned: the first to the left, the others to the right."""
    widths = [max(len(row[i]) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: list[str]) -> str:
        aligned = [
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(aligned) + " |"

    rule = "|:" + "-" * (widths[0] + 1) + "|" + "|".join("-" * (w + 1) + ":" for w in widths[1:]) + "|"
    return "\n".join([line(header), rule, *map(line, rows)])


def by_candidate(records: list[dict], cell: Callable[[dict], str] = time_or_ratio) -> str:
    """A row per workload, a column per candidate; '-' where a candidate does not have the workload."""
    candidates = list(dict.fromkeys(record["candidate"] for record in records))
    workloads = list(dict.fromkeys(record["workload"] for record in records))
    found = {(record["workload"], record["candidate"]): cell(record) for record in records}
    rows = [[workload, *(found.get((workload, name), "-") for name in candidates)] for workload in workloads]
    return grid(["workload", *candidates], rows)


def by_record(records: list[dict], columns: dict[str, Callable[[dict], str]]) -> str:
    """A row per record, for records with more to say than a time: ``columns`` maps a title to its text."""
    rows = [[column(record) for column in columns.values()] for record in records]
    return grid(list(columns), rows)


STEP_COLUMNS = {
    "workload": lambda record: record["workload"],
    "candidate": lambda record: record["candidate"],
    "step": lambda record: time_text(record["seconds"]),
    "ratio": lambda record: ratio_text(record["ratio"]),
    "peak memory": lambda record: bytes_text(record["peak_memory"]),
    "more lines": lambda record: str(record["lines"]),
}
RUN_COLUMNS = {
    "run": lambda record: record["workload"],
    "candidate": lambda record: record["candidate"],
    "training": lambda record: time_text(record["seconds"]),
    "ratio": lambda record: ratio_text(record["ratio"]),
    "accuracy": lambda record: f"{100 * record['accuracy']:.2f} %",
    "bytes": lambda record: f"{record['bytes_on_disk']:,}",
}
UPKEEP_COLUMNS = {
    "masks at 90 %, per step": lambda record: record["workload"],
    "what": lambda record: record["candidate"],
    "time": lambda record: time_text(record["seconds"]),
    "share of the float step": lambda record: f"{100 * record['ratio']:.2f} %",
}
