#!/usr/bin/env bash
# Sets up, then runs every test; the last line is the total.
set -euo pipefail
cd "$(dirname "$0")/.."
scripts/setup.sh
report=build/release/tests.xml
status=0
build/release/tests/cpp/compress_tests --gtest_brief=1 --gtest_output=xml:"$report" || status=$?
python3 - "$report" "$status" <<'PY'
import sys, xml.etree.ElementTree as tree
root, status = tree.parse(sys.argv[1]).getroot(), int(sys.argv[2])
total, failed = int(root.get("tests")), int(root.get("failures")) + int(root.get("errors"))
skipped = len(root.findall(".//skipped"))
print(f"{total - failed - skipped} passed, {failed} failed, {skipped} skipped")
sys.exit(status or failed > 0 or total == 0)
PY
