# SPDX-License-Identifier: Apache-2.0
"""Mask mods of the FlexAttention documentation and of attention-gym, as users write them.

Each maker gets the array library (torch or NumPy), `array` that makes one of its arrays, and gives a mask_mod. `flex_cases`
says for which sizes. Written from their descriptions; what they hide is what torch's FlexAttention hides with them.
"""
import functools
import math

import numpy as np

#: Where and_masks, or_masks and noop_mask come from: torch's module where there is torch, else attune.
flex = None


def clamp(xp, x, low, high):
    """torch's method where there is torch: that is how masks are written for it."""
    return x.clamp(low, high) if xp.__name__ == "torch" else xp.clip(x, low, high)


def causal(xp, array):
    def causal_mask(b, h, q_idx, kv_idx):
        return q_idx >= kv_idx

    return causal_mask


def sliding_window(xp, array, window=9):
    def in_window(b, h, q_idx, kv_idx):
        return q_idx - kv_idx <= window

    return flex.and_masks(in_window, causal(xp, array))


def sliding_window_in_one(xp, array, window=9):
    def sliding_window_causal(b, h, q_idx, kv_idx):
        causal_mask = q_idx >= kv_idx
        window_mask = q_idx - kv_idx <= window
        return causal_mask & window_mask

    return sliding_window_causal


def two_sided_window(xp, array, window=5):
    return lambda b, h, q_idx, kv_idx: xp.abs(q_idx - kv_idx) <= window


def dilated_window(xp, array, window=12, dilation=3):
    def dilated(b, h, q_idx, kv_idx):
        distance = xp.abs(q_idx - kv_idx)
        return (distance <= window) & ((distance % dilation) == 0)

    return dilated


def prefix_lm(xp, array, prefix=11):
    def in_prefix(b, h, q_idx, kv_idx):
        return kv_idx < prefix

    return flex.or_masks(in_prefix, causal(xp, array))


def prefix_lm_of_batch(xp, array):
    prefix_length = array(np.array([7, 20], np.int32))

    def prefix_mask(b, h, q_idx, kv_idx):
        return kv_idx <= prefix_length[b]

    return flex.or_masks(prefix_mask, causal(xp, array))


def noop(xp, array):
    return flex.noop_mask


def padding(xp, array):
    lengths = array(np.array([40, 13], np.int64))
    return lambda b, h, q_idx, kv_idx: (q_idx < lengths[b]) & (kv_idx < lengths[b])


def decoding_offset(xp, array, offset=17):
    def at_offset(b, h, q_idx, kv_idx):
        return q_idx + offset >= kv_idx

    return at_offset


def decoding_offset_table(xp, array):
    """The offset in an array of no dims, as a key-value cache has it, around another mask."""
    offset = array(np.array(17, np.int32))

    def with_offset(mask_mod):
        return lambda b, h, q, kv: mask_mod(b, h, q + offset, kv)

    return with_offset(causal(xp, array))


def ring_shard(xp, array, rank=2, shard=13):
    def causal_shard(b, h, q_idx, kv_idx, _q_start=rank * shard, _kv_start=shard):
        return q_idx + _q_start >= kv_idx + _kv_start

    return causal_shard


def _documents(array):
    lengths = [9, 1, 17, 6, 15]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    return array(np.repeat(np.arange(len(lengths)), lengths).astype(np.int32)), array(offsets)


def document(xp, array):
    document_id, _ = _documents(array)

    def document_mask(b, h, q_idx, kv_idx):
        return document_id[q_idx] == document_id[kv_idx]

    return document_mask


def document_causal(xp, array):
    return flex.and_masks(document(xp, array), causal(xp, array))


def _document_of(xp, array, mask_mod):
    document_id, offsets = _documents(array)

    def doc_mask_mod(b, h, q_idx, kv_idx):
        same = document_id[q_idx] == document_id[kv_idx]
        q_logical = q_idx - offsets[document_id[q_idx]]
        kv_logical = kv_idx - offsets[document_id[kv_idx]]
        return same & mask_mod(b, h, q_logical, kv_logical)

    return doc_mask_mod


def document_of_causal(xp, array):
    return _document_of(xp, array, causal(xp, array))


def document_of_noop(xp, array):
    return _document_of(xp, array, flex.noop_mask)


