#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Makes what the tests of frontend/python run in: build/python with PyTorch, JAX and transformers (5 GB, about 2 minutes),
# and build/python-numpy, which has NumPy alone. Where they cannot be fetched, those tests are skipped and counted.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup-python: %s\n' "$*"; }

# make_venv FOLDER FILE...: a virtual environment with the requirements of the files. FOLDER.ready, which holds a
# digest of the files, says that it is whole.
make_venv() {
  local folder=$1
  shift
  local digest files=()
  digest=$(cat "$@" | sha256sum | cut -d' ' -f1)
  if [ "$(cat "$folder.ready" 2>/dev/null)" = "$digest" ]; then return 0; fi
  # Tried once only, as with ptxas: a machine without a network must not wait for it at every command.
  if [ "$(cat "$folder.failed" 2>/dev/null)" = "$digest" ]; then
    say "no $folder (it could not be fetched; remove $folder.failed to try again)" >&2
    return 1
  fi
  say "fetching what the tests of the Python frontend need into $folder"
  rm -rf "$folder" "$folder.ready"
  mkdir -p "$(dirname "$folder")"
  local file
  for file in "$@"; do files+=(-r "$file"); done
  if /usr/bin/python3 -m venv "$folder" &&
    "$folder/bin/pip" install --quiet --retries 1 --disable-pip-version-check "${files[@]}"; then
    echo "$digest" >"$folder.ready"
  else
    echo "$digest" >"$folder.failed"
    say "no $folder: the tests that need it are skipped" >&2
    return 1
  fi
}

one=scripts/python-requirements.txt
status=0
make_venv build/python-numpy "$one" || status=1
make_venv build/python "$one" scripts/python-requirements-torch.txt || status=1
exit $status
