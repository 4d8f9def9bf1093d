#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What does it cost to compute few queries, and keys of a prefix? Host, forward, d = 128, bf16; both sides of a ratio in turns.

  scripts/decode.py packed     1 to 32 queries of 32 heads on 16384 keys of 4: code with packed heads against code without
  scripts/decode.py prefix     a prefix of 0, 16 and 64 keys before 8192 causal ones, against causal alone
"""
import argparse
import re
import statistics
from pathlib import Path

from sparsity import ROOT, run


def measure(tools, bundle, *arguments):
    """Milliseconds, and which code ran."""
    text = run(tools / "attn-run", bundle, "--bench", "--random", *arguments)
    number, unit = re.search(r"median ([\d.]+) (ms|us|s)\b", text).groups()
    entry = re.search(r"code for \S+(?: \((\w+)\))?", text).group(1)
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit], entry or "plain"


def in_turns(rounds, *sides):
    """Median milliseconds of each side, and which code it ran last."""
    times, entries = [[] for _ in sides], [None] * len(sides)
    for _ in range(rounds):
        for number, side in enumerate(sides):
            time, entries[number] = side()
            times[number].append(time)
    return [statistics.median(found) for found in times], entries


def packed(tools, scratch, rounds):
    source = ROOT / "examples" / "dense.mlir"
    bundles = [scratch / "plain.attn", scratch / "packed.attn"]
    run(tools / "attn-compile", source, "--target=host", "-o", bundles[0])
    run(tools / "attn-compile", source, "--target=host", "--pack-heads=8", "-o", bundles[1])
    for queries in (1, 2, 4, 8, 16, 32):
        shape = ["--heads=32", "--kv-heads=4", f"--tokens={queries}", "--kv-tokens=16384"]
        (plain, dense), (_, entry) = in_turns(rounds, *[lambda bundle=bundle: measure(tools, bundle, *shape)
                                                        for bundle in bundles])
        print(f"{queries} queries: {plain:.2f} ms without, {dense:.2f} ms with ({entry}): {plain / dense:.1f} times as fast",
              flush=True)


def prefix(tools, scratch, rounds):
    bundles = {}
    for name in ("causal", "prefix-kv"):
        bundles[name] = scratch / f"{name}.attn"
        run(tools / "attn-compile", ROOT / "examples" / f"{name}.mlir", "--target=host", "-o", bundles[name])
    shape = ["--heads=2", "--tokens=8192"]
    for keys in (0, 16, 64):
        before = [f"km=1x2x{keys}x128", f"vm=1x2x{keys}x128"]
        (alone, both), _ = in_turns(rounds, lambda: measure(tools, bundles["causal"], *shape),
                                    lambda: measure(tools, bundles["prefix-kv"], *shape, *before))
        print(f"prefix of {keys}: {both:.1f} ms, {both / alone:.3f} of causal alone", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["packed", "prefix"])
    parser.add_argument("--tools", type=Path, default=ROOT / "build" / "dev" / "bin")
    parser.add_argument("--scratch", type=Path, default=ROOT / "build" / "acceptance")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    {"packed": packed, "prefix": prefix}[arguments.what](arguments.tools, arguments.scratch, arguments.rounds)


main()
