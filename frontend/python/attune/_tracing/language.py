# SPDX-License-Identifier: Apache-2.0
"""The operations of the attn language on rows, cols and matrices, for functions under `attune.kernel`.

Rows, cols and matrices are values: `+`, `attune.exp` and the like on them are maps at each place, written when an operation
needs the result. `x.where(condition)` hides pairs of a matrix.
"""
from __future__ import annotations

from typing import Any, Callable, List, Optional, Sequence, Tuple, Union

from .._symbols import state
from .._symbols.functions import lift, to_bool, to_float, to_int
from .._symbols.located import located
from .._symbols.value import Type, Value, leaves, make
from .body import Body, Ref, element, place
from .emit import float_text, type_text

_KINDS = ("sum", "mean", "max", "min")
_SIDES = ("keys", "queries", "heads")


def _body() -> Body:
    body = state.current().body
    if body is None:
        raise located("this operation stands in a function under attune.kernel")
    return body


def _matrix(value: Any, what: str) -> Ref:
    ref = _body().ref(value, what)
    if ref.kind != "matrix":
        raise located(f"{what} is expected to be a matrix, but is {ref.kind} of axis {ref.axes[0]}")
    return ref


def places(value: Any) -> Tuple[Value, ...]:
    """(b, h, i, j) of a matrix, (b, h, n) of rows or cols: its indices, for expressions at each place."""
    kind, axes = _body().shape_of([value])
    ends = {"matrix": ("row", "col"), "rows": ("row",), "cols": ("col",)}[kind]
    return (place("b"), place("h")) + tuple(place(side, axis) for side, axis in zip(ends, axes))


def dot(rows: Any, cols: Any, scale: Optional[float] = None) -> Value:
    """A matrix: the product of each row's vector with each key's, times a literal scale. Vectors that were computed are rounded
    to the type of those that were not; 8-bit integers give 32-bit ones, without a scale."""
    body = _body()
    a, b = body.ref(rows, "the first operand of dot"), body.ref(cols, "the second operand of dot")
    if (a.kind, b.kind) != ("rows", "cols"):
        raise located(f"dot of {a.kind} and {b.kind}", "the first are rows, the second cols")
    if a.type != b.type and a.type.shape == b.type.shape:
        floating = state.current().floating
        if a.type.kind == floating:
            a = body.ref(_rounded(rows, b.type.kind))
        elif b.type.kind == floating:
            b = body.ref(_rounded(cols, a.type.kind))
    if a.type != b.type or len(a.type.shape) != 1:
        raise located(f"dot of {type_text(a.type)} and {type_text(b.type)}", "both are vectors of one size and type")
    kind = {"f64": "f64", "i8": "i32"}.get(a.type.kind, "f32")
    clause = "" if scale is None else f" scale {float_text(float(scale), 'f32')}"
    return body.op(f"dot {a.name}, {b.name}{clause} : {a.text()}, {b.text()}", ("matrix", a.axes + b.axes, Type(kind)), "s")


def _rounded(value: Value, kind: str) -> Value:
    value = to_float(lift(value))
    return make("round", (value,), kind, value.type)


def softmax(scores: Any, sink: Any = None) -> Value:
    """Weights over the visible keys of each row. sink: rows of one more score a row, whose weight is left out."""
    ref, clause = _with_sink(scores, sink, "softmax")
    return _body().op(f"softmax {ref.name}{clause} : {ref.text()}", ("matrix", ref.axes, ref.type), "p")


def logsumexp(scores: Any, sink: Any = None) -> Value:
    """Rows: the natural logarithm of the sum of exponentials over the visible keys and the sink; -inf of nothing."""
    ref, clause = _with_sink(scores, sink, "logsumexp")
    return _body().op(f"logsumexp {ref.name}{clause} : {ref.text()}", ("rows", ref.axes[:1], ref.type), "l")


def _with_sink(scores: Any, sink: Any, what: str) -> Tuple[Ref, str]:
    ref = _matrix(scores, f"the operand of {what}")
    return ref, "" if sink is None else f" sink {_rows(sink, ref.axes[0]).name}"


def _rows(value: Any, axis: str) -> Ref:
    """Rows of an expression, of a number or of a number a head."""
    body, value = _body(), to_float(lift(value)) if not isinstance(value, Value) or value.op != "element" else value
    if value.op == "element" or any(x.op == "element" for x in leaves([value])):
        return body.ref(value)
    for operand in state.current().arguments:
        if operand.attr.kind == "rows" and operand.attr.axes == (axis,):
            return body.map(value, "rows", (axis,), like=operand).attr
    raise located(f"a number a row of axis '{axis}' is needed", "give rows of that axis as an operand of the kernel")


