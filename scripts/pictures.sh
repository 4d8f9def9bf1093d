#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Draws the pictures of docs/masks.md again, in tiles of 64 x 64 tokens; the planner chooses where they are boxes.
#   scripts/pictures.sh [TOOLS [FOLDER]]      TOOLS: folder of attn-compile; FOLDER: where the pictures go
set -euo pipefail
cd "$(dirname "$0")/.."
tools=${1:-build/dev/bin}
folder=${2:-docs/masks}
mkdir -p "$folder"

draw() {
  local mask=$1
  shift
  "$tools/attn-compile" "examples/masks/$mask.mlir" --target=x86-64-v3 --override queries=64,keys=64 \
    --size q=640 --size k=640 --picture "$folder/$mask.svg" "$@" >/dev/null
}

draw document-causal-window --scalar w=128
draw streaming-llm --scalar sinks=16 --scalar w=160
draw power-attention --scalar size=64 --scalar w=48
draw unigist --scalar period=48 --scalar w=100
draw neighborhood-2d --size q=1024 --size k=1024 --scalar H=16 --scalar W=64 --scalar wh=7 --scalar ww=7 --scalar sh=1 --scalar sw=1 \
  --scalar dh=1 --scalar dw=1
