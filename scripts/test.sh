#!/usr/bin/env bash
# Sets up, then runs every test; the last line is the total. Exit status 0 only where tests ran and none failed.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh
# OpenMP threads that spin at barriers make a test 15 times slower where the cores are shared with other work.
export OMP_WAIT_POLICY=passive

usage() {
  sed -n '2s/^# //p' "$0"
  cat <<'TEXT'
usage: scripts/test.sh [--full] [cpp] [emulation] [python] [consumer]
  cpp       GoogleTest, tests/cpp
  emulation the CUDA operators without a GPU, tests/cuda_emulation
  python    pytest, tests/python and, on two processes, tests/distributed
  consumer  a CMake project that uses the library, tests/consumer
  --full    the consumer also builds the library as a subdirectory (minutes)
TEXT
}

parts=() full=
for argument in "$@"; do
  case "$argument" in
    cpp | emulation | python | consumer) parts+=("$argument") ;;
    --full) full=--full ;;
    -h | --help) usage && exit ;;
    *) stop "unknown argument '$argument' (see --help)" ;;
  esac
done
[ ${#parts[@]} -gt 0 ] || parts=(cpp emulation python consumer)

scripts/setup.sh
choose_test_python
build_dir=build/release
totals=build/totals
rm -rf $totals && mkdir -p $totals

# Each part leaves "passed failed skipped" in its file; one that leaves nothing counts as one failure.
run_cpp() {
  build_targets compress_tests
  "$python" tests/cpp/run_tests.py $build_dir/tests/cpp/compress_tests $totals/cpp
}

run_emulation() {
  build_targets compress_cuda_emulation_tests
  "$python" tests/cpp/run_tests.py $build_dir/tests/cuda_emulation/compress_cuda_emulation_tests $totals/emulation
}

run_python() {
  "$python" -m pytest tests/python tests/distributed --quiet --continue-on-collection-errors --junitxml=$totals/pytest.xml || true
  "$python" - $totals/pytest.xml $totals/python <<'PY'
import sys
import xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
total, skipped = int(suite.get("tests")), int(suite.get("skipped"))
failed = int(suite.get("failures")) + int(suite.get("errors"))
open(sys.argv[2], "w").write(f"{total - failed - skipped} {failed} {skipped}\n")
PY
}

run_consumer() { tests/consumer/run_tests.sh "$PWD/$build_dir" "$PWD/$totals/consumer" $full; }

passed=0 failed=0 skipped=0
for part in "${parts[@]}"; do
  step "$part tests"
  "run_$part" || printf '%s: the tests did not come to an end\n' "$part"
  read -r p f s 2>/dev/null <"$totals/$part" || { p=0 f=1 s=0; }
  passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
done
printf '%d passed, %d failed, %d skipped\n' $passed $failed $skipped
[ $failed -eq 0 ] && [ $passed -gt 0 ]
