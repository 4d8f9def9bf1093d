# SPDX-License-Identifier: Apache-2.0
"""From FlexAttention's callables to the attn text of one kernel."""
from __future__ import annotations

import math
import re
from typing import Any, Callable, Hashable, List, Optional, Sequence, Tuple

from .._program import ArrayInfo, Operand, Program, Result
from .._symbols import functions, state
from .._symbols.located import TraceError
from .._symbols.table import Table
from .._symbols.value import Type, Value
from .body import Body, Ref, finish, place
from .capture import Captured, capture, remember, roots_of
from .emit import float_text
from .record import Recorder
from .torchmode import torch_indexing

_FLOATS = ("f64", "f32", "f16", "bf16")


def signature(score_mod: Any, block_mask: Any = None) -> Optional[Hashable]:
    """What decides which program callables become: their code, types of captured numbers, dtypes and ranks of captured arrays.
    None for what has not been traced yet."""
    return capture(score_mod, block_mask).signature


def trace_flex(
    score_mod: Optional[Callable[..., Any]],
    block_mask: Any,
    query: ArrayInfo,
    key: ArrayInfo,
    value: ArrayInfo,
    scale: Optional[float] = None,
    enable_gqa: bool = False,
    return_lse: bool = False,
    return_max: bool = False,
    name: str = "flex_attention",
) -> Program:
    """The program of one `flex_attention` call.

    query, key, value: of shapes (B, Hq, L, E), (B, Hkv, S, E), (B, Hkv, S, Ev), of one float dtype. The program depends on
    dtypes, E, Ev, scale and what is captured, not on B, H, L, S. block_mask: a BlockMask (ours or torch's), a mask_mod, or None.
    Sources of its operands are places in `capture(score_mod, block_mask).values`; call `capture` after the trace, which has
    told it what to look at.

    Raises TraceError (a TypeError) for what no kernel can do, with the user's line and the fix; ValueError for dtypes and shapes.
    """
    _check(query, key, value)
    recorder = Recorder()
    score_root, mask_root = roots_of((score_mod, block_mask))
    with state.Trace("f64" if query.dtype == "f64" else "f32", recorder) as trace, torch_indexing(trace):
        trace.device = query.device
        body = Body(hides=False)
        q, k, v = _tokens(query, key, value)
        factor = 1.0 / math.sqrt(query.shape[-1]) if scale is None else float(scale)
        score = body.op(f"dot {q.name}, {k.name} scale {float_text(factor, 'f32')} : {q.text()}, {k.text()}",
                        ("matrix", ("q", "k"), Type(trace.floating)), "s")
        places = [place("b"), place("h"), place("row", "q"), place("col", "k")]
        changed, hidden = _score(recorder, score_root, score, places)
        mask = _mask(recorder, mask_root, places)
        keep = functions.call("bitwise_and", mask, hidden)
        # The mask stands first: what is hidden has no score to change.
        masked = score if keep.concrete is True and not keep.leaves else body.where(score, keep)
        if changed is not score:
            # It is bound even where it is not read: what is hidden stays hidden.
            masked = body.map(_replaced(changed, score, masked), "matrix", ("q", "k"), like=masked)
        results = [(_output(body, masked, v, query), "out")]
        if return_lse:
            lse = body.op(f"logsumexp {masked.attr.name} : {masked.attr.text()}", ("rows", ("q",), Type(trace.floating)), "l")
            results.append((lse.attr, "lse"))
        if return_max:
            top = body.op(f"reduce max {masked.attr.name} over keys : {masked.attr.text()}",
                          ("rows", ("q",), Type(trace.floating)), "x")
            results.append((top.attr, "max_scores"))
        text = finish(trace, name, results)
        described = [Result(label, "rows", ref.type.kind, ref.type.shape, ref.axes) for ref, label in results]
        remember((score_mod, block_mask), recorder.steps)
        return Program(text, name, trace.operands, described, trace.volatile)


def _check(query: ArrayInfo, key: ArrayInfo, value: ArrayInfo) -> None:
    for label, array in (("query", query), ("key", key), ("value", value)):
        if array.dtype not in _FLOATS:
            raise ValueError(f"{label} has elements of type {array.dtype}; expected f64, f32, f16 or bf16")
        if len(array.shape) != 4:
            raise ValueError(f"{label} has shape {tuple(array.shape)}; expected 4 dims: batch, heads, tokens, head size")
        if array.dtype != query.dtype:
            raise ValueError(f"{label} is {array.dtype} and query is {query.dtype}; cast them to one type")
        if array.shape[-1] < 1:
            raise ValueError(f"{label} has heads of size {array.shape[-1]}; expected 1 or more")
    if key.shape[-1] != query.shape[-1]:
        raise ValueError(f"key has heads of size {key.shape[-1]} and query of {query.shape[-1]}; they have to be equal")


def _tokens(query: ArrayInfo, key: ArrayInfo, value: ArrayInfo) -> Tuple[Ref, Ref, Ref]:
    trace = state.current()
    refs = []
    for label, role, kind, axis, info in (("q", "query", "rows", "q", query), ("k", "key", "cols", "k", key),
                                          ("v", "value", "cols", "k", value)):
        ref = Ref("%" + trace.unique(label), kind, (axis,), Type(info.dtype, (int(info.shape[-1]),)))
        trace.operands.append(Operand(label, role, type=ref.text()))
        refs.append(ref)
    return refs[0], refs[1], refs[2]


