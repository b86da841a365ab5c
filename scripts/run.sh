#!/usr/bin/env bash
# scripts/run.sh train configs/digits.yaml     sets everything up, then runs `compress-ext` with the arguments
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh

scripts/setup.sh

# The digits come from the scikit-learn package; other data sets are the user's own files.
needs_digits() {
  local argument
  for argument in "$@"; do
    [[ $argument == *.y*ml && -f $argument ]] && grep -Eq '^[^#]*\btype: *digits\b' "$argument" && return
  done
  return 1
}
if [ ! -d data/digits ] && needs_digits "$@"; then
  choose_python
  if ! "$python" -c 'import sklearn, safetensors' 2>/dev/null; then
    step "installing scikit-learn and safetensors for the digits"
    grep -E '^(scikit-learn|safetensors)=' requirements.txt >build/requirements-digits.txt
    install_requirements build/requirements-digits.txt
  fi
  step "preparing data/digits"
  "$python" scripts/prepare_digits.py || stop "the digits could not be prepared; see above"
fi

exec python/compress_ext/bin/compress-ext "$@"
