# SPDX-License-Identifier: Apache-2.0
"""A BlockMask that torch has made, as a mask_mod.

It is a list of blocks of pairs, in which full blocks are visible as they are and others by its mask_mod. Blocks may hide what
the mask_mod would show (BlockMask.from_kv_blocks), so both are read: the lists as a captured table of one byte a block.
attune.create_block_mask has no lists, and leaves to the compiler which tiles are visited.
"""
from __future__ import annotations

import sys
from typing import Any, Callable


def is_torch_block_mask(thing: Any) -> bool:
    return type(thing).__name__ == "BlockMask" and type(thing).__module__.startswith("torch.")


def mask_of(block_mask: Any) -> Callable[[Any, Any, Any, Any], Any]:
    """The function of a BlockMask of torch: made once, and kept with it."""
    found = getattr(block_mask, "_attune_mask", None)
    if found is None:
        found = block_mask._attune_mask = _make(block_mask)
    return found


def _make(block_mask: Any) -> Callable[[Any, Any, Any, Any], Any]:
    mask_mod = block_mask.mask_mod
    if type(mask_mod).__name__ == "_MaskModWrapper":
        mask_mod = mask_mod.fn
    rows, columns = block_mask.BLOCK_SIZE
    count = max(block_mask.kv_indices.shape[-1], -(-block_mask.seq_lengths[1] // columns))
    blocks = _dense(block_mask.kv_num_blocks, block_mask.kv_indices, count)
    if block_mask.full_kv_num_blocks is not None:
        blocks = blocks + 2 * _dense(block_mask.full_kv_num_blocks, block_mask.full_kv_indices, count)
    many_batches, many_heads = blocks.shape[0] > 1, blocks.shape[1] > 1

    def mask_of_blocks(b: Any, h: Any, q_idx: Any, kv_idx: Any) -> Any:
        kind = blocks[b if many_batches else 0, h if many_heads else 0, q_idx // rows, kv_idx // columns]
        return (kind >= 2) | ((kind == 1) & mask_mod(b, h, q_idx, kv_idx))

    return mask_of_blocks


def _dense(counts: Any, indices: Any, columns: int) -> Any:
    """1 for each block of a list, as (batch, heads, blocks of queries, blocks of keys)."""
    torch = sys.modules["torch"]
    listed = torch.arange(indices.shape[-1], device=indices.device) < counts[..., None]
    places = torch.where(listed, indices, columns).long()
    dense = torch.zeros(*indices.shape[:-1], columns + 1, dtype=torch.int8, device=indices.device)
    return dense.scatter_(-1, places, 1)[..., :-1].contiguous()
