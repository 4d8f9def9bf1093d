# SPDX-License-Identifier: Apache-2.0
"""Every score mod and mask mod of FlexAttention's documentation and of attention-gym: sizes, references, comparison."""
import functools
import sys
from typing import Callable, NamedTuple, Optional

import mods_masks as masks
import mods_scores as scores
import numpy as np

import attune

DOCS, BLOG, GYM, OLD, EXAMPLES = ("torch documentation", "FlexAttention blog posts", "attention-gym", "attention-gym, older",
                                  "attention-gym examples")


class Case(NamedTuple):
    """A mod and where it comes from; queries and keys are lengths, batch and heads 2 each."""

    name: str
    source: str
    score: Optional[Callable] = None
    mask: Optional[Callable] = None
    queries: int = 48
    keys: int = 48


CASES = [
    # Mask mods.
    Case("noop mask", DOCS, mask=masks.noop),
    Case("causal mask", DOCS, mask=masks.causal),
    Case("sliding window (and_masks)", BLOG, mask=masks.sliding_window),
    Case("sliding window, one function", BLOG, mask=masks.sliding_window_in_one),
    Case("prefix LM (or_masks)", BLOG, mask=masks.prefix_lm),
    Case("prefix LM, a prefix a sequence", BLOG, mask=masks.prefix_lm_of_batch),
    Case("document", BLOG, mask=masks.document),
    Case("document and causal", BLOG, mask=masks.document_causal),
    Case("document ids a sequence", BLOG, mask=masks.document_of_batch),
    Case("jagged sequences", BLOG, mask=masks.jagged),
    Case("padding", BLOG, mask=masks.padding),
    Case("decoding, offset a number", BLOG, mask=masks.decoding_offset, queries=5),
    Case("decoding, offset an array", BLOG, mask=masks.decoding_offset_table, queries=5),
    Case("paged attention, mask", GYM, mask=masks.paged),
    Case("causal (masks/causal)", GYM, mask=masks.causal),
    Case("two-sided window", GYM, mask=masks.two_sided_window),
    Case("batchify of causal", GYM, mask=masks.batchify),
    Case("batchify of noop", GYM, mask=masks.batchify_noop),
    Case("block diffusion", GYM, mask=masks.block_diffusion),
    Case("document of causal", GYM, mask=masks.document_of_causal),
    Case("document of noop", GYM, mask=masks.document_of_noop),
    Case("document of a window", GYM, mask=masks.document_of_window),
    Case("packed causal documents", GYM, mask=masks.document_packed_causal),
    Case("global and sliding window", GYM, mask=masks.global_window),
    Case("tree causal (drafts)", GYM, mask=masks.tree, queries=12, keys=22),
    Case("draft head training", GYM, mask=masks.draft_training, queries=30, keys=40),
    Case("neighborhood", GYM, mask=masks.natten, queries=64, keys=64),
    Case("neighborhood, tiled order", GYM, mask=masks.natten_tiled, queries=64, keys=64),
    Case("neighborhood, Morton order", GYM, mask=masks.natten_morton, queries=64, keys=64),
    Case("prefix LM (masks/prefix_lm)", GYM, mask=masks.prefix_lm),
    Case("shared prefix", GYM, mask=masks.shared_prefix),
    Case("sliding window (masks/sliding_window)", GYM, mask=masks.sliding_window),
    Case("sliding tile 2-D", GYM, mask=masks.sliding_tile_2d, queries=53, keys=53),
    Case("sliding tile 3-D", GYM, mask=masks.sliding_tile_3d, queries=28, keys=28),
    Case("sparse video, spatial head", GYM, mask=masks.video_spatial),
    Case("sparse video, temporal head", GYM, mask=masks.video_temporal),
    Case("video sparse, lists of tiles", GYM, mask=masks.video_sparse_lists),
    Case("video sparse, map of tiles", GYM, mask=masks.video_sparse_map),
    Case("video sparse, padding", GYM, mask=masks.video_sparse_padding),
    Case("dilated window", OLD, mask=masks.dilated_window),
    Case("vision cross attention", OLD, mask=masks.vision_cross, queries=12, keys=12),
    Case("sink and window", OLD, mask=masks.sink),
    Case("ring attention shard", EXAMPLES, mask=masks.ring_shard, queries=13, keys=13),
    Case("rows that see nothing", EXAMPLES, mask=masks.nothing_seen),
    Case("graph adjacency", EXAMPLES, mask=masks.graph_adjacency),
    Case("functools.partial", EXAMPLES, mask=masks.partial_of_window),
    # Score mods.
    Case("noop", DOCS, scores.noop),
    Case("causal by -inf", BLOG, scores.causal),
    Case("causal by adding -inf", BLOG, scores.causal_added),
    Case("sliding window by -inf", BLOG, scores.sliding_window),
    Case("rows wholly -inf", BLOG, scores.empty_rows),
    Case("relative position", BLOG, scores.relative_position, masks.two_sided_window),
    Case("relative position, table", BLOG, scores.relative_table),
    Case("ALiBi, table of slopes", BLOG, scores.alibi_table),
    Case("ALiBi and causal", BLOG, scores.alibi_table, masks.causal),
    Case("tanh soft cap", BLOG, scores.softcap),
    Case("soft cap, window, document", BLOG, scores.softcap, masks.document_of_window),
    Case("ALiBi, computed slopes", GYM, scores.alibi_computed),
    Case("tanh soft cap (mods/softcapping)", GYM, scores.softcap),
    Case("tanh soft cap, approximate operator", GYM, scores.softcap_approximate),
    Case("activation ReLU", GYM, scores.activation_relu),
    Case("activation GELU", GYM, scores.activation_gelu),
    Case("exclusive self-attention", GYM, None, masks.causal),
    Case("Graphormer, distances", GYM, scores.graphormer_spatial),
    Case("Graphormer, edges", GYM, scores.graphormer_edges),
    Case("latent attention, rope", GYM, scores.latent_rope),
    Case("Sandwich", GYM, scores.sandwich, masks.causal),
    Case("paged attention, score", GYM, scores.paged_softcap),
    Case("anti window (debugging)", EXAMPLES, scores.anti_window),
    Case("checkerboard", EXAMPLES, scores.checkerboard),
    Case("ALiBi of stored positions", EXAMPLES, scores.alibi_positions),
    Case("sink as a score", EXAMPLES, scores.sink_logit),
    Case("padding by a large negative score", EXAMPLES, scores.key_padding_added),
    Case("minus squared norms of keys", EXAMPLES, scores.distance_of_norms),
    Case("a scale a head", EXAMPLES, scores.head_scale),
    Case("squares, sines, exponentials", EXAMPLES, scores.squared_and_trigonometric),
] + [Case(f"learned bias, {kind}", OLD, scores.learned(kind)) for kind in scores.SHAPES]


