#!/usr/bin/env bash
# Builds, then runs what only a GPU can show: CUDA tests, C++ tests, a short run of the command, the benchmarks.
# Needs no network where setup.sh needs none. Without a GPU it ends after the build, with status 0.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh
export OMP_WAIT_POLICY=passive

usage() {
  sed -n '2,3s/^# //p' "$0"
  cat <<'TEXT'
usage: scripts/gpu_check.sh [--no-build] [--sanitizer]
  --no-build   tests the build that is here, such as one copied from a machine with compilers
  --sanitizer  also runs the CUDA tests under compute-sanitizer (memcheck, racecheck; minutes)
Output: benchmarks/results/<device>/gpu_check*.txt and benchmarks/results/<device>_*.json. Exit status 0 only where
tests ran and none failed or was skipped.
TEXT
}

build=1 sanitizer=
for argument in "$@"; do
  case "$argument" in
    --no-build) build= ;;
    --sanitizer) sanitizer=1 ;;
    -h | --help) usage && exit ;;
    *) stop "unknown argument '$argument' (see --help)" ;;
  esac
done

if [ -n "$build" ]; then
  scripts/setup.sh
  build_targets compress_tests
fi
choose_python
if ! device=$("$python" -c 'import sys, torch
sys.exit(print(torch.cuda.get_device_name(0)) if torch.cuda.is_available() else 1)' 2>/dev/null); then
  echo "no GPU that torch can use is here: nothing more to check"
  exit 0
fi
"$python" -c 'import pytest' 2>/dev/null || choose_test_python

# A copied build looks for torch where the other machine had it.
export PYTHONPATH=$PWD/python${PYTHONPATH:+:$PYTHONPATH}
LD_LIBRARY_PATH=$("$python" -c 'import glob, importlib.util as u, os
torch = os.path.dirname(u.find_spec("torch").origin)
print(":".join([torch + "/lib", *glob.glob(torch + "/../nvidia/*/lib")]))')${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}
export LD_LIBRARY_PATH=$PWD/python/compress_ext/lib:$LD_LIBRARY_PATH

results=benchmarks/results/$(tr -cs '[:alnum:]\n' - <<<"${device,,}" | sed 's/-$//')
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
mkdir -p "$results"
rm -f "$results"/gpu_check*.txt

describe() {
  date -u +%Y-%m-%dT%H:%M:%SZ
  nvidia-smi --query-gpu=name,driver_version,compute_cap,memory.total --format=csv,noheader 2>/dev/null || echo "$device"
  "$python" -c 'import torch; print("torch", torch.__version__, "CUDA", torch.version.cuda)'
  echo "commit $(git rev-parse HEAD 2>/dev/null || echo unknown)"
}

# Each part prints its output and leaves "passed failed skipped"; one that leaves nothing counts as one failure.

# pytest_cuda TESTS PYTHON...: PYTHON may be a tool that runs it; what the tool alone complains of is a failure too.
pytest_cuda() {
  local status=0 tests=$1
  shift
  "$@" -m pytest tests/python/ops tests/python/test_models.py -k "$tests" -q --tb=short -p no:cacheprovider \
    --junitxml="$scratch/pytest.xml" || status=$?
  "$python" - "$scratch/pytest.xml" "$scratch/totals" $status <<'PY'
import sys
import xml.etree.ElementTree as tree
suite = tree.parse(sys.argv[1]).getroot().find("testsuite")
total, skipped = int(suite.get("tests")), int(suite.get("skipped"))
failed = int(suite.get("failures")) + int(suite.get("errors"))
passed = total - failed - skipped
open(sys.argv[2], "w").write(f"{passed} {failed or int(sys.argv[3] != '0')} {skipped}\n")
PY
}

run_python() { pytest_cuda cuda "$python"; }

run_cpp() { "$python" tests/cpp/run_tests.py build/release/tests/cpp/compress_tests "$scratch/totals"; }

# Teacher, baseline and student (pruned, quantized, distilled), each for a few steps, in a folder of its own.
run_command() {
  python/compress_ext/bin/compress-ext train configs/digits.yaml --set device=cuda --set training.duration=40 \
    --set "output=$scratch/runs" --set "compression.2.distill.teacher.checkpoint=$scratch/teacher" \
    && echo "1 0 0" >"$scratch/totals"
}

# Beside the peers that are installed (requirements-bench.txt); the others are named and left out.
run_benchmarks() {
  local run=("$python" benchmarks/run.py) networks=resnet20,transformer,resnet50,mobilenet_v2
  "${run[@]}" operators --device cuda --keep --large --dtypes float32,bfloat16 --seconds 0.3 \
    && "${run[@]}" steps --device cuda --keep --workloads "$networks" --autocast bfloat16 --seconds 20 \
    && "${run[@]}" runs --device cuda --keep --seconds 5 \
    && echo "1 0 0" >"$scratch/totals"
}

# torch's cache of device memory would hide what lies beyond a tensor; graphs cannot be captured without it.
sanitize() {
  PYTORCH_NO_CUDA_MEMORY_CACHING=1 pytest_cuda "cuda and not graph" \
    compute-sanitizer --tool "$1" --error-exitcode 9 "$python"
}
run_memcheck() { sanitize memcheck; }
run_racecheck() { sanitize racecheck; }

parts=(python cpp)
if [ -f data/digits/digits.safetensors ]; then parts+=(command); fi
parts+=(benchmarks)
if [ -n "$sanitizer" ]; then
  command -v compute-sanitizer >/dev/null || stop "compute-sanitizer is not on PATH (it comes with the CUDA toolkit)"
  parts+=(memcheck racecheck)
fi

describe | tee "$results/gpu_check.txt"
all_passed=0 bad=0
for part in "${parts[@]}"; do
  step "$part"
  rm -f "$scratch/totals"
  "run_$part" 2>&1 | tee "$results/gpu_check_$part.txt" || true # judged by its totals
  read -r passed failed skipped 2>/dev/null <"$scratch/totals" || { passed=0 failed=1 skipped=0; }
  all_passed=$((all_passed + passed)) bad=$((bad + failed))
  # The C++ tests skip what this machine is not for; a CUDA test that skips has tested nothing.
  [ "$part" = cpp ] || bad=$((bad + skipped))
  printf '%-10s %d passed, %d failed, %d skipped\n' "$part" "$passed" "$failed" "$skipped" \
    | tee -a "$results/gpu_check.txt"
done
echo "output: $results/gpu_check*.txt"
[ "$bad" -eq 0 ] && [ "$all_passed" -gt 0 ]
