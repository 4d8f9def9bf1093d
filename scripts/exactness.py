#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Is every claim about every tile of every shipped mask right, and how many are the best there are?

  scripts/exactness.py                      # the table of docs/exactness.md, a minute on a quiet machine
  scripts/exactness.py nats --tokens 1024   # one mask, shorter

Brute force: `attn-opt --verify-masks` asks each pair. Tables and scalars are those of scripts/masks.py.
"""
import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import masks

ROOT = Path(__file__).resolve().parent.parent
PLAIN = {"causal": {}, "causal-offset": {}, "sliding-window": {"w": 256}}
CANVASES = {"halonet", "neighborhood-2d", "neighborhood-3d", "neighborhood-causal"}
TREES = {"tree-bits", "tree-walk"}
HEADS = {"duo-attention": 2, "head-windows": 2, "hepos": 2}
LINE = re.compile(r"(\d+) problems?: (\d+) tiles: (\d+) empty, (\d+) partial, (\d+) full; (\d+) tight"
                  r"(?:, (\d+) partial without need, ([\d.]+) % more pairs computed)?; level (\w+); unsound: (\d+)")


def given(mask, queries, keys, folder):
    """Options of --verify-masks for one problem."""
    heads = HEADS.get(mask, 1)
    values = PLAIN.get(mask)
    if values is None:
        nodes = queries if mask in CANVASES or queries < keys // 2 else keys
        values = dict(item.split("=", 1) for item in masks.arguments(mask, nodes, heads, folder))
    drawn = int(values.pop("--kv-tokens", keys))
    if queries < keys // 2:  # a small tree behind a long cache
        values["cached"] = keys - queries
    else:
        keys = drawn
    lengths = {} if mask in CANVASES else {"q": queries, "k": keys}
    return {**lengths, "batch": 1, "heads": heads, **values, "problems": 1}


def verify(tool, mask, options):
    folder = "examples" if mask in PLAIN else "examples/masks"
    text = ",".join(f"{name}={value}" for name, value in options.items())
    run = subprocess.run([tool, f"{folder}/{mask}.mlir", f"--verify-masks={text}"], cwd=ROOT, capture_output=True,
                         text=True)
    found = LINE.search(run.stdout + run.stderr)
    if not found:
        sys.exit(f"{mask}: {run.stdout[-400:]}{run.stderr[-800:]}")
    return found.groups()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("masks", nargs="*", help="all, if none is named")
    parser.add_argument("--tokens", type=int, default=4096, help="tokens of the first problem (default 4096)")
    parser.add_argument("--tool", default="attn-opt", help="where attn-opt is, if not in PATH")
    parser.add_argument("--verbose", action="store_true", help="print what was given to each")
    chosen = parser.parse_args()
    tokens, wrong = chosen.tokens, 0
    print("| mask | queries x keys | tiles | empty / partial / full | tight | partial without need | more pairs computed "
          "| unsound |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for mask in chosen.masks or sorted({*PLAIN, *masks.CASES}):
            sizes = [(tokens, tokens), (tokens - 96, tokens if mask in CANVASES else tokens - 3)]
            for queries, keys in sizes + [(64, tokens)] * (mask in TREES):
                options = given(mask, queries, keys, folder)
                if chosen.verbose:
                    print(mask, options, file=sys.stderr)
                _, tiles, empty, partial, full, tight, extra, more, _, unsound = verify(chosen.tool, mask, options)
                lengths = f"{options.get('q', queries)} x {options.get('k', queries)}"
                print(f"| {mask} | {lengths} | {tiles} | {empty} / {partial} / {full} | {tight} | {extra or 0} "
                      f"| {more or '0.00'} % | {unsound} |", flush=True)
                wrong += int(unsound)
    sys.exit(f"{wrong} claims are wrong" if wrong else 0)


if __name__ == "__main__":
    main()
