#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Does time follow the tiles that a mask leaves? Host, forward, d = 128, bf16, two heads.

  scripts/sparsity.py tiles     time a computed tile, against the dense kernel's in the same run (N = 16384)
  scripts/sparsity.py lengths   a window of 1024 at N = 1k .. 128k; --plot FILE draws it as SVG
"""
import argparse
import random
import re
import statistics
import subprocess
from pathlib import Path

from masks import save

ROOT = Path(__file__).resolve().parent.parent
TARGET = "x86-64-v4"


def run(tool, *arguments):
    done = subprocess.run([tool, *map(str, arguments)], capture_output=True, text=True, timeout=600, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, [tool, *arguments]))}\n{done.stdout}{done.stderr}")
    return done.stdout


def computed_tiles(tools, source, tokens, scalars, tables, override):
    """Tiles of one head that are visited: full and masked ones."""
    flags = [f"--target={TARGET}", "--explain", "--size", f"q={tokens}", "--size", f"k={tokens}"]
    for name, value in scalars.items():
        flags += ["--scalar", f"{name}={value}"]
    for name, value in tables.items():
        flags += ["--table", f"{name}={value}"]
    text = run(tools / "attn-compile", source, *flags, *override)
    full, masked = re.search(r"tiles: (\d+) full, (\d+) masked", text).groups()
    sizes = re.search(r"tiles of (\d+)(?: \([\dx ]+\))? queries x (\d+)(?: \([\dx ]+\))? keys", text).groups()
    return int(full) + int(masked), int(sizes[0]) * int(sizes[1])


def compiled(tools, source, override, bundle):
    run(tools / "attn-compile", source, "--target=host", "-o", bundle, *override)
    return bundle


def milliseconds(tools, bundle, tokens, operands, device):
    text = run(tools / "attn-run", bundle, f"--device={device}", "--bench", "--random", f"--tokens={tokens}", "--heads=2",
               *[f"{name}={value}" for name, value in operands.items()])
    number, unit = re.search(r"median[^0-9]*([\d.]+) (ms|us|s)\b", text).groups()
    return float(number) * {"us": 1e-3, "ms": 1, "s": 1e3}[unit]


def documents(tokens, scratch):
    numbers, ids = random.Random(1), []
    while len(ids) < tokens:
        ids += [len(ids)] * numbers.randint(1, 4096)
    save(scratch / "ids.npy", (1, tokens), ids[:tokens])
    return scratch / "ids.npy"


def tiles(tools, scratch, device, rounds):
    tokens = 16384
    ids = documents(tokens, scratch)
    neighborhood = {"H": 128, "W": 128, "wh": 13, "ww": 13, "sh": 1, "sw": 1, "dh": 1, "dw": 1}
    cases = [("dense", {}, {}, []), ("sliding-window", {"w": 1024}, {}, []), ("masks/document", {}, {"doc": ids}, []),
             ("masks/document-scattered", {}, {"group": ids}, []),
             ("masks/neighborhood-2d", neighborhood, {}, []),
             ("masks/neighborhood-2d", neighborhood, {}, ["--override", "query_box=none,key_box=none"])]
    bundles, counts, times = [], [], [[] for _ in cases]
    for number, (example, scalars, tables, override) in enumerate(cases):
        source = ROOT / "examples" / f"{example}.mlir"
        bundles.append(compiled(tools, source, override, scratch / f"{number}.attn"))
        counts.append(computed_tiles(tools, source, tokens, scalars, tables, override))
    # One mask after the other in each round: what else the machine does then meets all of them.
    for _ in range(rounds):
        for bundle, (_, scalars, tables, _), found in zip(bundles, cases, times):
            found.append(milliseconds(tools, bundle, tokens, {**scalars, **tables}, device))
    dense = 0
    for (example, _, _, override), (count, pairs), found in zip(cases, counts, times):
        time = statistics.median(found)
        each = time / (2 * count) / pairs
        dense = dense or each
        print(f"{' '.join([example, *override])}: {time:.1f} ms, {count} tiles a head computed, time a pair of a computed tile "
              f"{each / dense:.3f} of dense", flush=True)


def lengths(tools, scratch, plot, device):
    points = []
    source = ROOT / "examples" / "sliding-window.mlir"
    bundle = compiled(tools, source, [], scratch / "kernel.attn")
    for power in range(10, 18):
        time = milliseconds(tools, bundle, 1 << power, {"w": 1024}, device)
        count, _ = computed_tiles(tools, source, 1 << power, {"w": 1024}, {}, [])
        points.append((1 << power, time, count))
        print(f"N = {1 << power}: {time:.2f} ms, {count} tiles a head, {1e3 * time / (2 * count):.2f} us a tile", flush=True)
    if plot:
        draw(plot, points)


def draw(file, points):
    """Time over length, both logarithmic: a line of slope one is proportional."""
    from math import log2
    left, top, width, height = 70, 30, 480, 320
    low, high = log2(points[0][1]), log2(points[-1][1])
    place = lambda tokens, time: (left + width * (log2(tokens) - 10) / 7, top + height * (high - log2(time)) / (high - low))
    text = [f'<svg xmlns="http://www.w3.org/2000/svg" width="600" height="410" font-family="sans-serif" font-size="12">',
            '<rect width="600" height="410" fill="white"/>',
            '<text x="70" y="18">window of 1024, d = 128, bf16, 2 heads, host: milliseconds over tokens</text>']
    for tokens, time, _ in points:
        x, y = place(tokens, time)
        text += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="#1f5fa8"/>',
                 f'<text x="{x - 14:.1f}" y="{top + height + 22}">{tokens // 1024}k</text>',
                 f'<text x="{x + 8:.1f}" y="{y + 4:.1f}">{time:.3g}</text>']
    path = " ".join("{:.1f},{:.1f}".format(*place(tokens, time)) for tokens, time, _ in points)
    text += [f'<polyline points="{path}" fill="none" stroke="#1f5fa8"/>', "</svg>"]
    Path(file).write_text("\n".join(text) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["tiles", "lengths"])
    parser.add_argument("--tools", type=Path, default=ROOT / "build" / "dev" / "bin")
    parser.add_argument("--scratch", type=Path, default=ROOT / "build" / "acceptance")
    parser.add_argument("--plot", help="SVG file")
    parser.add_argument("--device", default="host", help="host:1 for one thread")
    parser.add_argument("--rounds", type=int, default=1, help="of `tiles`; times are medians over them")
    arguments = parser.parse_args()
    arguments.scratch.mkdir(parents=True, exist_ok=True)
    if arguments.what == "tiles":
        tiles(arguments.tools, arguments.scratch, arguments.device, arguments.rounds)
    else:
        lengths(arguments.tools, arguments.scratch, arguments.plot, arguments.device)


if __name__ == "__main__":
    main()
