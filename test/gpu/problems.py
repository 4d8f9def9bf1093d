# SPDX-License-Identifier: Apache-2.0
"""Which kernels are checked and measured, at which sizes, and with which scalars and tables?"""
import random
from dataclasses import dataclass

LENGTHS = (2048, 4096, 8192, 16384, 32768)
WIDTHS = (64, 128)
# Rows of the benchmark have 16384 tokens in all (one sequence where that is longer) and 2048 numbers a token.
TOKENS_IN_ALL = 16384
HEADS = {64: 32, 128: 16}
# The shape of what is checked against the reference: not a multiple of any tile, more than two tiles of keys.
CHECK_BATCH, CHECK_HEADS, CHECK_TOKENS = 1, 2, 324

# The name here: the example, and the kernel in it.
MASKS = {
    "dense": ("dense.mlir", "dense"),
    "causal": ("causal.mlir", "causal"),
    "window": ("sliding-window.mlir", "sliding_window"),
    "alibi": ("alibi.mlir", "alibi"),
    "softcap": ("softcap.mlir", "softcap"),
    "document": ("masks/document.mlir", "document"),
    "neighborhood": ("masks/neighborhood-2d.mlir", "neighborhood_2d"),
    "sparsemax": ("gallery/sparsemax.mlir", "sparsemax"),
}
# A program of several kernels is compared with the reference and the simulator; no peer has it.
CHECKED_ONLY = {"sparsemax"}


@dataclass(frozen=True)
class Problem:
    mask: str
    width: int
    tokens: int
    heads: int
    batch: int

    @property
    def is_check(self):
        return self.tokens == CHECK_TOKENS

    def grid(self):
        """The image whose tokens these are: as square as a power of two allows."""
        if self.is_check:
            return 18, 18
        rows = 1 << (self.tokens.bit_length() // 2 - (self.tokens.bit_length() % 2 == 0))
        return rows, self.tokens // rows

    def scalars(self):
        if self.mask == "window":
            return {"w": 50 if self.is_check else 1024}
        if self.mask == "softcap":
            return {"cap": 30.0}
        if self.mask != "neighborhood":
            return {}
        (rows, columns), (high, wide) = self.grid(), (5, 7) if self.is_check else (25, 25)
        return {"H": rows, "W": columns, "wh": high, "ww": wide, "sh": 1, "sw": 1, "dh": 1, "dw": 1}

    def slopes(self):
        return [2.0 ** (-8.0 * (head + 1) / self.heads) for head in range(self.heads)]

    def documents(self):
        """The document of each token; the same in every sequence, a dozen of them at any length."""
        numbers, ids, longest = random.Random(self.tokens), [], self.tokens // 6
        while len(ids) < self.tokens:
            ids += [len(ids)] * numbers.randint(longest // 8, longest)
        return ids[:self.tokens]

    def tables(self):
        """The name of each table: its element type, shape and numbers."""
        if self.mask == "alibi":
            return {"slope": ("f32", (self.heads,), self.slopes())}
        if self.mask == "document":
            return {"doc": ("i32", (self.batch, self.tokens), self.documents() * self.batch)}
        return {}

    def name(self):
        return f"{self.mask}-{self.width}"


def check_of(mask, width):
    return Problem(mask, width, CHECK_TOKENS, CHECK_HEADS, CHECK_BATCH)


def benchmark_of(mask, width, tokens, heads=0, batch=0):
    return Problem(mask, width, tokens, heads or HEADS[width], batch or max(1, TOKENS_IN_ALL // tokens))


def of_width(text, width):
    """The example, which is written for 128 numbers a token, for `width` of them."""
    scale = {128: "0.0883883", 64: "0.125"}[width]
    if "<128xbf16>" not in text or "scale 0.0883883" not in text:
        raise SystemExit("expected an example of 128 bf16 numbers a token, scaled by 0.0883883")
    return text.replace("128xbf16", f"{width}xbf16").replace("scale 0.0883883", f"scale {scale}")
