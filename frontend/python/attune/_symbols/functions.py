# SPDX-License-Identifier: Apache-2.0
"""Which functions symbolic values have, by every name that torch, NumPy and `math` have for them, and how calls reach them."""
from __future__ import annotations

import difflib
import functools
import sys
from typing import Any, Callable, Dict, Optional, Tuple

from . import state
from .located import TraceError, located
from .value import BOOL as BOOL
from .value import FLOAT as FLOAT
from .value import INT, Type, Value, constant, leaves, make

FUNCTIONS: Dict[str, Callable[..., Any]] = {}
REFUSED: Dict[str, str] = {}


def function(*names: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Registers a function under its names."""
    def register(body: Callable[..., Any]) -> Callable[..., Any]:
        for name in names:
            FUNCTIONS[name] = body
        return body

    return register


def refuse(reason: str, *names: str) -> None:
    """Names that are known, and why no kernel has them."""
    for name in names:
        REFUSED[name] = reason


class UnknownMethod(TraceError, AttributeError):
    """As a `TraceError`; `hasattr` and `getattr` with a default take it for a missing attribute."""


# Operands.
def lift(thing: Any) -> Value:
    """A symbolic value of what stands in an expression: a value, a number, a 0-d array, a captured number."""
    from .table import Table, as_number

    if isinstance(thing, Table):
        return thing.entry()
    if not isinstance(thing, Value):
        if isinstance(thing, (bool, int, float)):
            return constant(thing)
        number = as_number(thing)
        if number is None:
            raise located(f"cannot use {_describe(thing)} in an expression", "use numbers, positions, scores and entries of "
                          "captured arrays")
        return number
    kind = thing.type.kind
    if kind in ("int", "bool", "float"):
        return thing
    wide = {"i1": "bool"}.get(kind, "int" if kind[0] == "i" and not thing.type.shape else "float")
    return make("widen", (thing,), kind, Type(wide, thing.type.shape))


def _describe(thing: Any) -> str:
    shape = getattr(thing, "shape", None)
    return f"{type(thing).__name__} of shape {tuple(shape)}" if shape is not None else f"{type(thing).__name__} {thing!r:.60}"


def broadcast(*values: Value) -> Tuple[Value, ...]:
    """The values with one shape: numbers become vectors beside vectors."""
    shapes = {v.type.shape for v in values if v.type.shape}
    if not shapes:
        return values
    if len(shapes) > 1:
        raise located(f"vectors of shapes {sorted(shapes)} stand in one operation", "they need one length")
    shape = shapes.pop()
    return tuple(v if v.type.shape else make("broadcast", (v,), shape, Type(v.type.kind, shape)) for v in values)


def to_float(value: Value) -> Value:
    if value.type.kind == "float":
        return value
    if value.concrete is not None and not value.leaves:
        return constant(float(value.concrete))
    return make("to_float", (value,), value.type.kind, Type("float", value.type.shape),
                None if value.concrete is None else float(value.concrete))


def to_int(value: Value) -> Value:
    """Booleans become 0 and 1; floats are truncated."""
    if value.type.kind == "int":
        return value
    if value.type.shape:
        raise located("vectors of integers cannot be computed with", "extract the component, or compute in floats")
    if value.concrete is not None and not value.leaves:
        return constant(int(value.concrete))
    return make("to_int", (value,), value.type.kind, INT, None if value.concrete is None else int(value.concrete))


def to_bool(value: Value) -> Value:
    if value.type.kind == "bool":
        return value
    return call("ne", value, 0)


def unify(*things: Any) -> Tuple[Value, ...]:
    """Operands with one type: any float makes all floats; booleans beside integers are 0 and 1."""
    values = tuple(lift(t) for t in things)
    kinds = {v.type.kind for v in values}
    if "float" in kinds:
        values = tuple(to_float(v) for v in values)
    elif "int" in kinds:
        values = tuple(to_int(v) for v in values)
    return broadcast(*values)


def numeric(*things: Any) -> Tuple[Value, ...]:
    """As `unify`, and booleans alone are integers."""
    values = unify(*things)
    return tuple(to_int(v) for v in values) if values[0].type.kind == "bool" else values


def floats(*things: Any) -> Tuple[Value, ...]:
    """Operands as floats."""
    return broadcast(*(to_float(lift(t)) for t in things))


def apply(op: str, values: Tuple[Value, ...], type_: Type, fold: Optional[Callable[..., Any]] = None, attr: Any = None) -> Value:
    """The node of an operation; computed at once where all operands are numbers, by `fold`."""
    concrete = None
    if fold is not None and all(v.concrete is not None for v in values):
        try:
            concrete = fold(*(v.concrete for v in values))
        except (ArithmeticError, ValueError):
            concrete = None
        if isinstance(concrete, complex):
            concrete = None
        if concrete is not None and not any(v.leaves for v in values):
            folded = constant(concrete)
            return broadcast(folded, *values)[0] if type_.shape else folded
    return make(op, values, attr, type_, concrete)


# Calls.
@functools.lru_cache(maxsize=None)
def _loaded() -> bool:
    from . import arithmetic, mathematics, vectors  # noqa: F401  (they register their functions)

    return True


def call(name: str, *args: Any, **kwargs: Any) -> Any:
    """A function of ours by name."""
    _loaded()
    return FUNCTIONS[name](*args, **kwargs)


def lookup(shown: str, name: str) -> Callable[..., Any]:
    """The function with a name, or an error that says what is known instead."""
    _loaded()
    found = FUNCTIONS.get(name)
    if found is not None:
        return found
    if name in REFUSED:
        raise located(f"{shown} cannot be used here: {REFUSED[name]}")
    close = difflib.get_close_matches(name, [n for n in FUNCTIONS if not n.startswith("_")], 4, 0.6)
    raise located(f"attune does not know {shown}", f"known and close to it: {', '.join(close)}" if close else
                  "write it with functions that are known (attune.functions() lists them)")


_SKIPPED = ("out", "where", "casting", "order", "dtype", "subok", "signature", "extobj")


def _invoke(shown: str, name: str, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
    body = lookup(shown, name)
    for key in list(kwargs):
        if kwargs[key] is None and key in ("out", "alpha", "layout", "pin_memory", "generator"):
            kwargs.pop(key)
        elif key == "out":
            raise located(f"{shown}(out=...) changes an array in place", "use the result")
    try:
        return body(*args, **kwargs)
    except TypeError as error:
        if isinstance(error, TraceError):
            raise
        raise located(f"{shown} got arguments that it does not know: {error}") from None


def dispatch_torch(func: Any, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
    """A call of a torch function with a symbolic value among its arguments."""
    name = str(getattr(func, "__name__", func))
    qualified = str(func)
    if name.endswith((".default", ".Tensor", ".Scalar")) or "." in name:
        name = name.split(".")[0] if not name[0].isupper() else name.split(".")[-1]
    if "approx" in qualified and name == "tanh":
        name = "tanh_approx"
    if name.startswith("__") and name.endswith("__"):
        name = name.strip("_")
        name = _DUNDERS.get(name, name)
        if name[0] == "r" and name[1:] in _REVERSED:
            name, args = _DUNDERS.get(name[1:], name[1:]), args[::-1]
    if name.endswith("_") and not name.endswith("__") and name[:-1] in FUNCTIONS:
        raise located(f"torch.Tensor.{name} changes a tensor in place", f"use the result of torch.{name[:-1]}")
    if name == "getitem" and len(args) == 2 and not isinstance(args[0], Value):
        from .table import table_of

        return table_of(args[0])[args[1]]
    return _invoke(f"torch.{name}", name, args, dict(kwargs))


_DUNDERS = {"truediv": "div", "floordiv": "floor_divide", "mod": "remainder", "and": "bitwise_and", "or": "bitwise_or",
            "xor": "bitwise_xor", "invert": "bitwise_not", "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift"}
_REVERSED = ("add", "sub", "mul", "truediv", "div", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift")


def dispatch_numpy(shown: str, name: str, args: Tuple[Any, ...], kwargs: Dict[str, Any]) -> Any:
    """A NumPy function or ufunc with a symbolic value among its arguments."""
    return _invoke(shown, name, args, dict(kwargs))


def method(value: Value, name: str) -> Callable[..., Any]:
    """A method of tensors: the function of that name with the value first."""
    _loaded()
    if name == "where":  # x.where(condition, other) of tensors; x.where(condition) hides pairs of a matrix
        return lambda condition, other=None: (_hide(value, condition) if other is None
                                              else FUNCTIONS["where"](condition, value, other))
    if name.endswith("_") and name[:-1] in FUNCTIONS:
        raise located(f".{name}() changes a tensor in place", f"use the result of .{name[:-1]}()")
    try:
        body = lookup(f".{name}", name)
    except TraceError as error:
        raise UnknownMethod(str(error)) from None
    return functools.partial(body, value)


def _hide(value: Value, condition: Any) -> Value:
    body = state.current().body
    if body is None or not body.hides or value.op != "element" and not any(x.op == "element" for x in leaves([value])):
        raise located(".where(condition) without another value hides pairs, and needs a matrix of scores",
                      "give the value that stands where the condition does not hold: x.where(condition, other)")
    return body.where(value, to_bool(lift(condition)))


def public(name: str) -> Optional[Callable[..., Any]]:
    """`attune.NAME`: the function for symbolic values, and NumPy's or `math`'s for anything else."""
    if name.startswith("_"):
        return None
    _loaded()
    if name == "functions":
        return lambda: sorted(n for n in FUNCTIONS if not n.startswith("_"))
    body = FUNCTIONS.get(name)
    if body is None:
        return None

    def function(*args: Any, **kwargs: Any) -> Any:
        if state.tracing():
            return _invoke(f"attune.{name}", name, args, kwargs)
        for module in ("numpy", "math"):
            found = getattr(sys.modules.get(module), name, None)
            if found is not None:
                return found(*args, **kwargs)
        raise TraceError(f"attune.{name} is for symbolic values, in a score_mod, a mask_mod or an attune.kernel")

    function.__name__, function.__doc__ = name, body.__doc__
    return function
