#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes an example for another element type or head size.

An example is written once, for bf16 vectors of 128. Its types stand in aliases, so another form of it is a
substitution: every vector's element becomes --element, sizes grow or shrink in the ratio --size : 128, and the
scale of a dot becomes 1 / sqrt(--size). Nothing else is touched.

  scripts/variant.py examples/causal.mlir --element f32 --size 64 > causal-f32-64.mlir
"""
import argparse
import math
import re
import sys
from pathlib import Path

WRITTEN_SIZE, WRITTEN_SCALE = 128, "0.0883883"


def with_own_values(text):
    """The example with types of their own for v and the result, !v and !o, of a size that is yet to be put in."""
    text = re.sub(r"^!(v|o) = .*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"%v: !k\b", "%v: !v", text)
    text = re.sub(r"(contract .*: !s, )!k -> !q", r"\1!v -> !o", text)
    text = re.sub(r"(-> \(?)!q\b(?=.*\{$)", r"\1!o", text, flags=re.MULTILINE)
    text = re.sub(r"(return .*: )!q\b", r"\1!o", text)
    return "!v = !attn.cols<vector<@VALUES@>>\n!o = !attn.rows<vector<@VALUES@>>\n" + text


def variant(text, element="bf16", size=WRITTEN_SIZE, value_size=None):
    """The example `text` for tokens of `size` numbers of type `element`; `value_size` numbers in v if it is given."""

    def vector(match):
        scaled = int(match[1]) * size // WRITTEN_SIZE
        return f"vector<{scaled}x{element}>"

    if value_size not in (None, size):
        text = with_own_values(text)
    text = re.sub(r"vector<(\d+)xbf16>", vector, text).replace("@VALUES@", f"{value_size}x{element}")
    text = text.replace(WRITTEN_SCALE, f"{1 / math.sqrt(size):.7g}")
    return text.replace(f"sqrt({WRITTEN_SIZE})", f"sqrt({size})")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", help="an example, or - for standard input")
    parser.add_argument("--element", default="bf16", choices=["bf16", "f16", "f32", "f64"],
                        help="type of the numbers of a token (default: bf16)")
    parser.add_argument("--size", default=WRITTEN_SIZE, type=int, help="numbers a token of q and k (default: 128)")
    parser.add_argument("--value-size", type=int, help="numbers a token of v (default: in the ratio of --size)")
    arguments = parser.parse_args()
    text = sys.stdin.read() if arguments.file == "-" else Path(arguments.file).read_text()
    sys.stdout.write(variant(text, arguments.element, arguments.size, arguments.value_size))


if __name__ == "__main__":
    main()
