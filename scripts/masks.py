#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Makes up what a mask of examples/masks needs beyond q, k and v: numbers, and tables as .npy files.

  attn-run examples/masks/document.mlir --random --tokens=300 --check $(scripts/masks.py document --tokens 300)

Prints arguments of attn-run. Trees are trees, ids are documents, canvases have as many tokens as are asked for.
"""
import argparse
import random
import struct
from pathlib import Path


def save(file, shape, numbers, bits=False):
    """A table of 32-bit integers, or of truth values, as numpy writes it (version 1.0)."""
    header = f"{{'descr': '{'|b1' if bits else '<i4'}', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    body = bytes(numbers) if bits else struct.pack(f"<{len(numbers)}i", *numbers)
    file.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + body)


class Maker:
    """Sizes and random numbers; every table is for one sequence."""

    def __init__(self, tokens, heads, seed=1):
        self.tokens, self.heads, self.random = tokens, heads, random.Random(f"{tokens} {heads} {seed}")

    def number(self, low, high):
        return self.random.randint(low, max(low, high))

    def table(self, shape, low, high):
        count = 1
        for size in shape:
            count *= size
        return shape, [self.number(low, high) for _ in range(count)]

    def documents(self):
        ids = []
        while len(ids) < self.tokens:
            ids += [len(ids)] * self.number(1, self.tokens // 3 + 1)
        return (1, self.tokens), ids[:self.tokens]

    def parents(self):
        return [-1] + [self.number(0, node - 1) for node in range(1, self.tokens)]

    def ancestors(self):
        rows = []
        for node, parent in enumerate(self.parents()):
            row = list(rows[parent]) if parent >= 0 else [0] * self.tokens
            row[node] = 1
            rows.append(row)
        return (1, self.tokens, self.tokens), [bit for row in rows for bit in row]

    def walk(self):
        """When a depth-first walk enters and leaves each node."""
        parents = self.parents()
        sizes = [1] * self.tokens
        for node in range(self.tokens - 1, 0, -1):
            sizes[parents[node]] += sizes[node]
        enter, free = [0] * self.tokens, [1] * self.tokens
        for node in range(1, self.tokens):
            enter[node] = free[parents[node]]
            free[parents[node]] += sizes[node]
            free[node] = enter[node] + 1
        shape = (1, self.tokens)
        return {"enter": (shape, enter), "leave": (shape, [t + size for t, size in zip(enter, sizes)])}

    def canvas(self, names):
        """The number of tokens as a product, the smaller factors first."""
        sizes, rest = [], self.tokens
        for place in range(len(names) - 1):
            root = int(rest ** (1 / (len(names) - place)) + 1e-9)
            sizes.append(next(size for size in range(root, 0, -1) if rest % size == 0))
            rest //= sizes[-1]
        return dict(zip(names, [*sizes, rest]))

    def neighborhood(self, names):
        """Windows of 3 to 9 with a stride of up to 3 and a dilation of up to 2, where they fit."""
        values = self.canvas(names)
        for name in names:
            dilation = self.number(1, min(2, values[name]))
            window = min(self.number(3, 9), values[name] // dilation)
            values.update({f"d{name.lower()}": dilation, f"w{name.lower()}": window,
                           f"s{name.lower()}": self.number(1, min(3, window))})
        return values


def line(maker):
    values = maker.neighborhood("T")
    return {"w": values["wt"], "stride": values["st"], "d": values["dt"]}


def tree(maker, tables):
    return {"--kv-tokens": maker.tokens + 20, "cached": 20, **tables}


def words(maker):
    return {"words": maker.table((1, maker.tokens, -(-maker.tokens // 32)), -2**31, 2**31 - 1)}


CASES = {
    "bit-matrix": words,
    "block-diagonal": lambda maker: {"size": 37},
    "dilated-window": lambda maker: {"w": 20, "d": 3},
    "document": lambda maker: {"doc": maker.documents()},
    "document-causal-window": lambda maker: {"doc": maker.documents(), "w": 40},
    "document-scattered": lambda maker: {"group": maker.table((1, maker.tokens), 0, 4)},
    "duo-attention": lambda maker: {"retrieval": maker.table((maker.heads,), 0, 1), "sinks": 4, "w": 50},
    "halonet": lambda maker: {**maker.canvas("HW"), "size": 4, "halo": 2},
    "head-windows": lambda maker: {"window": maker.table((maker.heads,), 0, maker.tokens)},
    "hepos": lambda maker: {"--kv-tokens": 2 * maker.tokens + 3, "stride": 3},
    "jagged": lambda maker: {"length": maker.table((1,), 1, maker.tokens)},
    "nats": lambda maker: {"end": maker.table((1, 1, maker.tokens), -1, 2 * maker.tokens)},
    "neighborhood-1d": line,
    "neighborhood-2d": lambda maker: maker.neighborhood("HW"),
    "neighborhood-3d": lambda maker: maker.neighborhood("THW"),
    "neighborhood-causal": lambda maker: {**maker.neighborhood("THW"), "ct": 1, "ch": 0, "cw": 1},
    "power-attention": lambda maker: {"size": 8, "w": 20},
    "prefix-lm": lambda maker: {"prefix": maker.table((1,), 0, maker.tokens)},
    "streaming-llm": lambda maker: {"sinks": 4, "w": 50},
    "tree-bits": lambda maker: tree(maker, {"ancestor": maker.ancestors()}),
    "tree-walk": lambda maker: tree(maker, maker.walk()),
    "two-sided-window": lambda maker: {"left": 30, "right": 12},
    "unigist": lambda maker: {"period": 9, "w": 20},
}
BITS = {"ancestor", "retrieval"}


def arguments(mask, tokens, heads, folder):
    """Arguments of attn-run for the mask; tables are written to the folder."""
    found = []
    for name, value in CASES[mask](Maker(tokens, heads)).items():
        if isinstance(value, tuple):
            file = Path(folder) / f"{mask}-{name}-{tokens}.npy"
            save(file, *value, bits=name in BITS)
            value = file
        found.append(f"{name}={value}")
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("mask", choices=CASES)
    parser.add_argument("--tokens", type=int, required=True, help="number of queries")
    parser.add_argument("--heads", type=int, default=1, help="number of query heads")
    parser.add_argument("--out", default="build/masks", help="folder for the tables")
    chosen = parser.parse_args()
    Path(chosen.out).mkdir(parents=True, exist_ok=True)
    print(*arguments(chosen.mask, chosen.tokens, chosen.heads, chosen.out))


if __name__ == "__main__":
    main()
