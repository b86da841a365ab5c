"""Tables of results in documentation: what stands between ``<!-- NAME -->`` and ``<!-- end of NAME -->``."""

import pathlib
import re

from benchmarks import tables

KINDS = ("operators", "steps", "runs")


def step_table(records: list[dict]) -> str:
    return tables.by_record(records, tables.STEP_COLUMNS)


def run_table(records: list[dict]) -> str:
    runs = [record for record in records if "accuracy" in record]
    upkeep = [record for record in records if "accuracy" not in record]
    return "\n\n".join(
        tables.by_record(part, columns)
        for part, columns in ((runs, tables.RUN_COLUMNS), (upkeep, tables.UPKEEP_COLUMNS))
        if part
    )


TABLES = {"operators": tables.by_candidate, "steps": step_table, "runs": run_table}


def described(result: dict) -> str:
    """A table under the device, versions and commit that it was measured with."""
    versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
    made = f"{result['device']}, {result['threads']} threads, {result['cpu_capability']}; {versions}; "
    made += f"commit {result['commit']}, {result['date'][:10]}."
    notes = "".join(f"\n- {note}" for note in result["notes"])
    return f"{made}\n\n{TABLES[result['kind']](result['records'])}\n" + (f"{notes}\n" if notes else "")


def update(page: pathlib.Path, results: list[dict]) -> None:
    """Writes each kind's tables into the page; a kind without results keeps what stands there."""
    text = page.read_text()
    for kind in KINDS:
        found = [described(result) for result in results if result["kind"] == kind]
        block = re.compile(rf"(<!-- {kind} -->\n).*?(<!-- end of {kind} -->)", re.DOTALL)
        if not block.search(text):
            raise SystemExit(f"{page} has no '<!-- {kind} -->' block")
        if found:
            filling = "\n" + "\n".join(found) + "\n"
            text = block.sub(lambda match, filling=filling: match[1] + filling + match[2], text)
    page.write_text(text)
