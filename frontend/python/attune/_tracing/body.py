# SPDX-License-Identifier: Apache-2.0
"""The body of one kernel: matrices, rows and cols, and the operations that make them, as text."""
from __future__ import annotations

import re
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Sequence, Tuple

from .._symbols import state
from .._symbols.located import located
from .._symbols.table import TableOperand
from .._symbols.value import INT, Type, Value, leaves, make
from .emit import Region, type_text


class Place(NamedTuple):
    """An index of a region. side: "b", "h", "row" or "col"; axis: which tokens it counts."""

    side: str
    axis: str
    word: str


class Heads(NamedTuple):
    """How many heads a value has: an operand's own (a name), the most of several, divided by a number; all over 0 is one."""

    operand: str
    of: Tuple[Any, ...]
    divisor: int

    def count(self, operands: Mapping[str, int]) -> int:
        most = max((h.count(operands) for h in self.of), default=1) if self.operand == "max" else operands[self.operand]
        return most // self.divisor if self.divisor else 1


class Ref(NamedTuple):
    """A value of the kernel's body. kind: "rows", "cols" or "matrix"; axes: one, or the rows' and the keys' of a matrix."""

    name: str
    kind: str
    axes: Tuple[str, ...]
    type: Type

    def text(self) -> str:
        """Its type."""
        return kind_text(self.kind, self.axes, self.type)


def kind_text(kind: str, axes: Sequence[str], type_: Type) -> str:
    usual = {"rows": ("q",), "cols": ("k",), "matrix": ("q", "k")}[kind]
    return f"!attn.{kind}<{type_text(type_)}{'' if tuple(axes) == usual else ', ' + ', '.join(axes)}>"


def place(side: str, axis: str = "") -> Value:
    word = {"b": "batch index", "h": "head index", "row": "query index", "col": "key index"}[side]
    return make("place", (), Place(side, axis, word), INT)


def element(ref: Ref) -> Value:
    """The value of a matrix, of rows or cols at the place in question, as symbolic value."""
    return make("element", (), ref, ref.type)


