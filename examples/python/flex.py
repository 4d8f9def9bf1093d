# SPDX-License-Identifier: Apache-2.0
"""FlexAttention's own style: a score_mod and a mask_mod, written as for torch, for torch tensors or NumPy arrays.

Packed documents, each causal and within a window, with ALiBi slopes for each head; 8 heads of queries share 2 of keys.

  pip install . numpy && python examples/python/flex.py          (with torch installed, it is compared with torch's)
"""
import importlib.util

import numpy as np

import attune
from attune import and_masks, create_block_mask, flex_attention

B, H, HKV, L, D = 2, 8, 2, 500, 64
WINDOW = 100
rng = np.random.default_rng(0)
query = rng.standard_normal((B, H, L, D), np.float32)
key, value = (rng.standard_normal((B, HKV, L, D), np.float32) for _ in range(2))
document = np.sort(rng.integers(0, 4, (B, L)), axis=1).astype(np.int32)
slopes = (2.0 ** -np.arange(1, H + 1)).astype(np.float32)
if importlib.util.find_spec("torch"):
    import torch

    query, key, value, document, slopes = map(torch.from_numpy, (query, key, value, document, slopes))


def same_document(b, h, q_idx, kv_idx):
    return document[b, q_idx] == document[b, kv_idx]


def causal_window(b, h, q_idx, kv_idx):
    return (q_idx >= kv_idx) & (q_idx - kv_idx <= WINDOW)


def alibi(score, b, h, q_idx, kv_idx):
    return score + slopes[h] * (kv_idx - q_idx)


block_mask = create_block_mask(and_masks(same_document, causal_window), B, None, L, L)
output = flex_attention(query, key, value, score_mod=alibi, block_mask=block_mask, enable_gqa=True)
print(f"{type(output).__module__}.{type(output).__name__} of shape {tuple(output.shape)}")

attune.picture(query, key, value, alibi, block_mask, enable_gqa=True).save("mask.svg")
print(attune.explain(query, key, value, alibi, block_mask, enable_gqa=True))

if importlib.util.find_spec("torch"):
    from torch.nn.attention import flex_attention as theirs

    mask = theirs.create_block_mask(theirs.and_masks(same_document, causal_window), B, None, L, L, device="cpu")
    expected = theirs.flex_attention(query, key, value, score_mod=alibi, block_mask=mask, enable_gqa=True)
else:
    b, h, i, j = np.ogrid[:B, :H, :L, :L]
    scores = query @ np.repeat(key, H // HKV, axis=1).swapaxes(2, 3) / np.sqrt(D)
    seen = same_document(b, h, i, j) & causal_window(b, h, i, j)
    weights = np.where(seen, np.exp(alibi(scores, b, h, i, j)), 0)
    expected = weights @ np.repeat(value, H // HKV, axis=1) / weights.sum(-1, keepdims=True)
error = float(abs(output - expected).max())
print(f"largest difference from whole matrices: {error:.1e}")
assert error < 1e-5
