#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What does it cost to compute few queries, keys of a prefix, and selected keys? Host, forward, d = 128; both sides of a ratio in turns.

  scripts/decode.py packed     1 to 32 queries of 32 heads on 16384 keys of 4: code with packed heads against code without
  scripts/decode.py selected   64 queries of 64 heads on lists of 2048 keys out of 65536 (one head of keys), the kernel that attends
                               alone as attn-gather-keys leaves it, against dense attention over 2048 keys with packed heads: the
                               same keys for all queries, and 64 sequences of one query with 2048 keys each, as many as are selected
  scripts/decode.py prefix     a prefix of 0, 16 and 64 keys before 8192 causal ones, against causal alone
"""
import argparse
import random
import re
import statistics
from pathlib import Path

from gallery import save
from sparsity import ROOT, run

# %s is the type of elements, what the kernel takes beside q, k and v, and its attributes.
ATTENDING = """
!q = !attn.rows<vector<128x%s>>
!k = !attn.cols<vector<128x%s>>
!s = !attn.matrix<f32>
attn.kernel @attend(%%q: !q, %%k: !k, %%v: !k%s) -> !q attributes {%s} {
  %%s = dot %%q, %%k scale 0.0883883 : !q, !k
  %%m = reduce max %%s over keys : !s
  %%e = map (%%x = %%s, %%y = %%m) : (!s, !attn.rows<f32>) -> !s { %%z = arith.subf %%x, %%y : f32  %%w = math.exp %%z : f32  yield %%w : f32 }
  %%l = reduce sum %%e over keys : !s
  %%p = map (%%x = %%e, %%y = %%l) : (!s, !attn.rows<f32>) -> !s { %%z = arith.divf %%x, %%y : f32  yield %%z : f32 }
  %%o = contract %%p, %%v : !s, !k -> !q
  return %%o : !q
}
"""
LIST = ", %near: !attn.matrix<i32, q, k_near>, %count: !attn.rows<i32>"
GATHERED = """attn.stage, attn.gathered = {axis = "k", list = "near", count = "count"},
  attn.plan = #tile.config<queries = 64, keys = 64, threads = 1, stages = 1, packed_heads = 64>"""


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


def selected(tools, scratch, rounds):
    queries, keys, chosen = 64, 65536, 2048
    draw = random.Random(1)
    lists, counts = scratch / "near.npy", scratch / "count.npy"
    save(lists, (1, 1, queries, chosen), "i", [key for _ in range(queries) for key in sorted(draw.sample(range(keys), chosen))])
    save(counts, (1, 1, queries), "i", [chosen] * queries)
    shape = ["--heads=64", "--kv-heads=1", "--device=host:1"]
    for element in ("f32", "bf16"):
        bundles = {}
        for name, inputs, attributes, option in (("gathered", LIST, GATHERED, "--no-gather"), ("dense", "", "", "--pack-heads=64")):
            source, bundles[name] = scratch / f"{name}-{element}.mlir", scratch / f"{name}-{element}.attn"
            source.write_text(ATTENDING % (element, element, inputs, attributes))
            run(tools / "attn-compile", source, "--target=host", option, "-o", bundles[name])
        (gathered, shared, own), _ = in_turns(
            rounds,
            lambda: measure(tools, bundles["gathered"], *shape, f"--tokens={queries}", f"--kv-tokens={keys}", f"near={lists}",
                            f"count={counts}"),
            lambda: measure(tools, bundles["dense"], *shape, f"--tokens={queries}", f"--kv-tokens={chosen}"),
            lambda: measure(tools, bundles["dense"], *shape, f"--batch={queries}", "--tokens=1", f"--kv-tokens={chosen}"))
        print(f"{element}: {gathered:.1f} ms for {chosen} selected keys of {keys}; of dense attention over {chosen} keys: "
              f"{gathered / shared:.2f} where all queries share them, {gathered / own:.2f} where each has its own", flush=True)


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
    parser.add_argument("what", choices=["packed", "prefix", "selected"])
    parser.add_argument("--tools", type=Path, default=ROOT / "build" / "dev" / "bin")
    parser.add_argument("--scratch", type=Path, default=ROOT / "build" / "acceptance")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    {"packed": packed, "prefix": prefix, "selected": selected}[arguments.what](arguments.tools, arguments.scratch, arguments.rounds)


main()
