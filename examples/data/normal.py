#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes large tensors of normally distributed random numbers, for measurements and for trying things out.

  normal.py OUT --batch 1 --heads 12 --tokens 8192 --size 64 [--kv-heads 12] [--kv-tokens 8192] [--value-size 64]
            [--dtype bf16] [--seed 1]

OUT/{q,k,v}.npy (.bf16.npy for bf16, whose bits are stored as unsigned 16-bit numbers). The same arguments always give
the same tensors. Needs numpy; `attn-run --random` makes inputs of the same kind without any file.
"""
import argparse
from pathlib import Path

import numpy as np

from make import round_to


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    for name, default in (("batch", 1), ("heads", 12), ("tokens", 8192), ("size", 64), ("seed", 1)):
        parser.add_argument(f"--{name}", type=int, default=default)
    for name, like in (("kv-heads", "heads"), ("kv-tokens", "tokens"), ("value-size", "size")):
        parser.add_argument(f"--{name}", type=int, help=f"default: --{like}")
    parser.add_argument("--dtype", default="bf16", choices=["bf16", "f16", "f32"])
    a = parser.parse_args()

    kv_heads, kv_tokens = a.kv_heads or a.heads, a.kv_tokens or a.tokens
    shapes = {
        "q": (a.batch, a.heads, a.tokens, a.size),
        "k": (a.batch, kv_heads, kv_tokens, a.size),
        "v": (a.batch, kv_heads, kv_tokens, a.value_size or a.size),
    }
    a.out.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(a.seed)
    for name, shape in shapes.items():
        file = a.out / f"{name}{'.bf16' if a.dtype == 'bf16' else ''}.npy"
        np.save(file, round_to(random.standard_normal(shape, np.float32), a.dtype))
        print(f"{file}: {a.dtype} {shape}")


if __name__ == "__main__":
    main()