class Outcome(NamedTuple):
    """Largest errors of the output and of the logarithms of row sums; those of an eager evaluation in f32, and the bounds."""

    error: float
    eager: float
    bound: float
    lse_error: float
    lse_bound: float
    same_empty_rows: bool

    @property
    def passes(self):
        return self.error <= self.bound and self.lse_error <= self.lse_bound and self.same_empty_rows


def inputs(case, size=16):
    rng = np.random.default_rng(sum(map(ord, case.name)))
    lengths = (case.queries, case.keys, case.keys)
    return [rng.standard_normal((2, 2, n, size)).astype(np.float32) for n in lengths]


def library():
    """torch where it is installed and asked for by being imported, else NumPy; and what makes its arrays."""
    torch = sys.modules.get("torch")
    if torch is not None:
        import torch.nn.attention.flex_attention as theirs

        masks.flex = theirs
        theirs._FLEX_ATTENTION_DISABLE_COMPILE_DEBUG = True  # eager: the definition, evaluated
        return torch, lambda x: torch.from_numpy(np.ascontiguousarray(x)) if np.ndim(x) else torch.tensor(x)
    masks.flex = attune
    return np, np.asarray


def _by_torch(torch, dtype, arrays, score_mod, mask_mod):
    """FlexAttention's own eager evaluation."""
    flex = masks.flex
    q, k, v = (torch.from_numpy(x).to(dtype) for x in arrays)
    block_mask = None
    if mask_mod is not None:
        block_mask = flex.create_block_mask(mask_mod, 2, 2, q.shape[2], k.shape[2], device="cpu")
    changed = None if score_mod is None else lambda s, *places: score_mod(s, *places).to(s.dtype)
    out, aux = flex.flex_attention(q, k, v, changed, block_mask, return_aux=flex.AuxRequest(lse=True))
    return out.double().numpy(), aux.lse.double().numpy()


