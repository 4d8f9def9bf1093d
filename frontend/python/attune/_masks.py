# SPDX-License-Identifier: Apache-2.0
"""Masks with FlexAttention's names. Nothing is evaluated when they are made: they carry the function."""
from __future__ import annotations

import sys
from typing import Any, Callable, Optional, Tuple, Union

MaskMod = Callable[[Any, Any, Any, Any], Any]
_NO_BLOCKS = ("attune keeps no list of blocks: the compiler derives which tiles are visited from the mask itself, "
              "for every length. attune.explain and attune.picture show them")


def noop_mask(b: Any, h: Any, q_idx: Any, kv_idx: Any) -> bool:
    """Hides nothing."""
    return True


def and_masks(*mask_mods: MaskMod) -> MaskMod:
    """The mask that hides a pair if one of `mask_mods` does. ValueError if one of them is no function."""
    _check(mask_mods)

    def and_mask(b: Any, h: Any, q_idx: Any, kv_idx: Any) -> Any:
        result: Any = True
        for mask in mask_mods:
            result = mask(b, h, q_idx, kv_idx) & result
        return result

    return and_mask


def or_masks(*mask_mods: MaskMod) -> MaskMod:
    """The mask that hides a pair if all of `mask_mods` do. ValueError if one of them is no function."""
    _check(mask_mods)

    def or_mask(b: Any, h: Any, q_idx: Any, kv_idx: Any) -> Any:
        result: Any = False
        for mask in mask_mods:
            result = mask(b, h, q_idx, kv_idx) | result
        return result

    return or_mask


def _check(mask_mods: Tuple[MaskMod, ...]) -> None:
    for mask in mask_mods:
        if not callable(mask):
            raise ValueError(f"expected functions mask_mod(b, h, q_idx, kv_idx), but got {mask!r}")


class BlockMask:
    """What `create_block_mask` gives: a mask_mod with the sizes it was asked for.

    mask_mod: the function. shape: (B, H, Q_LEN, KV_LEN), 1 for None. BLOCK_SIZE: kept for scripts that read it; tiles are the
    compiler's choice. The mask holds for all lengths, so it may be used with longer or shorter arrays than it was made for, as
    long as the tables that it reads are long enough.
    """

    def __init__(self, mask_mod: MaskMod, B: Optional[int], H: Optional[int], Q_LEN: int, KV_LEN: int, device: Any = "cpu",
                 BLOCK_SIZE: Union[int, Tuple[int, int]] = 128) -> None:
        self.mask_mod = mask_mod
        self.seq_lengths = (int(Q_LEN), int(KV_LEN))
        self.BLOCK_SIZE = (BLOCK_SIZE, BLOCK_SIZE) if isinstance(BLOCK_SIZE, int) else tuple(BLOCK_SIZE)
        self.device = device
        self._heads = (1 if B is None else int(B), 1 if H is None else int(H))

    @property
    def shape(self) -> Tuple[int, int, int, int]:
        """(B, H, Q_LEN, KV_LEN)."""
        return self._heads + self.seq_lengths

    def numel(self) -> int:
        """How many pairs there are."""
        b, h, q, k = self.shape
        return b * h * q * k

    def to(self, device: Any) -> "BlockMask":
        """The same mask. The arrays that it has captured are not moved: they have to be where the queries are."""
        return self._like(device=device)

    def _adjust(self, new_q_len: int, new_kv_len: int) -> "BlockMask":
        """The same mask for other lengths."""
        return self._like(lengths=(new_q_len, new_kv_len))

    def _like(self, device: Any = None, lengths: Optional[Tuple[int, int]] = None, heads: Optional[Tuple[int, int]] = None,
              mask_mod: Optional[MaskMod] = None) -> "BlockMask":
        b, h = heads or self._heads
        q, k = lengths or self.seq_lengths
        return BlockMask(mask_mod or self.mask_mod, b, h, q, k, self.device if device is None else device, self.BLOCK_SIZE)

    def __getitem__(self, index: Any) -> "BlockMask":
        """The mask of one sequence, or of one sequence and one head: whole numbers and full slices alone. Slices of queries need
        an offset: `mask_mod(b, h, q_idx + offset, kv_idx)`, written as a function."""
        index = index if isinstance(index, tuple) else (index,)
        if len(index) > 2:
            raise TypeError("a slice of queries has an offset that a mask_mod must know; write "
                            "mask_mod(b, h, q_idx + offset, kv_idx) as a function of its own, with the offset captured")
        fixed = []
        for size, item in zip(self._heads, index + (slice(None),) * (2 - len(index))):
            if isinstance(item, slice) and item == slice(None):
                fixed.append(None)
            elif hasattr(item, "__index__") and -size <= item.__index__() < size:
                fixed.append(item.__index__() % size)
            else:
                raise IndexError(f"{item!r} does not choose one of {size}; lists and partial slices are not supported: "
                                 f"{_NO_BLOCKS}")
        base, (batch, head) = self.mask_mod, fixed

        def mask_of_part(b: Any, h: Any, q_idx: Any, kv_idx: Any) -> Any:
            return base(b if batch is None else b * 0 + batch, h if head is None else h * 0 + head, q_idx, kv_idx)

        heads = tuple(size if item is None else 1 for size, item in zip(self._heads, fixed))
        return self._like(heads=(heads[0], heads[1]), mask_mod=mask_of_part)

    def __str__(self) -> str:
        name = getattr(self.mask_mod, "__name__", type(self.mask_mod).__name__)
        return f"BlockMask(shape={self.shape}, mask_mod={name}; no blocks are stored, tiles follow from the mask)"

    __repr__ = __str__

    def _repr_svg_(self) -> Optional[str]:
        """What a notebook shows: the mask's picture; None, and so the words alone, where it cannot be drawn."""
        from ._errors import Error
        from ._explain import picture

        try:
            return picture(self).svg
        except Error:
            return None

    def to_string(self, grid_size: Any = 20, limit: int = 4) -> str:
        """As `str`. The picture of the mask is `attune.picture`."""
        return str(self)

    def _refused(self, name: str) -> Any:
        raise AttributeError(f"BlockMask.{name}: {_NO_BLOCKS}")

    def sparsity(self) -> float:
        """Refused: the share of hidden blocks is known when captured arrays are (attune.explain gives visible pairs)."""
        raise NotImplementedError(f"BlockMask.sparsity: {_NO_BLOCKS}")

    def to_dense(self) -> Any:
        """Refused: no list of blocks is kept. `create_mask` evaluates a mask pair by pair."""
        raise NotImplementedError(f"BlockMask.to_dense: {_NO_BLOCKS}")

    def as_tuple(self, flatten: bool = True) -> Any:
        raise NotImplementedError(f"BlockMask.as_tuple: {_NO_BLOCKS}")

    @classmethod
    def from_kv_blocks(cls, *_: Any, mask_mod: Optional[MaskMod] = None, **__: Any) -> "BlockMask":
        """Refused: lists of blocks can disagree with the function. Write the choice of blocks as a mask over a captured table:
        `chosen[b, h, q_idx // size, kv_idx // size]`."""
        raise NotImplementedError("a BlockMask of lists of blocks: write the choice as a mask over a captured boolean table, "
                                  "chosen[b, h, q_idx // size, kv_idx // size]; " + _NO_BLOCKS)

    def __getattr__(self, name: str) -> Any:
        if name in ("kv_num_blocks", "kv_indices", "full_kv_num_blocks", "full_kv_indices", "q_num_blocks", "q_indices",
                    "full_q_num_blocks", "full_q_indices"):
            return self._refused(name)
        raise AttributeError(f"BlockMask has no attribute {name!r}")