def entmax(scores: Any, alpha: Any) -> Value:
    """alpha-entmax weights, alpha > 1: a number, a number a head (`alpha[h]`) or rows. 2 is sparsemax."""
    ref = _matrix(scores, "the operand of entmax")
    rows = _rows(alpha, ref.axes[0])
    return _body().op(f"entmax {ref.name} alpha {rows.name} : {ref.text()}", ("matrix", ref.axes, ref.type), "p")


def contract(weights: Any, values: Any, dtype: Any = None) -> Value:
    """The weighted sum of values over visible keys: rows of the values' type, or of dtype. With a second matrix, their product."""
    from .._symbols.dtypes import element_of

    body = _body()
    a = _matrix(weights, "the first operand of contract")
    b = body.ref(values, "the second operand of contract")
    if b.kind == "rows" or b.axes[0] != a.axes[1]:
        raise located(f"contract over the keys of axis '{a.axes[1]}' with {b.kind} of axis '{b.axes[0]}'",
                      "cols of the matrix's key axis, or a matrix whose rows are on it")
    kind = b.type.kind if dtype is None else element_of(dtype) or b.type.kind
    out = (Ref("", "rows", a.axes[:1], Type(kind, b.type.shape)) if b.kind == "cols"
           else Ref("", "matrix", (a.axes[0], b.axes[1]), Type(state.current().floating)))
    return body.op(f"contract {a.name}, {b.name} : {a.text()}, {b.text()} -> {out.text()}", out[1:], "o")


def reduce(kind: str, value: Any, over: str, by: Optional[int] = None, into: Optional[str] = None, index: Any = None) -> Value:
    """sum, mean, max or min over "keys", "queries" or "heads": of all, `by` groups of consecutive ones (the axis becomes
    axis/by), or `into` an axis (of `axis`) by an index, an expression at each pair."""
    body, ref = _body(), _body().ref(value, "the operand of reduce")
    if kind not in _KINDS or over not in _SIDES:
        raise located(f"reduce {kind!r} over {over!r}", f"kinds are {', '.join(_KINDS)}; over {', '.join(_SIDES)}")
    if into is not None:
        region, bindings, types = body._region([to_int(lift(index))], element(ref))
        name = region.value(to_int(lift(index)))
        region.line(f"yield {name} : index")
        axes = (ref.axes[0], into) if over == "keys" else (into, ref.axes[-1])
        out = Ref("%" + state.current().unique("r"), "matrix", axes, ref.type)
        body._write(f"{out.name} = reduce {kind} {bindings} over {over} into {into} at ({_at(ref)}) : {types} {{", region)
        return element(out)
    clause = "" if by is None else f" by {int(by)}"
    made = body.op(f"reduce {kind} {ref.name} over {over}{clause} : {ref.text()}", _reduced(ref, over, by), "r")
    if over == "heads":
        body.heads[made.attr.name] = body.heads[ref.name]._replace(operand="max", of=(body.heads[ref.name],), divisor=int(by or 0))
    return made


def _at(ref: Ref) -> str:
    return {"matrix": "%b, %h, %i, %j", "rows": "%b, %h, %i", "cols": "%b, %h, %j"}[ref.kind]


def _blocks(axis: str, by: int) -> str:
    root, _, size = axis.partition("/")
    return f"{root}/{int(size or 1) * by}"


def _reduced(ref: Ref, over: str, by: Optional[int]) -> Tuple[str, Tuple[str, ...], Type]:
    if over == "heads":
        return ref.kind, ref.axes, ref.type
    if by is not None:
        at = 0 if over == "queries" or ref.kind != "matrix" else 1
        return ref.kind, tuple(_blocks(a, int(by)) if n == at else a for n, a in enumerate(ref.axes)), ref.type
    if ref.kind != "matrix":
        raise located(f"reduce of {ref.kind} over all tokens", "reduce rows and cols by groups, or a matrix")
    return ("rows", ref.axes[:1], ref.type) if over == "keys" else ("cols", ref.axes[1:], ref.type)


def take(matrix: Any, index: Any, like: Any) -> Value:
    """Another entry of the row at each pair of the matrix `like`: matrix[i, index], or the cols' entry at index."""
    body, index = _body(), to_int(lift(index))
    z, shape = body.ref(matrix, "the first operand of take"), _matrix(like, "what take is like")
    region, bindings, types = body._region([index], None if _element_free(index) else element(shape))
    region.line(f"yield {region.value(index)} : index")
    out = Ref("%" + state.current().unique("g"), "matrix", shape.axes, z.type)
    operands = f" {bindings}" if bindings != "()" else ""
    more = f", {types}" if bindings != "()" else ""
    body._write(f"{out.name} = take {z.name}{operands} at (%b, %h, %i, %j) : {z.text()}{more} -> {out.text()} {{", region)
    return element(out)


