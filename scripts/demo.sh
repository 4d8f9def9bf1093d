#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# The README's kernel on real tensors: compile it, look at what the compiler decided, run it, check it; then a long one.
#   scripts/demo.sh [TOOLS [TOKENS]]      TOOLS: folder of attn-compile and attn-run; TOKENS: length of the long run
set -euo pipefail
cd "$(dirname "$0")/.."
tools=${1:-build/dev/bin}
tokens=${2:-8192}
out=build/demo
data=examples/data
mkdir -p "$out"

heading() { printf '\n\033[1m%s\033[0m\n' "$*"; }
show() { printf '$ %s\n' "$*"; "$@"; }
if ! [ -t 1 ]; then heading() { printf '\n%s\n' "$*"; }; fi

heading "1. The kernel: ALiBi in a causal sliding window, examples/alibi-window.mlir"
sed -n '/^attn.kernel/,/^}/p' examples/alibi-window.mlir

heading "2. What the compiler makes of it, here for sm_80 GPUs, 1024 tokens and a window of 256"
show "$tools/attn-compile" examples/alibi-window.mlir --target=sm_80 --explain \
  --size q=1024 --size k=1024 --scalar w=256 --picture "$out/mask.svg"
echo "(the same mask as a drawing: $out/mask.svg)"
show "$tools/attn-compile" examples/alibi-window.mlir --target=host,sm_80 -o "$out/alibi-window.attn"
echo "$(stat -c %s "$out/alibi-window.attn") bytes: machine code for three levels of x86-64, and PTX"

heading "3. On real tensors: a text encoder's first layer reading $data/page.txt (12 heads of 32, 433 tokens)"
echo "The encoder's heads have 32 numbers, so the types say 32 in place of 128:"
printf '$ %s\n' "scripts/variant.py examples/alibi-window.mlir --size 32 > $out/alibi-window-32.mlir"
python3 scripts/variant.py examples/alibi-window.mlir --size 32 >"$out/alibi-window-32.mlir"
show "$tools/attn-run" "$out/alibi-window-32.mlir" --device=host --check \
  q=$data/q.bf16.npy k=$data/k.bf16.npy v=$data/v.bf16.npy slope=$data/slope.npy w=64 -o "$out/o.bf16.npy"

heading "4. A long one: $tokens tokens, 12 heads of 128, on every core"
show "$tools/attn-run" "$out/alibi-window.attn" --program examples/alibi-window.mlir --device=host --bench \
  --warmup=1 --iterations=3 --random --heads=12 --tokens="$tokens" w=1024
