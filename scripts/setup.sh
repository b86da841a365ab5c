#!/usr/bin/env bash
# Makes this checkout ready to run: Debian packages, .venv with torch, the build. Idempotent; a second call only
# rebuilds what changed. Sourced state goes to the caller through .venv and build/release.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(g++ cmake ninja-build ccache mold git python3-venv libgtest-dev libgmock-dev nlohmann-json3-dev
  libyaml-cpp-dev libcxxopts-dev)

step() { printf '== %s\n' "$1" >&2; }
stop() { printf 'setup: %s\n' "$1" >&2; exit 1; }

install_packages() {
  local missing=()
  for package in "${packages[@]}"; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || stop "these packages are missing; run: sudo apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  step "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq || stop "apt-get update failed; check the package sources"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    || stop "apt-get could not install: ${missing[*]}"
}

has_torch() {
  "$1" -c 'import importlib.metadata as m, sys
v = m.version("torch").split(".")
sys.exit((int(v[0]), int(v[1])) < (2, 11))' 2>/dev/null
}

# An active environment that has torch >= 2.11 is used; else .venv with the pinned packages.
choose_python() {
  if [ -n "${VIRTUAL_ENV:-}${CONDA_PREFIX:-}" ] && has_torch "$(command -v python)"; then
    command -v python
    return
  fi
  if ! cmp -s requirements.txt .venv/installed.txt; then
    step "installing torch into .venv (about 5 GB, a few minutes)"
    python3 -m venv .venv || stop "python3 -m venv failed; install python3-venv"
    .venv/bin/pip install --quiet --requirement requirements.txt >&2 || stop "pip could not install requirements.txt"
    cp requirements.txt .venv/installed.txt
  fi
  printf '%s\n' "$PWD/.venv/bin/python"
}

build() {
  cmake --preset release -DPython3_EXECUTABLE="$1" >build/configure.log 2>&1 \
    || { cat build/configure.log >&2; stop "CMake could not configure; see above"; }
  cmake --build --preset release >&2 || stop "the build failed; see the first error above"
}

mkdir -p build
install_packages
build "$(choose_python)"