def _element_free(value: Value) -> bool:
    return not any(leaf.op == "element" for leaf in leaves([value]))


def select(scores: Any, count: Any) -> Value:
    """Conditions: is a pair among the `count` best visible ones of its row? Visible everywhere; `where` hides by it."""
    ref = _matrix(scores, "the operand of select")
    number = _body().scalar(to_int(lift(count)), "index")
    return _body().op(f"select {ref.name} top {number} : {ref.text()}", ("matrix", ref.axes, Type("i1")), "t")


def list_first(scores: Any, count: int) -> Tuple[Value, Value]:
    """The `count` best visible entries of each row, best first, and their keys: rows of vectors, padded with -inf and -1."""
    body, ref = _body(), _matrix(scores, "the operand of list_first")
    trace = state.current()
    values = Ref("%" + trace.unique("w"), "rows", ref.axes[:1], Type(ref.type.kind, (int(count),)))
    keys = Ref("%" + trace.unique("n"), "rows", ref.axes[:1], Type("i32", (int(count),)))
    body.define(f"{values.name}, {keys.name} = list {ref.name} first {int(count)} : {ref.text()}")
    return element(values), element(keys)


def concat(*parts: Any) -> Value:
    """Matrices side by side, or cols one after another, on the axis a+b: one softmax over several sources of keys."""
    refs = [_body().ref(part, "an operand of concat") for part in parts]
    if len({(r.kind, r.type, r.axes[:-1]) for r in refs}) != 1 or len(refs) < 2 or refs[0].kind == "rows":
        raise located("concat expects two or more matrices with the same rows, or cols of one type")
    axes = refs[0].axes[:-1] + ("+".join(r.axes[-1] for r in refs),)
    return _body().op(f"concat {', '.join(r.name for r in refs)} : {', '.join(r.text() for r in refs)}",
                      (refs[0].kind, axes, refs[0].type), "x")


def transpose(value: Any) -> Value:
    """Rows become cols, cols rows; a matrix changes its sides."""
    ref = _body().ref(value, "the operand of transpose")
    kind = {"rows": "cols", "cols": "rows", "matrix": "matrix"}[ref.kind]
    return _body().op(f"transpose {ref.name} : {ref.text()}", (kind, ref.axes[::-1], ref.type), "c")


def stencil(value: Any, queries: Optional[Sequence[int]] = None, keys: Optional[Sequence[int]] = None,
            heads: Optional[int] = None) -> Value:
    """Vectors of the values of neighbours: (first, last) offsets along queries and keys, and of each `heads` heads."""
    ref = _body().ref(value, "the operand of stencil")
    sides = [(name, span) for name, span in (("queries", queries), ("keys", keys)) if span is not None]
    shape = (() if heads is None else (int(heads),)) + tuple(int(span[1] - span[0] + 1) for _, span in sides)
    text = ("" if heads is None else f" heads {int(heads)}") + "".join(f" {n} [{int(s[0])}, {int(s[1])}]" for n, s in sides)
    body = _body()
    vector = Type(ref.type.kind, shape + ref.type.shape)
    made = body.op(f"stencil {ref.name}{text} : {ref.text()}", (ref.kind, ref.axes, vector), "n")
    if heads is not None:
        body.heads[made.attr.name] = body.heads[ref.name]._replace(operand="max", of=(body.heads[ref.name],), divisor=int(heads))
    return made


# Running values and thresholds.
Combine = Callable[..., Union[Value, Tuple[Value, ...]]]


def scan(kind: Union[str, Combine], values: Any, over: str, reverse: bool = False, exclusive: bool = False,
         identities: Sequence[Any] = ()) -> Any:
    """Running sums, maxima or minima along "keys" or "queries"; or of your own associative function combine(earlier..., later...)
    of as many states as there are values, with its identities."""
    flags = (" reverse" if reverse else "") + (" exclusive" if exclusive else "")
    body = _body()
    if isinstance(kind, str):
        ref = body.ref(values, "the operand of scan")
        return body.op(f"scan {kind} {ref.name} over {over}{flags} : {ref.text()}", ref[1:], "d")
    refs = [body.ref(v, "an operand of scan") for v in _several(values)]
    return _monoid("scan", kind, refs, identities, f" over {over}{flags}", [r[1:] for r in refs])