def _output(body: Body, masked: Value, v: Ref, query: ArrayInfo) -> Ref:
    score = masked.attr
    weights = body.op(f"softmax {score.name} : {score.text()}", (score.kind, score.axes, score.type), "p").attr
    out = Ref("", "rows", ("q",), Type(query.dtype, v.type.shape))
    return body.op(f"contract {weights.name}, {v.name} : {weights.text()}, {v.text()} -> {out.text()}",
                   ("rows", out.axes, out.type), "o").attr


# The callables.
def _run(recorder: Recorder, root: Any, which: int, role: str, args: Sequence[Value]) -> Any:
    if not callable(root):
        raise TypeError(f"{role} is a {type(root).__name__}; expected a function")
    copy = recorder.root(root, which)
    try:
        return copy(*args)
    except TypeError as error:
        if isinstance(error, TraceError) or not re.search(r"positional argument|missing \d+ required", str(error)):
            raise
        names = "score, b, h, q_idx, kv_idx" if role == "score_mod" else "b, h, q_idx, kv_idx"
        raise TypeError(f"{role} is called with ({names}): {error}") from error


def _score(recorder: Recorder, root: Any, score: Value, places: List[Value]) -> Tuple[Value, Value]:
    """The changed score, and where it is not -inf."""
    if root is None:
        return score, functions.constant(True)
    result = _run(recorder, root, 0, "score_mod", [functions.lift(score), *places])
    if result is None:
        raise TraceError(f"score_mod {_name(root)} returned None; return the new score")
    result = functions.to_float(_number(result, "score_mod", root))
    if result.type.shape:
        raise TraceError(f"score_mod {_name(root)} returned {result.describe()}; a score is one number")
    conditions, result = split_infinite(result)
    return (score if result is functions.lift(score) else result), conditions


def _mask(recorder: Recorder, root: Any, places: List[Value]) -> Value:
    if root is None:
        return functions.constant(True)
    result = _run(recorder, root, 1, "mask_mod", places)
    if result is None:
        raise TraceError(f"mask_mod {_name(root)} returned None; return a condition")
    result = _number(result, "mask_mod", root)
    if result.type.kind != "bool":
        raise TraceError(f"mask_mod {_name(root)} returned {result.describe()}; a mask returns a condition (value != 0, say)")
    return result


def _number(result: Any, role: str, root: Any) -> Value:
    if isinstance(result, (list, tuple)):
        raise TraceError(f"{role} {_name(root)} returned {len(result)} values; expected one")
    if isinstance(result, Table) and result.ndim and result._array_like():
        raise TraceError(f"{role} {_name(root)} returned a whole array; index it by the positions")
    return functions.lift(result)


def _name(root: Any) -> str:
    code = getattr(root, "__code__", None)
    where = f" ({code.co_filename}, line {code.co_firstlineno})" if code is not None else ""
    return f"'{getattr(root, '__name__', type(root).__name__)}'{where}"


def split_infinite(value: Value) -> Tuple[Value, Value]:
    """(where it is not -inf for sure to be seen, the value there): `where(c, x, -inf)` is x where c holds.

    exp(-inf) is 0, so that a pair with the score -inf may as well be hidden, and hidden tiles are skipped. Sums are looked
    through: x + where(c, 0, -inf) is x where c holds, for every x but NaN and +inf.
    """
    call, true = functions.call, functions.constant(True)
    if _is_low(value):
        return functions.constant(False), functions.constant(0.0)
    if value.op == "select":
        condition, a, b = value.args
        (seen_a, left), (seen_b, right) = split_infinite(a), split_infinite(b)
        if seen_a is true and seen_b is true:
            return true, value
        seen = call("bitwise_or", call("bitwise_and", condition, seen_a),
                    call("bitwise_and", call("logical_not", condition), seen_b))
        return seen, right if _is_low(a) else left if _is_low(b) else call("where", condition, left, right)
    if value.op == "add":
        (seen_a, a), (seen_b, b) = split_infinite(value.args[0]), split_infinite(value.args[1])
        return (true, value) if seen_a is true and seen_b is true else (call("bitwise_and", seen_a, seen_b), call("add", a, b))
    if value.op == "sub":
        seen, a = split_infinite(value.args[0])
        return (true, value) if seen is true else (seen, call("sub", a, value.args[1]))
    return true, value


def _is_low(value: Value) -> bool:
    return value.op == "const" and value.concrete == -math.inf


def _replaced(value: Value, old: Value, new: Value) -> Value:
    """An expression with another leaf in the place of one."""
    if old is new:
        return value
    done = {old.uid: new}
    stack = [value]
    while stack:
        node = stack[-1]
        missing = [a for a in node.args if a.uid not in done]
        if node.uid in done or not missing:
            stack.pop()
            if node.uid not in done:
                args = tuple(done[a.uid] for a in node.args)
                same = all(a is b for a, b in zip(args, node.args))
                done[node.uid] = node if same else functions.make(node.op, args, node.attr, node.type, node.concrete)
        else:
            stack.extend(missing)
    return done[value.uid]


__all__ = ["Captured", "capture", "signature", "trace_flex"]
