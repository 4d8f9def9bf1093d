#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Installs what a build needs and this machine lacks. Done in well under a second when nothing is missing.
#   scripts/setup.sh           everything: compiler, runtime, tests
#   scripts/setup.sh --print   what is missing, without installing it
set -euo pipefail
cd "$(dirname "$0")/.."

# The compiler's side needs LLVM/MLIR 22; what the runtime alone needs is the last three lines.
packages=(
  clang-22 lld-22 llvm-22 llvm-22-dev llvm-22-tools libmlir-22-dev mlir-22-tools
  clang-format-22 libclang-rt-22-dev
  libcli11-dev libbenchmark-dev libopenblas-dev
  g++ cmake ninja-build ccache git make
  libdlpack-dev libgtest-dev
  python3 python3-venv
)

# ptxas checks every kernel that CI emits. A CUDA toolkit has it; so does this wheel (38 MB).
ptxas_wheel="nvidia-cuda-nvcc==13.0.88"
ptxas_venv="build/tools"

say() { printf 'setup: %s\n' "$*"; }

missing_packages() {
  # Not `installed` in dpkg's own words: never installed, or removed but still configured.
  local have
  have=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "${packages[@]}" 2>/dev/null || true)
  local name
  for name in "${packages[@]}"; do
    grep -qx "installed $name" <<<"$have" || echo "$name"
  done
}

install_packages() {
  local missing=("$@") as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
      say "as root, run: apt-get install -y ${missing[*]}" >&2
      exit 1
    }
    as_root=(sudo)
  fi
  say "installing ${#missing[@]} packages: ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  "${as_root[@]}" apt-get update -qq || say "the package lists could not be renewed; trying the old ones" >&2
  if ! "${as_root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; then
    say "apt could not install: ${missing[*]}" >&2
    say "without a network, install them from a mirror (Debian 12 carries them all), then run this again" >&2
    say "the runtime alone needs only g++ cmake ninja-build libdlpack-dev libgtest-dev:" >&2
    say "  cmake --workflow --preset runtime" >&2
    exit 1
  fi
}

find_ptxas() {
  local candidate
  for candidate in "$(command -v ptxas || true)" "${CUDA_HOME:-/usr/local/cuda}/bin/ptxas" \
    /usr/local/cuda/bin/ptxas "$ptxas_venv/bin/ptxas"; do
    if [ -n "$candidate" ] && [ -x "$candidate" ]; then
      echo "$candidate"
      return 0
    fi
  done
  return 1
}

install_ptxas() {
  # Tried once only: a machine without a network must not wait for it at every command.
  if [ -e "$ptxas_venv/ptxas-failed" ]; then
    say "no ptxas (it could not be fetched; remove $ptxas_venv to try again)" >&2
    return 0
  fi
  say "ptxas is not installed: fetching $ptxas_wheel into $ptxas_venv"
  if /usr/bin/python3 -m venv "$ptxas_venv" &&
    "$ptxas_venv/bin/pip" install --quiet --no-deps --retries 1 --disable-pip-version-check "$ptxas_wheel"; then
    ln -sf "$(cd "$ptxas_venv" && ls "$PWD"/lib/python3*/site-packages/nvidia/*/bin/ptxas | head -1)" \
      "$ptxas_venv/bin/ptxas"
    "$ptxas_venv/bin/ptxas" --version | grep release
  else
    mkdir -p "$ptxas_venv" && touch "$ptxas_venv/ptxas-failed"
    say "no ptxas: PTX is still emitted, but cubins are not, and the tests that need it are skipped" >&2
  fi
}

if ! command -v dpkg-query >/dev/null; then
  say "this is not a Debian system: install LLVM/MLIR 22, CMake, Ninja, GoogleTest, DLPack and CLI11 yourself" >&2
  exit 0
fi
mapfile -t missing < <(missing_packages)
if [ "${1:-}" = --print ]; then
  [ ${#missing[@]} = 0 ] || printf '%s\n' "${missing[@]}"
  find_ptxas >/dev/null || echo ptxas
  exit 0
fi
[ ${#missing[@]} = 0 ] || install_packages "${missing[@]}"
find_ptxas >/dev/null || install_ptxas