class Body:
    """Operations of one kernel in order; equal operations are written once. hides: `x.where(condition)` hides pairs."""

    def __init__(self, hides: bool = True) -> None:
        trace = state.current()
        trace.body = self
        self.hides = hides
        self.trace = trace
        self.lines: List[str] = []
        self.known: Dict[Tuple[Any, ...], Any] = {}
        self.heads: Dict[str, Heads] = {}
        for name in ("b", "h", "i", "j", "n", "y"):
            trace.unique(name)

    def op(self, text: str, ref: Tuple[str, Tuple[str, ...], Type], hint: str) -> Value:
        """An operation with one result of this kind, axes and type."""
        found = self.known.get((text,))
        if found is None:
            found = element(Ref("%" + self.trace.unique(hint), *ref))
            self.define(f"{found.attr.name} = {text}")
            self.known[(text,)] = found
        return found

    def define(self, text: str) -> None:
        """Writes an operation, and notes that its results have the heads of its operands."""
        self.lines.append("  " + text)
        results, _, operation = text.partition(" = ")
        used = [self.heads[name] for name in re.findall(r"%\w+", operation) if name in self.heads]
        for name in results.split(", "):
            self.heads[name] = Heads("max", tuple(dict.fromkeys(used)), 1)

    def shape_of(self, values: Sequence[Value]) -> Tuple[str, Tuple[str, ...]]:
        """Rows, cols or a matrix: what an expression of such leaves is a function of."""
        row, col = [], []
        for leaf in leaves(values):
            if leaf.op == "element":
                ref = leaf.attr
                (row if ref.kind != "cols" else col).append(ref.axes[0])
                if ref.kind == "matrix":
                    col.append(ref.axes[1])
            elif leaf.op == "place" and leaf.attr.side in ("row", "col"):
                (row if leaf.attr.side == "row" else col).append(leaf.attr.axis)
        if not row and not col:
            raise located("an expression of numbers alone stands where rows, keys or scores are needed",
                          "give it a shape by an operand of the kernel")
        if row and col:
            return "matrix", (_finest(row), _finest(col))
        return ("rows", (_finest(row),)) if row else ("cols", (_finest(col),))

    def ref(self, value: Any, what: str = "an operand") -> Ref:
        """The value in the body that an expression stands for; a map is written for what is computed."""
        if not isinstance(value, Value):
            raise located(f"{what} is expected to be rows, cols or a matrix, but is {type(value).__name__}")
        if value.op == "element":
            return value.attr
        return self.map(value, *self.shape_of([value])).attr

    def map(self, value: Value, kind: str, axes: Tuple[str, ...], like: Optional[Value] = None) -> Value:
        """An expression at each place of rows, cols or a matrix. like: an operand that lends batch and heads."""
        from .._symbols.functions import lift

        result = value.type
        if value.op not in ("round", "element", "rotate", "slice") or value.op == "slice" and value.args[0].op != "element":
            value = lift(value)
            result = value.type
        elif value.op == "round":
            result = Type(value.attr, value.type.shape)
        key = ("map", value.uid, kind, axes, None if like is None else like.uid)
        found = self.known.get(key)
        if found is None:
            region = self._region([value], like)
            name = region[0].narrowed(value) if value.op == "round" else region[0].value(value)
            stored = _stored(result)
            if result.kind == "int":
                name = region[0].new(f"arith.index_cast {name} : index to {stored.kind}")
            region[0].line(f"yield {name} : {type_text(stored)}")
            ref = Ref("%" + self.trace.unique("m"), kind, axes, stored)
            self._write(f"{ref.name} = map {region[1]} at ({_indices(kind)}) : {region[2]} -> {ref.text()} {{", region[0])
            found = self.known[key] = element(ref)
        return found

    def where(self, value: Value, condition: Value) -> Value:
        """Hides the pairs of a matrix at which the condition does not hold."""
        ref = self.ref(value, "what is masked")
        if ref.kind != "matrix":
            raise located("only pairs can be hidden: the first operand of where is a matrix")
        key = ("where", ref.name, condition.uid)
        found = self.known.get(key)
        if found is None:
            region, bindings, types = self._region([condition], element(ref))
            region.line(f"yield {region.value(condition)} : i1")
            name = "%" + self.trace.unique("m")
            self._write(f"{name} = where {bindings} at ({_indices('matrix')}) : {types} {{", region)
            found = self.known[key] = element(Ref(name, ref.kind, ref.axes, ref.type))
        return found

    def _region(self, roots: Sequence[Value], first: Optional[Value]) -> Tuple[Region, str, str]:
        """A region that may compute these values, its bindings and their types."""
        names: Dict[int, str] = {}
        operands: List[Ref] = []
        found = ([first] if first is not None else []) + [x for x in leaves(roots) if x is not first]
        for leaf in found:
            if leaf.op == "element":
                names[leaf.uid] = f"%x{len(operands)}"
                operands.append(leaf.attr)
            elif leaf.op == "argument":
                names[leaf.uid] = leaf.attr
            elif leaf.op == "place":
                names[leaf.uid] = "%" + {"b": "b", "h": "h", "row": "i", "col": "j"}[leaf.attr.side]
        bindings = ", ".join(f"%x{n} = {ref.name}" for n, ref in enumerate(operands))
        return Region(names), f"({bindings})", "(" + ", ".join(ref.text() for ref in operands) + ")"

    def _write(self, head: str, region: Region) -> None:
        self.define(head)
        self.lines.extend(region.lines)
        self.lines.append("  }")

    def scalar(self, value: Value, type_: str) -> str:
        """A number that the body computes for the kernel as a whole."""
        for leaf in leaves([value]):
            if leaf.op in ("element", "place"):
                raise located(f"a number of the whole kernel is expected, but {leaf.describe()} differs between pairs")
        region = Region(self.known.setdefault(("scalars",), {}), "  ")
        name = region.value(value)
        self.known[("scalars",)] = region.names
        self.lines.extend(region.lines)
        if type_text(value.type) != type_:
            raise located(f"expected {type_}, but got {value.describe()}")
        return name


def _finest(axes: Sequence[str]) -> str:
    """The axis with the smallest blocks: others are read by blocks."""
    def block(axis: str) -> int:
        return int(axis.split("/")[1]) if "/" in axis else 1

    roots = {axis.split("/")[0] for axis in axes}
    if len(roots) > 1:
        raise located(f"tokens of different axes meet in one expression: {', '.join(sorted(roots))}",
                      "tokens of two axes meet in a product (dot) or by take")
    return min(axes, key=block)


def _stored(type_: Type) -> Type:
    """As what a computed element is kept."""
    floating = state.current().floating
    return Type({"float": floating, "bool": "i1", "int": "i32"}.get(type_.kind, type_.kind), type_.shape)


def _indices(kind: str) -> str:
    return {"matrix": "%b, %h, %i, %j", "rows": "%b, %h, %i", "cols": "%b, %h, %j"}[kind]


def finish(trace: Any, name: str, results: Sequence[Tuple[Ref, str]]) -> str:
    """The text of the whole kernel. results: what is returned, with the names of the results."""
    aliases, operands = [], []
    tables = {id(t.operand): t for t in trace.tables.values() if isinstance(t, TableOperand)}
    for operand in trace.operands:
        table = tables.get(id(operand))
        if table is not None:
            operand.type = table.type_text()
            aliases.append(f"{table.alias} = {operand.type}\n")
        operands.append(f"%{operand.name}: {table.alias if table is not None else operand.type}{operand.facts}")
    types = ", ".join(f'{ref.text()} {{attn.name = "{label}"}}' for ref, label in results)
    joined = ", ".join(ref.name for ref, _ in results)
    lines = "\n".join(trace.body.lines)
    return (f"{''.join(aliases)}attn.kernel @{name}({', '.join(operands)}) -> ({types}) {{\n{lines}\n"
            f"  return {joined} : {', '.join(ref.text() for ref, _ in results)}\n}}\n")
