# SPDX-License-Identifier: Apache-2.0
"""Symbolic values written as the operations of a region of the attn language."""
from __future__ import annotations

import math
import struct
from typing import Dict, List, Tuple

from .._symbols import state
from .._symbols.value import Type, Value

_INT = {"add": "arith.addi", "sub": "arith.subi", "mul": "arith.muli", "floordiv": "arith.floordivsi", "min": "arith.minsi",
        "max": "arith.maxsi", "and": "arith.andi", "or": "arith.ori", "xor": "arith.xori", "shl": "arith.shli",
        "shr": "arith.shrsi"}
_FLOAT = {"add": "arith.addf", "sub": "arith.subf", "mul": "arith.mulf", "div": "arith.divf", "min": "arith.minimumf",
          "max": "arith.maximumf", "minnum": "arith.minnumf", "maxnum": "arith.maxnumf", "neg": "arith.negf", "abs": "math.absf",
          "powf": "math.powf", "atan2": "math.atan2", "copysign": "math.copysign"}
_MATH = ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sqrt", "rsqrt", "sin", "cos", "tan", "tanh", "sinh", "cosh",
         "asin", "acos", "atan", "erf", "floor", "ceil", "trunc", "roundeven")
_INT_TESTS = {"eq": "eq", "ne": "ne", "lt": "slt", "le": "sle", "gt": "sgt", "ge": "sge"}
_FLOAT_TESTS = {"eq": "oeq", "ne": "une", "lt": "olt", "le": "ole", "gt": "ogt", "ge": "oge"}


def type_text(type_: Type) -> str:
    """A type as MLIR writes it."""
    element = {"int": "index", "bool": "i1", "float": state.current().floating}.get(type_.kind, type_.kind)
    return element if not type_.shape else f"vector<{'x'.join(map(str, type_.shape))}x{element}>"


def float_text(number: float, element: str) -> str:
    """A float literal: decimal where that is exact enough, else its bits."""
    if math.isfinite(number):
        text = repr(float(number))
        mantissa, _, exponent = text.partition("e")
        return f"{mantissa if '.' in mantissa else mantissa + '.0'}{'e' + exponent if exponent else ''}"
    if element == "f64":
        return "0x" + struct.pack(">d", number).hex().upper()
    bits = struct.pack(">f", number).hex().upper()
    return "0x" + (bits[:4] if element == "bf16" else struct.pack(">e", number).hex().upper() if element == "f16" else bits)