def create_block_mask(mask_mod: MaskMod, B: Optional[int], H: Optional[int], Q_LEN: int, KV_LEN: int, device: Any = None,
                      BLOCK_SIZE: Union[int, Tuple[int, int]] = 128, _compile: bool = False, **_: Any) -> BlockMask:
    """A BlockMask of `mask_mod(b, h, q_idx, kv_idx)`, without evaluating it.

    B, H: sizes that the mask differs over, None where it does not. Q_LEN, KV_LEN: lengths. BLOCK_SIZE, _compile: accepted, of no
    effect. ValueError if mask_mod is no function of four positions or a length is negative.
    """
    if not callable(mask_mod):
        raise ValueError(f"mask_mod is {mask_mod!r}; expected a function mask_mod(b, h, q_idx, kv_idx)")
    code = getattr(mask_mod, "__code__", None)
    if code is not None and not code.co_flags & 4:
        given = code.co_argcount - (1 if hasattr(mask_mod, "__self__") else 0)
        defaults = len(getattr(mask_mod, "__defaults__", None) or ())
        if not given - defaults <= 4 <= given:
            raise ValueError(f"mask_mod takes {given} arguments; expected mask_mod(b, h, q_idx, kv_idx)")
    for label, size in (("B", B), ("H", H), ("Q_LEN", Q_LEN), ("KV_LEN", KV_LEN)):
        if size is not None and size < 0:
            raise ValueError(f"{label} is {size}; expected 0 or more")
    return BlockMask(mask_mod, B, H, Q_LEN, KV_LEN, "cpu" if device is None else device, BLOCK_SIZE)


def create_mask(mask_mod: MaskMod, B: Optional[int], H: Optional[int], Q_LEN: int, KV_LEN: int, device: Any = None) -> Any:
    """The mask as an array of booleans of shape (B, H, Q_LEN, KV_LEN), evaluated by NumPy on whole arrays of positions: for looking
    at small masks. Captured torch tensors are better looked at with torch's own create_mask."""
    numpy = sys.modules.get("numpy") or __import__("numpy")
    b, h, q, k = numpy.ogrid[: 1 if B is None else B, : 1 if H is None else H, :Q_LEN, :KV_LEN]
    shape = (b.shape[0], h.shape[1], Q_LEN, KV_LEN)
    return numpy.broadcast_to(numpy.asarray(mask_mod(b, h, q, k), dtype=bool), shape).copy()
