#!/usr/bin/env bash
# Makes this checkout ready to run: Debian packages, Python packages, the build, `import compress_ext` and the
# `compress-ext` command in the environment used. Idempotent: a second call only rebuilds what changed.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh

case "${1:-}" in
  "") ;;
  -h | --help)
    sed -n '2,3s/^# //p' "$0"
    echo "Uses an active environment (venv, conda) that has torch >= 2.11, else makes .venv. Other CMake options:"
    echo "CMAKE_ARGS='-DCOMPRESS_CUDA_ARCHITECTURES=100' scripts/setup.sh"
    exit ;;
  *) stop "unknown argument '$1' (see --help)" ;;
esac

build_dir=build/release

# CMake is asked again only where its answer could differ; ninja asks it itself when a CMakeLists.txt changed.
configure() {
  local settings
  settings=$(printf '%s\n' "$python" "$(torch_version "$python")" "${CMAKE_ARGS:-}" && cat CMakePresets.json)
  [ -f $build_dir/build.ninja ] && [ "$settings" = "$(cat $build_dir/settings.txt 2>/dev/null)" ] && return
  step "configuring"
  mkdir -p $build_dir
  # What was found for another Python or torch must not be remembered.
  [ "$(head -n 2 $build_dir/settings.txt 2>/dev/null)" = "$(head -n 2 <<<"$settings")" ] || rm -f $build_dir/CMakeCache.txt
  # CMAKE_ARGS is a list of words.
  # shellcheck disable=SC2086
  cmake --preset release -DPython3_EXECUTABLE="$python" ${CMAKE_ARGS:-} >build/configure.log 2>&1 \
    || { cat build/configure.log >&2; stop "CMake could not configure; see above"; }
  sed -n '/^-- compress /,/^-- $/p' build/configure.log >&2
  printf '%s\n' "$settings" >$build_dir/settings.txt
}

# Python finds this checkout through a .pth file; the command lies on the environment's PATH.
link_into_environment() {
  local site_packages scripts pth
  if [ "$(cat $build_dir/linked.txt 2>/dev/null)" = "$python" ]; then return; fi
  { read -r site_packages; read -r scripts; } < <("$python" -c 'import sysconfig
print(sysconfig.get_path("purelib")); print(sysconfig.get_path("scripts"))')
  [ ! -d "$site_packages/compress_ext" ] \
    || stop "this environment has an installed compress_ext, which would hide this checkout: $python -m pip uninstall compress_ext"
  pth=$site_packages/compress_ext_checkout.pth
  printf '%s\n' "$PWD/python" >"$pth" || stop "cannot write $pth; is the environment yours?"
  ln -sfn "$PWD/python/compress_ext/bin/compress-ext" "$scripts/compress-ext" \
    || stop "cannot write $scripts/compress-ext; is the environment yours?"
  printf '%s\n' "$python" >$build_dir/linked.txt
}

mkdir -p build
exec 9>build/setup.lock
flock 9 # two calls at once, such as two jobs on one node, build once
install_packages
choose_python
configure
build_targets all
link_into_environment
