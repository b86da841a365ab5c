#!/usr/bin/env bash
# Format and style: clang-format 14, ruff, shell syntax. `scripts/lint.sh --fix` formats instead of complaining.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh

fix=
case "${1:-}" in
  "") ;;
  --fix) fix=yes ;;
  -h | --help) sed -n '2s/^# //p' "$0" && exit ;;
  *) stop "unknown argument '$1' (see --help)" ;;
esac

install_packages
choose_test_python
tools=$(dirname "$python")
mapfile -t cpp < <(git ls-files --cached --others --exclude-standard '*.h' '*.cpp' '*.cu' '*.cuh')
mapfile -t shell < <(git ls-files --cached --others --exclude-standard '*.sh' .ci/run)

failed=()
check() { # check NAME COMMAND
  local name=$1
  shift
  step "$name"
  "$@" || failed+=("$name")
}

shell_syntax() {
  local file status=0
  for file in "${shell[@]}"; do
    bash -n "$file" || status=1
  done
  return $status
}

if [ -n "$fix" ]; then
  check clang-format "$tools/clang-format" -i "${cpp[@]}"
  check "ruff check" "$tools/ruff" check --quiet --fix .
  check "ruff format" "$tools/ruff" format --quiet .
else
  check clang-format "$tools/clang-format" --dry-run -Werror "${cpp[@]}"
  check "ruff check" "$tools/ruff" check --quiet .
  check "ruff format" "$tools/ruff" format --quiet --check .
fi
check "shell syntax" shell_syntax
[ ${#failed[@]} -eq 0 ] || stop "not clean: ${failed[*]}; scripts/lint.sh --fix formats"
step "lint: clean"