class Region:
    """The operations of one region.

    names: how leaf values (places, elements) are called in it. Operations are written once each, before they are used.
    """

    def __init__(self, names: Dict[int, str], indent: str = "    ") -> None:
        self.names, self.indent = dict(names), indent
        self.lines: List[str] = []

    def value(self, root: Value) -> str:
        """The name of a value, with the operations that it takes."""
        stack: List[Tuple[Value, bool]] = [(root, False)]
        while stack:
            node, ready = stack.pop()
            if node.uid in self.names:
                continue
            if ready:
                self.names[node.uid] = self._write(node)
            else:
                stack.append((node, True))
                stack.extend((a, False) for a in reversed(node.args))
        return self.names[root.uid]

    def line(self, text: str) -> None:
        self.lines.append(self.indent + text)

    def new(self, text: str, hint: str = "") -> str:
        name = "%" + state.current().unique(hint or "t")
        self.line(f"{name} = {text}")
        return name

    def _write(self, node: Value) -> str:
        special = getattr(self, "_write_" + node.op, None)
        if special is not None:
            return special(node)
        names = ", ".join(self.names[a.uid] for a in node.args)
        if node.op in _MATH:
            return self.new(f"math.{node.op} {names} : {type_text(node.type)}")
        table = _FLOAT if node.type.kind == "float" else _INT
        return self.new(f"{table[node.op]} {names} : {type_text(node.type)}")

    # Leaves.
    def _write_const(self, node: Value) -> str:
        kind, number = node.attr
        if kind == "bool":
            return self.new(f"arith.constant {'true' if number else 'false'}", "c")
        if kind == "int":
            return self.new(f"arith.constant {number} : index", "c")
        floating = state.current().floating
        return self.new(f"arith.constant {float_text(float.fromhex(number), floating)} : {floating}", "c")

    def _write_scalar(self, node: Value) -> str:
        from .record import scalar_operand

        return "%" + scalar_operand(state.current(), node)

    def _write_operand(self, node: Value) -> str:
        return "%" + node.attr

    def _write_load(self, node: Value) -> str:
        table, floating = node.attr, state.current().floating
        indices = ", ".join(self.names[a.uid] for a in node.args)
        stored, text = table.element, f"load %{table.operand.name}[{indices}] : {table.alias}"
        if node.type.kind == "int":
            return self.new(text + " -> index")
        if node.type.shape:
            vector = f"vector<{'x'.join(map(str, node.type.shape))}x{stored}>"
            return self._widened(self.new(f"{text} -> {vector}"), stored, node.type)
        name = self.new(text)
        return name if stored in ("i1", floating) else self._widened(name, stored, node.type)

    def _widened(self, name: str, stored: str, type_: Type) -> str:
        floating = state.current().floating
        if stored == floating:
            return name
        narrower = stored == "f64"
        source = stored if not type_.shape else f"vector<{'x'.join(map(str, type_.shape))}x{stored}>"
        return self.new(f"arith.{'truncf' if narrower else 'extf'} {name} : {source} to {type_text(type_)}")

    def _write_widen(self, node: Value) -> str:
        """An element as it is stored, as what it is computed with."""
        (name,), stored = [self.names[a.uid] for a in node.args], node.attr
        source = type_text(node.args[0].type)
        if node.type.kind == "bool" or source == type_text(node.type):
            return name
        if node.type.kind == "int":
            return self.new(f"arith.index_cast {name} : {source} to index")
        if stored[0] == "i":
            return self.new(f"arith.sitofp {name} : {source} to {type_text(node.type)}")
        return self._widened(name, stored, node.type)

    def _write_size(self, node: Value) -> str:
        return self.new(f"size {node.attr} of {self.names[node.args[0].uid]}")

    # Operations with a form of their own.
    def _write_compare(self, node: Value) -> str:
        a, b = node.args
        floating = a.type.kind == "float"
        test = (_FLOAT_TESTS if floating else _INT_TESTS)[node.attr]
        return self.new(f"arith.cmp{'f' if floating else 'i'} {test}, {self.names[a.uid]}, {self.names[b.uid]} : "
                        f"{type_text(a.type)}")

    def _write_select(self, node: Value) -> str:
        condition, a, b = (self.names[v.uid] for v in node.args)
        shape = f"{type_text(node.args[0].type)}, " if node.type.shape else ""
        return self.new(f"arith.select {condition}, {a}, {b} : {shape}{type_text(node.type)}")

    def _write_not(self, node: Value) -> str:
        return self.new(f"arith.xori {self.names[node.args[0].uid]}, {self._literal('true', 'i1')} : i1")

    def _literal(self, text: str, type_: str) -> str:
        key = hash((text, type_)) | (1 << 62)
        if key not in self.names:
            self.names[key] = self.new(f"arith.constant {text}" + ("" if type_ == "i1" else f" : {type_}"), "c")
        return self.names[key]

    def _write_neg(self, node: Value) -> str:
        name = self.names[node.args[0].uid]
        if node.type.kind == "float":
            return self.new(f"arith.negf {name} : {type_text(node.type)}")
        return self.new(f"arith.subi {self._literal('0', 'index')}, {name} : index")

    def _write_abs(self, node: Value) -> str:
        name = self.names[node.args[0].uid]
        if node.type.kind == "float":
            return self.new(f"math.absf {name} : {type_text(node.type)}")
        minus = self.new(f"arith.subi {self._literal('0', 'index')}, {name} : index")
        return self.new(f"arith.maxsi {name}, {minus} : index")

    def _write_mod(self, node: Value) -> str:
        dividend, divisor = node.args
        name = self.names[dividend.uid]
        if divisor.op == "const":
            return self.new(f"affine.apply affine_map<(x) -> (x mod {divisor.concrete})>({name})")
        quotient, rest = ("%" + state.current().unique("t") for _ in range(2))
        self.line(f"{quotient}, {rest} = affine.delinearize_index {name} into ({self.names[divisor.uid]}) : index, index")
        return rest

    def _write_tanh_approx(self, node: Value) -> str:
        return self.new(f"math.tanh {self.names[node.args[0].uid]} fastmath<afn> : {type_text(node.type)}")

    # Casts.
    def _write_to_float(self, node: Value) -> str:
        source, name = node.args[0], self.names[node.args[0].uid]
        if source.type.kind == "bool":
            one, zero = (self._literal(text, state.current().floating) for text in ("1.0", "0.0"))
            return self.new(f"arith.select {name}, {one}, {zero} : {type_text(node.type)}")
        wide = self.new(f"arith.index_cast {name} : index to i64")
        return self.new(f"arith.sitofp {wide} : i64 to {type_text(node.type)}")

    def _write_to_int(self, node: Value) -> str:
        source, name = node.args[0], self.names[node.args[0].uid]
        if source.type.kind == "bool":
            return self.new(f"arith.select {name}, {self._literal('1', 'index')}, {self._literal('0', 'index')} : index")
        wide = self.new(f"arith.fptosi {name} : {type_text(source.type)} to i64")
        return self.new(f"arith.index_cast {wide} : i64 to index")

    def _write_round(self, node: Value) -> str:
        narrow = self.narrowed(node)
        return self.new(f"arith.extf {narrow} : {type_text(Type(node.attr, node.type.shape))} to {type_text(node.type)}")

    def narrowed(self, node: Value) -> str:
        """A rounded value in its 16-bit type."""
        name = self.value(node.args[0])
        return self.new(f"arith.truncf {name} : {type_text(node.type)} to {type_text(Type(node.attr, node.type.shape))}")

    # Vectors.
    def _write_broadcast(self, node: Value) -> str:
        source = node.args[0]
        return self.new(f"vector.broadcast {self.names[source.uid]} : {type_text(source.type)} to {type_text(node.type)}")

    def _write_reduction(self, node: Value) -> str:
        source = node.args[0]
        return self.new(f"vector.reduction <{node.attr}>, {self.names[source.uid]} : {type_text(source.type)} into "
                        f"{type_text(node.type)}")

    def _write_extract(self, node: Value) -> str:
        source = node.args[0]
        place = self.names[node.args[1].uid] if len(node.args) > 1 else node.attr
        return self.new(f"vector.extract {self.names[source.uid]}[{place}] : {type_text(node.type)} from {type_text(source.type)}")

    def _write_slice(self, node: Value) -> str:
        source, (start, size) = node.args[0], node.attr
        return self.new(f"vector.extract_strided_slice {self.names[source.uid]} {{offsets = [{start}], sizes = [{size}], "
                        f"strides = [1]}} : {type_text(source.type)} to {type_text(node.type)}")

    def _write_rotate(self, node: Value) -> str:
        value, angle = node.args
        return self.new(f"rotate {self.names[value.uid]} by {self.names[angle.uid]} {node.attr} : {type_text(value.type)}")

    def _write_step(self, node: Value) -> str:
        size = node.type.shape[0]
        steps = self.new(f"vector.step : vector<{size}xindex>")
        narrow = self.new(f"arith.index_cast {steps} : vector<{size}xindex> to vector<{size}xi32>")
        return self.new(f"arith.sitofp {narrow} : vector<{size}xi32> to {type_text(node.type)}")

    def _write_contains(self, node: Value) -> str:
        entries, key = node.args
        return self.new(f"contains {self.names[entries.uid]}, {self.names[key.uid]} : {type_text(entries.type)}")

    def _write_reshape(self, node: Value) -> str:
        source = node.args[0]
        return self.new(f"vector.shape_cast {self.names[source.uid]} : {type_text(source.type)} to {type_text(node.type)}")
