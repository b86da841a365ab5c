# Sourced by the other scripts: Debian packages, the Python to use, messages. Defines functions, runs nothing.

packages=(g++ cmake ninja-build ccache mold git python3-venv python3-dev libgtest-dev libgmock-dev
  nlohmann-json3-dev libyaml-cpp-dev libcxxopts-dev)

step() { printf '== %s\n' "$1" >&2; }
stop() { printf '%s: %s\n' "$(basename "$0")" "$1" >&2; exit 1; }

install_packages() {
  command -v dpkg-query >/dev/null || stop "this is no Debian or Ubuntu: install what these packages hold: ${packages[*]}"
  local installed missing=()
  installed=$(dpkg-query -W -f='${Package} ${db:Status-Status}\n' "${packages[@]}" 2>/dev/null || true)
  for package in "${packages[@]}"; do
    grep -qx "$package installed" <<<"$installed" || missing+=("$package")
  done
  [ ${#missing[@]} -eq 0 ] && return
  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    sudo -n true 2>/dev/null || { [ -t 0 ] && sudo true; } \
      || stop "packages are missing and cannot be installed without root; run: sudo apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  step "installing ${missing[*]}"
  "${as_root[@]}" apt-get update -qq || stop "apt-get update failed; check the network and /etc/apt/sources.list"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" \
    || stop "apt-get failed; see above, then try: sudo apt-get install ${missing[*]}"
}

# Prints the torch version of a Python, where it is 2.11 or newer.
torch_version() {
  "$1" -c 'import importlib.metadata as m, sys
version = m.version("torch")
sys.exit(print(version) if tuple(map(int, version.split(".")[:2])) >= (2, 11) else 1)' 2>/dev/null
}

# Sets $python: that of an active environment with torch >= 2.11 (also a container's python3 that has it), else of
# .venv with the pinned packages.
choose_python() {
  python=$PWD/.venv/bin/python
  if [ -n "${VIRTUAL_ENV:-}${CONDA_PREFIX:-}" ] && torch_version "$(command -v python)" >/dev/null; then
    python=$(command -v python)
  elif [ ! -d .venv ] && torch_version "$(command -v python3)" >/dev/null; then
    python=$(command -v python3)
  elif ! cmp -s requirements.txt .venv/installed.txt; then
    step "installing torch into .venv (about 5 GB, a few minutes)"
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' \
      || stop "python3 must be 3.10 or newer (got $(python3 --version 2>&1)); put a newer one first on PATH"
    python3 -m venv .venv || stop "python3 -m venv failed; install python3-venv"
    install_requirements requirements.txt
    cp requirements.txt .venv/installed.txt
  fi
}

# What tests and lint need on top; once per change of the file.
choose_test_python() {
  choose_python
  local prefix=${python%/bin/*}
  if ! cmp -s requirements-test.txt "$prefix/compress_ext-test.txt"; then
    step "installing what tests and lint need into $prefix"
    install_requirements requirements-test.txt
    cp requirements-test.txt "$prefix/compress_ext-test.txt"
  fi
}

install_requirements() {
  local quiet=--quiet
  [ -t 2 ] && quiet=--progress-bar=on
  "$python" -m pip install --disable-pip-version-check "$quiet" --requirement "$1" >&2 \
    || stop "pip could not install $1; see above (is the network there? is the disk full?), then run this again"
}

# As many compilers at once as cores and memory allow: one takes up to 2 GB.
build_jobs() {
  local cores memory
  cores=$(nproc)
  memory=$(awk '/^MemAvailable/ {print int($2 / 2000000)}' /proc/meminfo)
  [ "$memory" -lt 1 ] && memory=1
  echo $((cores < memory ? cores : memory))
}

# build_targets TARGET...: of the release preset. The build tool's own status line on a terminal; elsewhere a line for
# each file, and nothing where all is new.
build_targets() {
  local command=(cmake --build --preset release --parallel "$(build_jobs)" --target "$@")
  if [ -t 2 ]; then
    "${command[@]}" >&2
  else
    "${command[@]}" | { grep --line-buffered -v '^ninja: no work to do' || true; } >&2
  fi || stop "the build failed; see the first error above"
}