def _by_loops(dtype, arrays, score_mod, mask_mod):
    """The definition, pair by pair."""
    q, k, v = (x.astype(dtype) for x in arrays)
    s = np.einsum("bhid,bhjd->bhij", q, k) * dtype(q.shape[-1] ** -0.5)
    for b, h, i, j in np.ndindex(*s.shape):
        places = (np.int64(b), np.int64(h), np.int64(i), np.int64(j))
        score = s[b, h, i, j] if score_mod is None else score_mod(s[b, h, i, j], *places)
        s[b, h, i, j] = score if mask_mod is None or mask_mod(*places) else -np.inf
    top = s.max(-1, keepdims=True)
    weights = np.exp(s - np.where(np.isfinite(top), top, 0))
    total = weights.sum(-1, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.where(total > 0, np.einsum("bhij,bhjd->bhid", weights, v) / total, 0)
        return out.astype(np.float64), (np.log(total) + np.where(np.isfinite(top), top, 0))[..., 0].astype(np.float64)


def _from_last_key(arrays, score_mod, mask_mod):
    """The same attention with its keys in reverse: f32 sums that are as good, in another order."""
    last = arrays[1].shape[2] - 1
    q, k, v = arrays[0], arrays[1][:, :, ::-1].copy(), arrays[2][:, :, ::-1].copy()
    score = None if score_mod is None else lambda s, b, h, i, j: score_mod(s, b, h, i, last - j)
    mask = None if mask_mod is None else lambda b, h, i, j: mask_mod(b, h, i, last - j)
    return [q, k, v], score, mask


def run(case):
    """Our kernel against the definition in double. The bound is twice the error of an eager evaluation in f32, the worse one of
    two orders of its sums, and one rounding."""
    xp, array = library()
    torch = xp if xp is not np else None
    score_mod = case.score(xp, array) if case.score else None
    mask_mod = case.mask(xp, array) if case.mask else None
    arrays = inputs(case)
    evaluate = functools.partial(_by_torch, torch) if torch else _by_loops
    floats = torch or np
    with np.errstate(over="ignore", invalid="ignore"):
        exact = evaluate(floats.float64, arrays, score_mod, mask_mod)
        eager = [evaluate(floats.float32, *asked) for asked in ((arrays, score_mod, mask_mod),
                                                                _from_last_key(arrays, score_mod, mask_mod))]
    block_mask = None
    if mask_mod is not None:
        block_mask = attune.create_block_mask(mask_mod, 2, 2, case.queries, case.keys)
    ours = attune.flex_attention(*map(array, arrays), score_mod, block_mask, return_lse=True)
    out, lse = (np.asarray(x, dtype=np.float64) for x in ours)
    seen = np.isfinite(exact[1])
    numbers = [np.abs(out - exact[0]).max(), max(np.abs(e[0] - exact[0]).max() for e in eager), np.abs(exact[0]).max()]
    sums = [np.abs(lse[seen] - exact[1][seen]).max(initial=0),
            max(np.abs(e[1][seen] - exact[1][seen]).max(initial=0) for e in eager)]
    rounding = np.finfo(np.float32).eps / 2
    return Outcome(numbers[0], numbers[1], 2 * numbers[1] + rounding * numbers[2], sums[0],
                   2 * sums[1] + rounding * np.abs(exact[1][seen]).max(initial=0), bool((np.isneginf(lse) == ~seen).all()))
