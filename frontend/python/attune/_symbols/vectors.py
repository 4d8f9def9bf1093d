# SPDX-License-Identifier: Apache-2.0
"""Vectors: tokens in `attune.kernel`, and rows of captured arrays that are indexed by fewer positions than they have dims."""
from __future__ import annotations

import math
from typing import Any

from .functions import FLOAT, Type, Value, function, lift, make, floats, to_float, to_int
from .located import located


def _vector(thing: Any, name: str) -> Value:
    value = to_float(lift(thing))
    if len(value.type.shape) > 1:
        value = make("reshape", (value,), None, Type("float", (math.prod(value.type.shape),)))
    if len(value.type.shape) != 1:
        raise located(f"{name} expects vectors, but got {value.describe()}")
    return value


@function("dot", "vdot", "inner", "matmul")
def dot_product(x: Any, y: Any) -> Value:
    """The sum of products of two vectors at one pair. Products of tokens are `attune.dot`: they are matrix products, while rows of
    captured arrays are read entry by entry at each pair."""
    from .table import Table

    parts = [t.components(floats=True) if isinstance(t, Table) else None for t in (x, y)]
    if parts[0] is not None and parts[1] is not None:
        return parts[0].each("mul", parts[1]).sum()
    a, b = floats(_vector(x, "dot"), _vector(y, "dot"))
    return make("reduction", (make("mul", (a, b), None, a.type),), "add", FLOAT)


def _reduction(kind: str, *names: str) -> None:
    @function(*names)
    def reduce(x: Any) -> Value:
        return make("reduction", (_vector(x, names[0]),), kind, FLOAT)


_reduction("add", "vector_sum")
_reduction("maximumf", "vector_max")
_reduction("minimumf", "vector_min")


@function("getitem")
def getitem(x: Any, item: Any) -> Value:
    value = x if isinstance(x, Value) else lift(x)
    shape = value.type.shape
    if len(shape) > 1 and isinstance(item, int) and 0 <= item < shape[0]:
        return make("extract", (value,), item, Type(value.type.kind, shape[1:]))
    if len(shape) != 1:
        if item == () or item is Ellipsis:
            return value
        raise located(f"{value.describe()} is indexed", "only captured arrays and vectors have entries")
    if isinstance(item, slice):
        start, stop, step = item.indices(shape[0])
        if step != 1 or stop <= start:
            raise located(f"the slice {item} of a vector of {shape[0]}", "slices are of consecutive components, one at least")
        return make("slice", (value,), (start, stop - start), Type(value.type.kind, (stop - start,)))
    if isinstance(item, int):
        if not -shape[0] <= item < shape[0]:
            raise located(f"component {item} of a vector of {shape[0]}")
        return make("extract", (value,), item % shape[0], Type(value.type.kind))
    return make("extract", (value, to_int(lift(item))), None, Type(value.type.kind))


def step(size: int) -> Value:
    """0, 1, ... size - 1 as a vector of floats."""
    return make("step", (), None, Type("float", (int(size),)))


def rotate(x: Any, angle: Any, pairs: bool = False) -> Value:
    """Rotates a vector's components (l, l + d/2), or (2 l, 2 l + 1) with `pairs`, by angle[l] (RoPE); rounds to its type once."""
    value = x if isinstance(x, Value) else lift(x)
    return make("rotate", (value, _vector(angle, "rotate")), "pairs" if pairs else "halves", value.type)


def contains(entries: Any, position: Any) -> Value:
    """Is a position among the entries of a list of keys? Padding of -1 never matches."""
    if not isinstance(entries, Value) or not entries.type.kind.startswith("i") or not entries.type.shape:
        raise located("contains expects a list of keys: rows whose tokens are vectors of integers")
    return make("contains", (entries, to_int(lift(position))), None, Type("bool"))


__all__ = ["dot_product", "step", "rotate", "contains"]
