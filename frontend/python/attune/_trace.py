# SPDX-License-Identifier: Apache-2.0
"""From FlexAttention's callables to the attn text of one kernel."""
from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Callable, Hashable, List, NamedTuple, Optional

from ._program import Operand, Program, Result

if TYPE_CHECKING:
    from ._arrays import ArrayInfo


class Captured(NamedTuple):
    """What callables have captured. signature: equal signatures mean that one `Program` serves; values: arrays and numbers, for
    `Program.bind`."""

    signature: Hashable
    values: List[Any]


def capture(*callables: Any) -> Captured:
    """Signature and captured values of callables, BlockMasks or None, together. Costs some microseconds."""
    return Captured(tuple(getattr(c, "__code__", None) for c in callables), [])


def signature(callable_: Any) -> Hashable:
    """What decides which program a callable becomes: code, captured scalars' types, captured arrays' dtypes and ranks."""
    return capture(callable_).signature


def trace_flex(
    score_mod: Optional[Callable[..., Any]],
    block_mask: Any,
    query: "ArrayInfo",
    key: "ArrayInfo",
    value: "ArrayInfo",
    scale: Optional[float] = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
) -> Program:
    """The program of one `flex_attention` call. It depends on dtypes, head sizes and what is captured, not on lengths, heads or
    batch. Sources of its operands are places in `capture(score_mod, block_mask).values`."""
    if score_mod is not None or block_mask is not None:
        raise NotImplementedError("score_mod and block_mask are being written")
    d, dv = query.shape[-1], value.shape[-1]
    factor = 1.0 / math.sqrt(d) if scale is None else float(scale)
    q, k = f"!attn.rows<vector<{d}x{query.dtype}>>", f"!attn.cols<vector<{d}x{key.dtype}>>"
    v, o = f"!attn.cols<vector<{dv}x{value.dtype}>>", f"!attn.rows<vector<{dv}x{query.dtype}>>"
    results = [Result("out", "rows", query.dtype, (dv,), ("q",))]
    lse, names, types = "", "%o", o
    if return_lse:
        results.append(Result("lse", "rows", "f32", (), ("q",)))
        lse, names, types = "  %l = logsumexp %s : !attn.matrix<f32>\n", "%o, %l", f"{o}, !attn.rows<f32>"
    text = (
        f"attn.kernel @flex_attention(%q: {q}, %k: {k}, %v: {v}) -> "
        f'({o} {{attn.name = "out"}}' + (', !attn.rows<f32> {attn.name = "lse"}' if return_lse else "") + ") {\n"
        f"  %s = dot %q, %k scale {factor!r} : {q}, {k}\n  %p = softmax %s : !attn.matrix<f32>\n"
        f"  %o = contract %p, %v : !attn.matrix<f32>, {v} -> {o}\n{lse}  return {names} : {types}\n}}\n"
    )
    operands = [Operand("q", "query", type=q), Operand("k", "key", type=k), Operand("v", "value", type=v)]
    return Program(text, "flex_attention", operands, results)
