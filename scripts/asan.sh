#!/usr/bin/env bash
# The C++ tests under the address sanitizer, in a build of their own (build/asan, without CUDA; minutes the first time).
# Arguments go to the test program: scripts/asan.sh --gtest_filter='Safetensors*'
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh
# OpenMP threads that spin at barriers make a test 15 times slower where the cores are shared with other work.
export OMP_WAIT_POLICY=passive

case "${1:-}" in
  -h | --help) sed -n '2,3s/^# //p' "$0" && exit ;;
esac

mkdir -p build
install_packages
choose_python
step "configuring build/asan"
cmake --preset asan -DPython3_EXECUTABLE="$python" >build/asan-configure.log 2>&1 \
  || { cat build/asan-configure.log >&2; stop "CMake could not configure; see above"; }
cmake --build --preset asan --parallel "$(build_jobs)" --target compress_tests >&2 \
  || stop "the build failed; see the first error above"
step "C++ tests under the address sanitizer"
# Torch and Python keep memory until the process ends; that is no leak of ours.
ASAN_OPTIONS=detect_leaks=0:strict_string_checks=1:detect_stack_use_after_return=1 \
  build/asan/tests/cpp/compress_tests --gtest_brief=1 "$@" \
  || stop "failed; the report above names the bad access and the test"