def document_of_window(xp, array):
    return _document_of(xp, array, sliding_window(xp, array, 4))


def document_packed_causal(xp, array):
    document_id, offsets = _documents(array)
    causal_mask = causal(xp, array)

    def from_start(b, h, q_idx, kv_idx):
        start = offsets[document_id[q_idx]]
        return (kv_idx >= start) & causal_mask(b, h, q_idx, kv_idx)

    return from_start


def document_of_batch(xp, array):
    ids = array(np.sort(np.random.default_rng(3).integers(0, 5, (2, 48)), axis=1).astype(np.int32))
    return lambda b, h, q_idx, kv_idx: (ids[b, q_idx] == ids[b, kv_idx]) & (q_idx >= kv_idx)


def jagged(xp, array):
    """Sequences of unlike lengths one after another, as nested tensors are stored."""
    offsets = np.array([0, 10, 31, 48])
    sequence = array(np.repeat(np.arange(3), np.diff(offsets)).astype(np.int32))
    begin = array(offsets.astype(np.int32))

    def jagged_causal(b, h, q_idx, kv_idx):
        mine = sequence[q_idx]
        return (mine == sequence[kv_idx]) & (q_idx - begin[mine] >= kv_idx - begin[sequence[kv_idx]])

    return jagged_causal


def shared_prefix(xp, array):
    document_id, offsets = _documents(array)
    prefix_document = array(np.array([0, 0, 0, 3, 3], np.int64))

    def prefix_of_several(b, h, q_idx, kv_idx):
        mine = document_id[q_idx]
        start, parent = offsets[mine], prefix_document[mine]
        own = (kv_idx >= start) & (q_idx >= kv_idx)
        shared = (mine != parent) & (kv_idx >= offsets[parent]) & (kv_idx < offsets[parent + 1])
        return own | shared

    return prefix_of_several


def batchify(xp, array, inner=None, size=12):
    inner = inner or causal(xp, array)

    def within_batches(b, h, q_idx, kv_idx):
        same = q_idx // size == kv_idx // size
        return same & inner(b, h, q_idx % size, kv_idx % size)

    return within_batches


def batchify_noop(xp, array):
    return batchify(xp, array, flex.noop_mask)


def block_diffusion(xp, array, length=24, block=4):
    def mask(b, h, q_idx, kv_idx):
        q_noised, kv_noised = q_idx < length, kv_idx < length
        q_block, kv_block = (q_idx % length) // block, (kv_idx % length) // block
        diagonal = (q_block == kv_block) & (q_noised == kv_noised)
        offset_causal = (q_block > kv_block) & q_noised & ~kv_noised
        clean_causal = (q_block >= kv_block) & ~q_noised & ~kv_noised
        return diagonal | offset_causal | clean_causal

    return mask


def global_window(xp, array, window=4):
    marked = np.zeros(48, bool)
    marked[[0, 20]] = True
    is_global = array(marked)

    def near(b, h, q_idx, kv_idx):
        return abs(q_idx - kv_idx) <= window

    def everywhere(b, h, q_idx, kv_idx):
        return is_global[q_idx] | is_global[kv_idx]

    return flex.or_masks(near, everywhere)


def sink(xp, array, window=6, sinks=3):
    def first(b, h, q_idx, kv_idx):
        return kv_idx < sinks

    def near(b, h, q_idx, kv_idx):
        return q_idx - kv_idx <= window

    return flex.and_masks(flex.or_masks(near, first), causal(xp, array))


def tree(xp, array, prefix=10):
    parents = [-1, 0, 1, 1, 3, 3, 0, 6, 7, 7, 2, 2]
    ancestors = np.eye(len(parents), dtype=bool)
    for node, parent in enumerate(parents[1:], start=1):
        ancestors[node] |= ancestors[parent]
    nodes, ancestor = len(parents), array(ancestors)

    def tree_causal(b, h, q_idx, kv_idx):
        node = clamp(xp, kv_idx - prefix, 0, nodes - 1)
        in_tree = (kv_idx >= prefix) & (kv_idx < prefix + nodes)
        return (kv_idx < prefix) | (in_tree & ancestor[q_idx, node])

    return tree_causal


