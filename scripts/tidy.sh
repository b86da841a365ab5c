#!/usr/bin/env bash
# clang-tidy with the checks of .clang-tidy: over the given sources, or over all of csrc/ (tens of minutes on 2 cores).
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh

case "${1:-}" in
  -h | --help) sed -n '2s/^# //p' "$0" && exit ;;
esac

command -v clang-tidy >/dev/null || stop "clang-tidy is missing: apt-get install clang-tidy clang"
mkdir -p build
install_packages
choose_python
# clang-tidy reads GCC's commands too; clang's own leave fewer flags it does not know.
compiler=$(command -v clang++ || command -v g++)
cmake --preset tidy -DPython3_EXECUTABLE="$python" -DCMAKE_CXX_COMPILER="$compiler" >build/tidy-configure.log 2>&1 \
  || { cat build/tidy-configure.log >&2; stop "CMake could not configure; see above"; }

if [ $# -gt 0 ]; then
  sources=("$@")
else
  mapfile -t sources < <("$python" -c 'import json
for entry in json.load(open("build/tidy/compile_commands.json")):
    print(entry["file"])' | grep "^$PWD/csrc/.*\.cpp$")
fi
step "clang-tidy over ${#sources[@]} files"
printf '%s\0' "${sources[@]}" | xargs -0 -n 1 -P "$(build_jobs)" clang-tidy --quiet -p build/tidy \
  2> >(grep -v ' warnings\? generated\.$' >&2) || stop "clang-tidy found something; see above"
step "tidy: clean"
