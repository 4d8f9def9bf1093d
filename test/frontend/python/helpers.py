# SPDX-License-Identifier: Apache-2.0
"""What the tests of the Python frontend share: the meaning of attention, in double, on whole matrices."""
import numpy as np


def attention(query, key, value, scale=None, score_mod=None, mask_mod=None):
    """(output, lse) in float64 by the definition. score_mod and mask_mod get arrays of indices that broadcast to
    (B, H, L, S); a row that sees no key is 0 and has the lse -inf."""
    q, k, v = (np.asarray(x).astype(np.float64) for x in (query, key, value))
    k, v = (np.broadcast_to(x, (q.shape[0], *x.shape[1:])) for x in (k, v))
    k, v = (np.repeat(x, q.shape[1] // x.shape[1], axis=1) for x in (k, v))
    scores = np.einsum("bhid,bhjd->bhij", q, k) * (q.shape[-1] ** -0.5 if scale is None else scale)
    indices = np.ogrid[tuple(slice(0, n) for n in scores.shape)]
    if score_mod is not None:
        scores = score_mod(scores, *indices)
    seen = np.ones(scores.shape, bool)
    if mask_mod is not None:
        seen = np.broadcast_to(mask_mod(*indices), scores.shape)
    scores = np.where(seen, scores, -np.inf)
    top = scores.max(-1, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0.0)
    weights = np.exp(scores - top)
    total = weights.sum(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        lse = np.log(total[..., 0]) + top[..., 0]
        output = np.where(total > 0, np.einsum("bhij,bhjd->bhid", weights, v) / total, 0.0)
    return output, lse


def random(*shape, seed=0, dtype=np.float32):
    """Normal numbers, the same for the same seed."""
    return np.random.default_rng([seed, *shape]).standard_normal(shape).astype(dtype)


def inputs(batch=2, heads=4, tokens=33, keys=47, size=16, value_size=None, key_heads=None, dtype=np.float32):
    """query, key and value of these sizes."""
    key_heads = key_heads or heads
    return (random(batch, heads, tokens, size, seed=1, dtype=dtype), random(batch, key_heads, keys, size, seed=2, dtype=dtype),
            random(batch, key_heads, keys, value_size or size, seed=3, dtype=dtype))