def draft_training(xp, array, prefix=10, block=6):
    def blocks_after_prefix(b, h, q_idx, kv_idx):
        position = kv_idx - prefix
        own = (kv_idx >= prefix) & (q_idx // block == position // block) & (position % block <= q_idx % block)
        return (kv_idx < prefix) | own

    return blocks_after_prefix


def natten(xp, array, width=8, height=8, kernel_w=3, kernel_h=5):
    def coordinates(index):
        return index // width, index % width

    return _neighborhood(xp, coordinates, width, height, kernel_w, kernel_h)


def _neighborhood(xp, coordinates, width, height, kernel_w, kernel_h):
    def near(b, h, q_idx, kv_idx):
        q_x, q_y = coordinates(q_idx)
        kv_x, kv_y = coordinates(kv_idx)
        center_x = clamp(xp, q_x, kernel_w // 2, (width - 1) - kernel_w // 2)
        center_y = clamp(xp, q_y, kernel_h // 2, (height - 1) - kernel_h // 2)
        return (abs(center_x - kv_x) <= kernel_w // 2) & (abs(center_y - kv_y) <= kernel_h // 2)

    return near


def natten_tiled(xp, array, width=8, height=8, tile_w=4, tile_h=2):
    def coordinates(index):
        tile, inside = index // (tile_h * tile_w), index % (tile_h * tile_w)
        tile_y, tile_x = tile // (width // tile_w), tile % (width // tile_w)
        return tile_x * tile_w + inside % tile_w, tile_y * tile_h + inside // tile_w

    return _neighborhood(xp, coordinates, width, height, 3, 3)


def natten_morton(xp, array):
    def even_bits(code):
        code = code & 0x55555555
        for shift, bits in ((1, 0x33333333), (2, 0x0F0F0F0F), (4, 0x00FF00FF), (8, 0x0000FFFF)):
            code = (code | (code >> shift)) & bits
        return code

    return _neighborhood(xp, lambda code: (even_bits(code), even_bits(code >> 1)), 8, 8, 3, 3)


def _tile_axis(xp, q, kv, kernel, tiles):
    left, right = kernel // 2, kernel // 2 + (kernel % 2 - 1)
    center = clamp(xp, q, left, (tiles - 1) - right)
    return (kv >= center - left) & (kv <= center + right)


def _with_text(vision, text, inside):
    def mask(b, h, q_idx, kv_idx):
        seen = (q_idx < vision) & (kv_idx < vision) & inside(q_idx, kv_idx)
        to_text = (q_idx < vision) & (kv_idx >= vision) & (kv_idx < vision + text)
        return seen | to_text | ((q_idx >= vision) & (kv_idx < vision + text))

    return mask


def sliding_tile_2d(xp, array, tile=(2, 2), tiles=(3, 4), kernel=(3, 2), text=5):
    size, vision = tile[0] * tile[1], tile[0] * tile[1] * tiles[0] * tiles[1]

    def inside(q_idx, kv_idx):
        q, kv = q_idx // size, kv_idx // size
        return (_tile_axis(xp, q // tiles[1], kv // tiles[1], kernel[0], tiles[0])
                & _tile_axis(xp, q % tiles[1], kv % tiles[1], kernel[1], tiles[1]))

    return _with_text(vision, text, inside)


def sliding_tile_3d(xp, array, tile=2, tiles=(2, 2, 3), kernel=(1, 2, 2), text=4):
    size, plane = tile, tiles[1] * tiles[2]
    vision = size * tiles[0] * plane

    def coordinates(index):
        flat = index // size
        return flat // plane, (flat % plane) // tiles[2], flat % tiles[2]

    def inside(q_idx, kv_idx):
        q, kv = coordinates(q_idx), coordinates(kv_idx)
        axes = [_tile_axis(xp, a, b, k, n) for a, b, k, n in zip(q, kv, kernel, tiles)]
        return axes[0] & axes[1] & axes[2]

    return _with_text(vision, text, inside)


def video_spatial(xp, array, prompt=4, frame=11, width=2, attn_sink=True, round_width=4):
    def rounded(length):
        return math.floor(length / round_width) * round_width

    def spatial(b, h, q_idx, kv_idx):
        if attn_sink:
            column = kv_idx < (prompt + frame)
        else:
            column = kv_idx < prompt
        return column | (q_idx < prompt) | (xp.abs(q_idx - kv_idx) < rounded(width * frame))

    return spatial


def video_temporal(xp, array, prompt=4, frames=4, frame=11, width=2):
    def in_frame(index):
        return (index - prompt) % frame

    def temporal(b, h, q_idx, kv_idx):
        near = xp.abs(in_frame(q_idx) - in_frame(kv_idx)) < (width * frame) // frames
        return (kv_idx < prompt) | (q_idx < prompt) | near

    return temporal


def _chosen_tiles(array, tiles=6, count=3):
    rng = np.random.default_rng(5)
    lists = np.stack([np.sort(rng.permutation(tiles)[:count]) for _ in range(2 * 2 * tiles)])
    return array(lists.reshape(2, 2, tiles, count).astype(np.int32)), array(np.array([8, 8, 5, 8, 8, 3], np.int64))


def video_sparse_lists(xp, array, tile=8):
    chosen, sizes = _chosen_tiles(array)

    def in_lists(b, h, q_idx, kv_idx):
        kv_tile = kv_idx // tile
        entries = chosen[b, h, q_idx // tile]
        other = kv_tile.unsqueeze(-1) if xp.__name__ == "torch" else kv_tile
        return (entries == other).any(-1) & (kv_idx % tile < sizes[kv_tile])

    return in_lists


def video_sparse_map(xp, array, tile=8):
    lists, sizes = (np.asarray(x) for x in _chosen_tiles(np.asarray))
    dense = np.zeros((2, 2, 6, 6), bool)
    np.put_along_axis(dense, lists, True, axis=-1)
    block_map, block_sizes = array(dense), array(sizes)

    def in_map(b, h, q_idx, kv_idx):
        return block_map[b, h, q_idx // tile, kv_idx // tile] & (kv_idx % tile < block_sizes[kv_idx // tile])

    return in_map


def video_sparse_padding(xp, array, tile=8):
    _, sizes = _chosen_tiles(array)
    return lambda b, h, q_idx, kv_idx: kv_idx % tile < sizes[kv_idx // tile]


def vision_cross(xp, array, image=4):
    intervals = array(np.array([[0, 7], [1, 7], [7, 12]], np.int32))
    boundaries = array(np.repeat(np.arange(3), image).astype(np.int64))

    def sees_image(b, h, q_idx, kv_idx):
        interval = intervals[boundaries[kv_idx]]
        return (q_idx >= interval[0]) & (q_idx < interval[1])

    return sees_image


class Pages:
    """A paged cache whose masks and mods are converted from logical to physical keys."""

    def __init__(self, array):
        self.page_size = 8
        table = np.full((2, 6), -1, np.int64)
        table[0, [3, 0, 5, 1]] = np.arange(4)
        table[1, [2, 4]] = np.arange(2)
        self.physical_to_logical = array(table)

    def mask(self, xp, mask_mod):
        def physical(b, h, q_idx, physical_kv_idx):
            block = self.physical_to_logical[b, physical_kv_idx // self.page_size]
            logical = block * self.page_size + physical_kv_idx % self.page_size
            return xp.where(block >= 0, mask_mod(b, h, q_idx, logical), False)

        return physical

    def score(self, xp, score_mod):
        def physical(score, b, h, q_idx, physical_kv_idx):
            block = self.physical_to_logical[b, physical_kv_idx // self.page_size]
            logical = block * self.page_size + physical_kv_idx % self.page_size
            return xp.where(block >= 0, score_mod(score, b, h, q_idx, logical), float("-inf"))

        return physical


def paged(xp, array):
    return Pages(array).mask(xp, causal(xp, array))


def graph_adjacency(xp, array):
    adjacency = array(np.random.default_rng(9).integers(0, 2, (48, 48)).astype(np.int32))
    return lambda b, h, q_idx, kv_idx: adjacency[q_idx, kv_idx] > 0


def partial_of_window(xp, array):
    def window(size, b, h, q_idx, kv_idx):
        return (q_idx - kv_idx < size) & (kv_idx <= q_idx)

    return functools.partial(window, 6)


def nothing_seen(xp, array):
    """Rows beyond the 20th see no key: FlexAttention gives 0 there."""
    return lambda b, h, q_idx, kv_idx: (q_idx < 20) & (kv_idx <= q_idx)