def fold(combine: Combine, values: Any, identities: Sequence[Any]) -> Any:
    """Rows: the last state of your own associative function over the visible keys of each row, as `scan` has it."""
    refs = [_matrix(v, "an operand of fold") for v in _several(values)]
    return _monoid("fold", combine, refs, identities, "", [("rows", r.axes[:1], r.type) for r in refs])


def _several(values: Any) -> List[Any]:
    return list(values) if isinstance(values, (list, tuple)) else [values]


def _monoid(op: str, combine: Combine, refs: Sequence[Ref], identities: Sequence[Any], clause: str,
            results: Sequence[Tuple[str, Tuple[str, ...], Type]]) -> Any:
    body, trace = _body(), state.current()
    starts = [body.scalar(to_float(lift(i)), r.type.kind) for i, r in zip(identities, refs)]
    arguments = [[make("argument", (), f"%{trace.unique(side)}", r.type) for r in refs] for side in ("a", "z")]
    made = _several(combine(*[lift(v) for side in arguments for v in side]))
    if len(starts) != len(refs) or len(made) != len(refs):
        raise located(f"{op} of {len(refs)} values needs as many identities ({len(starts)}) and new states ({len(made)})")
    made = [to_float(lift(v)) for v in made]
    region, _, _ = body._region(made, None)
    names = ", ".join(region.value(v) for v in made)
    region.line(f"yield {names} : {', '.join(type_text(v.type) for v in made)}")
    outs = [Ref("%" + trace.unique("d"), *result) for result in results]
    states = ", ".join("(" + ", ".join(v.attr for v in side) + ")" for side in arguments)
    body._write(f"{', '.join(o.name for o in outs)} = {op} ({', '.join(r.name for r in refs)}) from ({', '.join(starts)}) with "
                f"{states}{clause} : ({', '.join(r.text() for r in refs)}) {{", region)
    found = tuple(element(o) for o in outs)
    return found[0] if len(found) == 1 else found


def solve(function: Callable[[Value], Any], low: Any, high: Any, total: Any) -> Value:
    """Rows: the least t in [low, high] at which the sum of function(t) over visible keys is at most `total`. function: of t and
    of matrices; it must not grow with t."""
    body, trace = _body(), state.current()
    first, last = body.ref(low, "low"), body.ref(high, "high")
    limit = body.scalar(to_float(lift(total)), trace.floating)
    t = make("argument", (), f"%{trace.unique('t')}", Type("float"))
    made = to_float(lift(function(t)))
    region, bindings, types = body._region([made], None)
    region.line(f"yield {region.value(made)} : {type_text(made.type)}")
    out = Ref("%" + trace.unique("tau"), "rows", first.axes, Type(trace.floating))
    body._write(f"{out.name} = solve {t.attr} from {first.name} to {last.name} total {limit} with {bindings} "
                f"at (%b, %h, %i, %j) : {types} {{", region)
    return element(out)


def sparsemax(scores: Any) -> Value:
    """Sparsemax weights: max(s - t, 0), whose threshold t makes them sum to one."""
    from .._symbols.functions import call

    top = reduce("max", scores, "keys")
    tau = solve(lambda t: call("maximum", scores - t, 0.0), top - 1.0, top, 1.0)
    return call("maximum", scores - tau, 0.0)


# Axes and facts.
def axis(name: str, size: Any = None, like: Optional[str] = None, multiple: Optional[int] = None,
         grid: Optional[Sequence[Any]] = None) -> str:
    """Declares an axis: its length, that it is as long as another, a multiple, or a row-major grid. Returns its name."""
    body = _body()
    text = f"axis {name}"
    if size is not None:
        text += f" size {body.scalar(to_int(lift(size)), 'index')}"
        state.current().lengths[name] = lift(size)
    text += (f" like {like}" if like else "") + (f" multiple {int(multiple)}" if multiple else "")
    if grid is not None:
        text += f" grid ({', '.join(body.scalar(to_int(lift(n)), 'index') for n in grid)})"
    body.lines.append("  " + text)
    return name


def size(axis_name: str, sequence: Any = None) -> Value:
    """The length of an axis, in one sequence (of `places`), as an integer in expressions."""
    return make("size", (lift(sequence) if sequence is not None else place("b"),), axis_name, Type("int"))


def assume(condition: Any) -> None:
    """A fact about numbers, checked at each launch."""
    body = _body()
    body.lines.append(f"  assume {body.scalar(to_bool(lift(condition)), 'i1')}")


__all__ = ["places", "dot", "softmax", "logsumexp", "entmax", "contract", "reduce", "take", "select",
           "list_first", "concat", "transpose", "stencil", "scan", "fold", "solve", "sparsemax", "axis", "size", "assume"]
