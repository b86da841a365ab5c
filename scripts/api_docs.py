#!/usr/bin/env python3
"""Writes what is generated from the Python package: docs/api.md from its docstrings, and compress_ext/_C.pyi, the type
stubs of the compiled module, from its signatures.

    .venv/bin/python scripts/api_docs.py            # writes both
    .venv/bin/python scripts/api_docs.py --check    # exit status 1, and their names, where they are older than the code
"""

import argparse
import importlib
import inspect
import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STUBS = ROOT / "python/compress_ext/_C.pyi"
PAGE = ROOT / "docs/api.md"
#: In the order of the page; the package itself comes first.
MODULES = ["nn", "quant", "prune", "distill", "recipe", "ops", "models", "data", "train"]


def signature(value: object) -> str:
    """``(x, scale, *, mask=None)``; pybind11 writes its own as the docstring's first line."""
    first_line = (inspect.getdoc(value) or "").split("\n")[0]
    if "(" in first_line and "->" in first_line:
        written = first_line[first_line.index("(") :].replace("compress_ext._C.", "").replace("typing.Supports", "")
        return re.sub(r"\(self: \w+(, )?", "(", written)
    try:
        # Without types: the docstring says them in words, the stubs and the source say them in full.
        parameters = inspect.signature(value).parameters.values()
    except (TypeError, ValueError):
        return ""
    plain = [
        parameter.replace(annotation=inspect.Parameter.empty) for parameter in parameters if parameter.name != "self"
    ]
    return re.sub(r"<function (\w+) at [^>]*>", r"\1", str(inspect.Signature(plain)))


def unmarked(doc: str) -> str:
    """A docstring without pybind11's signature and the roles of reStructuredText."""
    doc = re.sub(r"^\w*\(.*\) -> .*\n+", "", doc)  # pybind11's signature
    doc = re.sub(r":\w+:`~?([^`]*)`", r"`\1`", doc)
    return doc.replace("``", "`").replace("::\n", ":\n").strip()


def markdown(doc: str) -> str:
    return listed(unmarked(doc)).strip()


def listed(doc: str) -> str:
    """Lines that explain one argument, ``x: ...`` or ``x   ...``, with those indented below them, as a list."""
    lines: list[str] = []
    in_item = False
    for line in doc.split("\n"):
        item = re.match(r"(\w[\w.*]*(?:, [\w.*]+)*): (\S.*)$", line) or re.match(r"(\S+(?: \S+)*) {2,}(\S.*)$", line)
        if item and not line.startswith(" "):
            lines.append(f"- **{item.group(1)}**: {item.group(2)}")
            in_item = True
        elif in_item and line.startswith("  "):
            lines[-1] += " " + line.strip()
        else:
            if in_item and line:
                lines.append("")
            in_item = False
            lines.append(line)
    return "\n".join(lines)


def members(value: type) -> list[str]:
    """Public methods and properties that the class itself documents."""
    lines = []
    for name, member in vars(value).items():
        member = member.__func__ if isinstance(member, staticmethod) else member
        documented = inspect.getdoc(member) if callable(member) or isinstance(member, property) else None
        if name.startswith("_") or not documented or isinstance(member, type):
            continue
        call = "" if isinstance(member, property) else signature(member)
        lines.append(f"- `{name}{call}`: {' '.join(unmarked(documented).split())}")
    return lines


def entry(name: str, value: object) -> list[str]:
    heading = [f"### `{name}{signature(value) if callable(value) else ''}`", ""]
    text = [markdown(inspect.getdoc(value) or ""), ""]
    own = members(value) if isinstance(value, type) else []
    return heading + text + (own + [""] if own else [])


def page() -> str:
    package = importlib.import_module("compress_ext")
    lines = ["# Python API", "", "Written by `scripts/api_docs.py` from the docstrings.", ""]
    shown: set[int] = set()
    for title, module in [("compress_ext", package)] + [
        (f"compress_ext.{name}", importlib.import_module(f"compress_ext.{name}")) for name in MODULES
    ]:
        lines += [f"## `{title}`", "", markdown(inspect.getdoc(module) or ""), ""]
        for name in sorted(module.__all__):
            value = getattr(module, name)
            if inspect.ismodule(value) or name.startswith("__") or id(value) in shown:
                continue
            shown.add(id(value))
            lines += entry(name, value)
    return "\n".join(line.rstrip() for line in "\n".join(lines).split("\n")) + "\n"


def stubs() -> str:
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [sys.executable, "-m", "pybind11_stubgen", "compress_ext._C", "-o", folder, "--ignore-all-errors"],
            check=True,
            capture_output=True,
        )
        text = (Path(folder) / "compress_ext/_C.pyi").read_text()
    return "\n".join(line.rstrip() for line in text.split("\n"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; tell what is older than the code")
    check = parser.parse_args().check
    old = []
    for path, text in ((PAGE, page()), (STUBS, stubs())):
        if path.exists() and path.read_text() == text:
            continue
        old.append(str(path.relative_to(ROOT)))
        if not check:
            path.write_text(text)
    print(("older than the code: " if check else "written: ") + (", ".join(old) or "nothing"))
    return 1 if check and old else 0


if __name__ == "__main__":
    sys.exit(main())
