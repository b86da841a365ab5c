#!/usr/bin/env bash
# The installed CMake package, and this source tree as a subdirectory, used by a project of its own.
# usage: run_tests.sh BUILD TOTALS [--full]    BUILD = a built build folder; --full builds the subdirectory too (minutes)
set -uo pipefail
here=$(cd "$(dirname "$0")" && pwd)
source_dir=$(cd "$here/../.." && pwd)
build=$1 totals=$2 full=${3:-}
work=$source_dir/build/consumer
passed=0 failed=0
mkdir -p "$work"

run() { # run NAME COMMAND: one test, its output shown where it fails
  local name=$1 log=$work/$1.log
  shift
  if "$@" >"$log" 2>&1; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    printf 'consumer: %s failed\n' "$name"
    tail -n 30 "$log"
  fi
}

configure() { # configure FOLDER ARGUMENTS
  local folder=$1
  shift
  cmake -S "$here" -B "$work/$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release "$@"
}

find_package_works() {
  rm -rf "$work/prefix"
  cmake --install "$build" --prefix "$work/prefix" \
    && configure found -DCMAKE_PREFIX_PATH="$work/prefix" \
    && cmake --build "$work/found" \
    && "$work/found/consumer"
}

another_torch_minor_is_refused() {
  rm -rf "$work/refused" "$work/torch"
  mkdir -p "$work/torch/lib"
  : >"$work/torch/lib/libtorch_cpu.so"
  printf "__version__ = '2.99.0+cpu'\n" >"$work/torch/version.py"
  local answer
  if answer=$(configure refused -DCMAKE_PREFIX_PATH="$work/prefix" -DCOMPRESS_TORCH_DIR="$work/torch" 2>&1); then
    echo "torch 2.99 was accepted"
    return 1
  fi
  echo "$answer"
  # CMake wraps its messages.
  tr -s '\n ' ' ' <<<"$answer" | grep -q 'is torch 2.99.0: set COMPRESS_TORCH_DIR to a torch'
}

subdirectory_works() {
  configure subdirectory -DCONSUMER_SOURCE="$source_dir" -DCOMPRESS_WITH_CUDA=OFF \
    -DPython3_EXECUTABLE="$(sed -n 's/^Python3_EXECUTABLE:[A-Z]*=//p;s/^_Python3_EXECUTABLE:[A-Z]*=//p' "$build/CMakeCache.txt" | head -n 1)" \
    || return
  if [ "$full" = --full ]; then
    cmake --build "$work/subdirectory" --target consumer && "$work/subdirectory/consumer"
  else # the library itself is not built a second time
    cmake --build "$work/subdirectory" --target CMakeFiles/consumer.dir/main.cpp.o
  fi
}

run find_package find_package_works
run torch_minor another_torch_minor_is_refused
run subdirectory subdirectory_works
printf '%d %d 0\n' "$passed" "$failed" >"$totals"
printf 'consumer: %d passed, %d failed, 0 skipped\n' "$passed" "$failed"
