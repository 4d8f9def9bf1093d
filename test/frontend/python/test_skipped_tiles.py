# SPDX-License-Identifier: Apache-2.0
# RUN: %pytest-numpy %s
# REQUIRES: python-numpy
"""Masks that are written in Python are to the compiler what they are in the shipped examples: the same tiles are skipped, found
by the same means."""
import re
import subprocess
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest

import attune
from attune._running.arrays import describe
from attune._tracing.trace import trace_flex

ROOT = Path(__file__).resolve().parents[3]
N = 1024
IDS = np.sort(np.random.default_rng(0).integers(0, 9, (1, N)), axis=1).astype(np.int32)
SCATTERED = np.random.default_rng(1).integers(0, 40, (1, N)).astype(np.int32)


def causal(b, h, q, k):
    return q >= k


def causal_by_score(score, b, h, q, k):
    return np.where(q >= k, score, -np.inf)


def window(w):
    return attune.and_masks(causal, lambda b, h, q, k: q - k <= w)


def window_by_score(w):
    return lambda score, b, h, q, k: score + np.where((q >= k) & (q - k <= w), 0.0, float("-inf"))


def near(x, y, n, w, s, d):
    """NATTEN's rule on one axis, as a user would write it."""
    length = -((-(n - x % d)) // d)
    leader = np.minimum((x // d) // s * s + s // 2, length - 1)
    first = np.maximum(np.minimum(leader - w // 2, length - w), 0)
    return (x % d == y % d) & (y // d >= first) & (y // d < first + w)


def neighborhood(width, height, w):
    def mask(b, h, q, k):
        return near(q // width, k // width, height, w, 1, 1) & near(q % width, k % width, width, w, 1, 1)

    return mask


def power(size, w):
    def mask(b, h, q, k):
        back = q // size - k // size
        return (q >= k) & (((back & (back - 1)) == 0) | (q - k <= w))

    return mask


def streaming(sinks, w):
    return attune.and_masks(causal, attune.or_masks(lambda b, h, q, k: k < sinks, lambda b, h, q, k: q - k <= w))


PREFIX = np.array([300], np.int32)
LENGTHS = np.array([700], np.int32)
WINDOWS = np.array([50, 200], np.int32)
RETRIEVAL = np.array([True, False])
SORTED = attune.promise(IDS, sorted=True)

# The example, our mask or score mod, and scalars and tables of the example.
MASKS = {
    "causal": (causal, {}),
    "causal-offset": ((lambda offset: lambda b, h, q, k: q + offset >= k)(130), {"offset": 130}),
    "sliding-window": (window(200), {"w": 200}),
    "masks/two-sided-window": ((lambda w: lambda b, h, q, k: abs(q - k) <= w)(100), {"left": 100, "right": 100}),
    "masks/dilated-window": ((lambda w, d: lambda b, h, q, k: ((q - k) % d == 0) & (q >= k) & ((q - k) // d <= w))(40, 3),
                             {"w": 40, "d": 3}),
    "masks/prefix-lm": (attune.or_masks(causal, lambda b, h, q, k: k < PREFIX[b]), {"prefix": PREFIX}),
    "masks/jagged": (lambda b, h, q, k: (q < LENGTHS[b]) & (k < LENGTHS[b]), {"length": LENGTHS}),
    "masks/document": (lambda b, h, q, k: SORTED[b, q] == SORTED[b, k], {"doc": IDS}),
    "masks/document-causal-window": (attune.and_masks(window(150), lambda b, h, q, k: SORTED[b, q] == SORTED[b, k]),
                                     {"doc": IDS, "w": 150}),
    "masks/document-scattered": (lambda b, h, q, k: SCATTERED[b, q] == SCATTERED[b, k], {"group": SCATTERED}),
    "masks/block-diagonal": ((lambda size: lambda b, h, q, k: q // size == k // size)(160), {"size": 160}),
    "masks/streaming-llm": (streaming(4, 130), {"sinks": 4, "w": 130}),
    "masks/head-windows": (lambda b, h, q, k: (q >= k) & (q - k <= WINDOWS[h]), {"window": WINDOWS}),
    "masks/duo-attention": (attune.and_masks(causal, lambda b, h, q, k: RETRIEVAL[h] | (k < 4) | (q - k <= 130)),
                            {"retrieval": RETRIEVAL, "sinks": 4, "w": 130}),
    "masks/power-attention": (power(32, 60), {"size": 32, "w": 60}),
    "masks/neighborhood-1d": (lambda b, h, q, k: near(q, k, N, 90, 1, 1), {"w": 90, "stride": 1, "d": 1}),
    "masks/neighborhood-2d": (neighborhood(32, 32, 7), {"H": 32, "W": 32, "wh": 7, "ww": 7, "sh": 1, "sw": 1, "dh": 1, "dw": 1}),
}
SCORES = {"causal": (causal_by_score, {}), "sliding-window": (window_by_score(200), {"w": 200})}


def explained(text, values, folder):
    """How many tiles are skipped, full and masked, and by what they are found."""
    (folder / "kernel.mlir").write_text(text)
    command = ["attn-compile", str(folder / "kernel.mlir"), "--target=x86-64-v3", "--explain", f"--size=q={N}", f"--size=k={N}",
               "--override=queries=64,keys=64"]
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            np.save(folder / f"{name}.npy", value)
            command.append(f"--table={name}={folder / name}.npy")
        else:
            command.append(f"--scalar={name}={value}")
    output = subprocess.run(command, capture_output=True, text=True)
    assert output.returncode == 0, output.stderr
    return re.findall(r"\d+ visible pairs.*|tiles are found by.*", output.stdout)


def traced(score_mod, mask_mod):
    q = describe(np.zeros((1, 2, N, 128), ml_dtypes.bfloat16))
    program = trace_flex(score_mod, mask_mod, q, q, q)
    values = {o.name: o.array if o.array is not None else o.scalar for o in program.operands[3:]}
    return program.text, values


def example(name):
    """The example's text; without the promise that tokens are a grid, which FlexAttention has no word for."""
    return re.sub(r"^ *axis [qk] grid .*\n", "", (ROOT / "examples" / f"{name}.mlir").read_text(), flags=re.M)


@pytest.mark.parametrize("name", MASKS)
def test_masks_skip_the_tiles_of_the_example(name, tmp_path):
    mask, values = MASKS[name]
    expected = explained(example(name), values, tmp_path)
    assert len(expected) == 2
    ours = explained(*traced(None, mask), tmp_path)
    # The user writes x % d where the example splits x at once: the tiles are the same, the operations that find them may not be.
    assert ours[0] == expected[0] if "neighborhood" in name else ours == expected


@pytest.mark.parametrize("name", SCORES)
def test_scores_of_minus_infinity_are_masks(name, tmp_path):
    score_mod, values = SCORES[name]
    text, ours = traced(score_mod, None)
    assert "where" in text and "arith.select" not in text
    assert explained(text, ours, tmp_path) == explained(example(name), values, tmp_path)


def test_sizes_of_windows_share_code():
    assert traced(None, window(256))[0] == traced(None, window(512))[0]
    assert "index" in traced(None, window(256))[0]
