# SPDX-License-Identifier: Apache-2.0
"""Copies of user functions in which symbolic values stand for what was captured.

NumPy and JAX arrays have no protocol for an index of a foreign type, so that arrays are exchanged before a function runs: its
closure cells, globals and defaults, those of the functions that it captures, attributes of objects and items of containers.
Captured numbers become values, too, which are operands of the program unless Python needs their number.
"""
from __future__ import annotations

import builtins
import dis
import enum
import functools
import math
import sys
import types
from typing import Any, Dict, List, Optional, Tuple

from .._program import Operand
from .._symbols import state
from .._symbols.table import Table, is_array
from .._symbols.value import FLOAT, INT, Value, constant, make
from .capture import (ALIAS, ARRAY, ARRAY_SHAPE, ATTRIBUTE, CELL, DEFAULT, FUNCTION, GLOBAL, ITEM, KEYWORD, NUMBER, ROOT,
                      SAME_CODE, SAME_LENGTH, SAME_OBJECT, SAME_TYPE, SAME_VALUE, SELF, SIGNED, Step)
from .promises import Promised

_LIBRARIES = {"torch", "numpy", "jax", "jaxlib", "cupy", "functools", "typing", "enum", "math", "attune", "builtins", "operator"}
_LITERALS = (bool, str, bytes, type(None), complex, type(Ellipsis), slice, range)


class Recorder:
    """Exchanges captured values for symbolic ones and writes down where they came from."""

    def __init__(self) -> None:
        self.steps: List[Step] = []
        self.values: List[Any] = []
        self.made: Dict[int, Any] = {}

    # What a trace reports.
    def bake(self, leaf: Any) -> None:
        """Python has used the number of this captured scalar: it is a constant of the program."""
        source = leaf
        step = self.steps[source]
        self.steps[source] = step._replace(check=SAME_VALUE, expected=self.values[source])

    def fix_sign(self, source: int) -> None:
        """The program depends on whether this captured number is negative."""
        step = self.steps[source]
        if step.check == NUMBER:
            self.steps[source] = step._replace(check=SIGNED, expected=(step.expected, bool(self.values[source] < 0)))

    def fix_shape(self, source: int) -> None:
        """The program depends on the shape of this captured array."""
        self.steps[source] = self.steps[source]._replace(check=ARRAY_SHAPE)

    # Steps.
    def _step(self, how: int, base: int, key: Any, check: int, expected: Any, value: Any) -> int:
        self.steps.append(Step(how, base, key, check, expected))
        self.values.append(value)
        return len(self.steps) - 1

    def root(self, callable_: Any, place: int) -> Any:
        """The copy of a callable that the user gave."""
        return self.wrap(callable_, "function", ROOT, -1, place)

    def wrap(self, value: Any, name: str, how: int, base: int, key: Any) -> Any:
        """What stands for a captured value."""
        if isinstance(value, types.ModuleType):
            return _module(value)
        known = self.made.get(id(value)) if not isinstance(value, (int, float, str, tuple)) else None
        if known is not None and known[0] is value and not is_array(value):
            self._step(how, base, key, ALIAS, known[2], value)
            return known[1]
        if isinstance(value, _LITERALS) or isinstance(value, (enum.Enum, type)) or _is_plain(value):
            self._step(how, base, key, SAME_VALUE, value, value)
            return value
        if isinstance(value, (int, float)) or _is_numpy_number(value):
            return self._number(value, name, self._step(how, base, key, NUMBER, type(value), value))
        if isinstance(value, Promised):
            place = self._step(how, base, key, SAME_TYPE, Promised, value)
            self.wrap(value.facts, name, ATTRIBUTE, place, "facts")
            table = self.wrap(value.array, name, ATTRIBUTE, place, "array")
            table._facts = value.facts
            return table
        if is_array(value):
            return self._array(value, name, self._step(how, base, key, ARRAY, type(value), value))
        if isinstance(value, (list, tuple, dict)) and type(value).__module__ == "builtins" or _is_named_tuple(value):
            return self._container(value, name, how, base, key)
        return self._callable_or_object(value, name, how, base, key)

    def _number(self, value: Any, name: str, source: int) -> Any:
        if isinstance(value, float) or hasattr(value, "dtype") and value.dtype.kind == "f":
            if math.isinf(value):  # -inf hides pairs: the compiler should see it
                self.bake(source)
                return constant(float(value))
            return make("scalar", (), (name, source, "float"), FLOAT, float(value), frozenset((source,)))
        number = int(value)
        if not -(2**31) <= number < 2**31:
            self.bake(source)
            return constant(number)
        return make("scalar", (), (name, source, "int"), INT, number, frozenset((source,)))

    def _array(self, value: Any, name: str, source: int) -> Table:
        known = self.made.get(id(value))
        if known is not None and known[0] is value:
            return known[1]
        table = Table(value, name, source)
        self.made[id(value)] = (value, table, source)
        return table

    def _container(self, value: Any, name: str, how: int, base: int, key: Any) -> Any:
        place = self._step(how, base, key, SAME_LENGTH, (type(value), len(value)), value)
        if len(value) > 256:
            state.current().volatile = True
            return value
        if isinstance(value, dict):
            return {k: self.wrap(v, f"{name}_{k}", ITEM, place, k) for k, v in value.items()}
        items = [self.wrap(v, f"{name}_{n}", ITEM, place, n) for n, v in enumerate(value)]
        return items if isinstance(value, list) else type(value)(*items) if _is_named_tuple(value) else tuple(items)

    def _callable_or_object(self, value: Any, name: str, how: int, base: int, key: Any) -> Any:
        inner = _compiled_from(value)
        if inner is not None:
            place = self._step(how, base, key, SAME_TYPE, type(value), value)
            return self.wrap(getattr(value, inner), name, ATTRIBUTE, place, inner)
        if isinstance(value, types.FunctionType):
            if value.__closure__ is None and value.__module__ and value.__module__.split(".")[0] in _LIBRARIES:
                self._step(how, base, key, SAME_OBJECT, value, value)
                return value
            return self._function(value, self._step(how, base, key, SAME_CODE, value.__code__, value))
        if isinstance(value, types.MethodType):
            place = self._step(how, base, key, SAME_TYPE, type(value), value)
            function = self.wrap(value.__func__, name, FUNCTION, place, None)
            return types.MethodType(function, self.wrap(value.__self__, "self", SELF, place, None))
        if isinstance(value, functools.partial):
            place = self._step(how, base, key, SAME_TYPE, type(value), value)
            inner = self.wrap(value.func, name, ATTRIBUTE, place, "func")
            args = self.wrap(value.args, name, ATTRIBUTE, place, "args")
            return functools.partial(inner, *args, **self.wrap(value.keywords, name, ATTRIBUTE, place, "keywords"))
        if isinstance(value, (types.BuiltinFunctionType, types.MethodDescriptorType)) or _is_library(value):
            self._step(how, base, key, SAME_OBJECT, value, value)
            return _builtin(value)
        place = self._step(how, base, key, SAME_TYPE, type(value), value)
        view = View(self, value, place)
        self.made[id(value)] = (value, view, place)
        return view

    def _function(self, function: types.FunctionType, place: int) -> types.FunctionType:
        code = function.__code__
        copy_globals: Dict[str, Any] = {"__builtins__": builtins, "__name__": function.__module__ or "__main__"}
        cells = tuple(types.CellType() for _ in function.__closure__ or ())
        copy = types.FunctionType(code, copy_globals, function.__name__, None, cells)
        copy.__qualname__, copy.__module__ = function.__qualname__, function.__module__
        self.made[id(function)] = (function, copy, place)
        for number, (cell, original) in enumerate(zip(cells, function.__closure__ or ())):
            try:
                contents = original.cell_contents
            except ValueError:
                continue
            cell.cell_contents = self.wrap(contents, code.co_freevars[number], CELL, place, number)
        for name in global_names(code):
            if name in function.__globals__:
                copy_globals[name] = self.wrap(function.__globals__[name], name, GLOBAL, place, name)
        names = code.co_varnames[: code.co_argcount]
        defaults = function.__defaults__ or ()
        copy.__defaults__ = tuple(self.wrap(v, names[len(names) - len(defaults) + n], DEFAULT, place, n)
                                  for n, v in enumerate(defaults)) or None
        if function.__kwdefaults__:
            copy.__kwdefaults__ = {k: self.wrap(v, k, KEYWORD, place, k) for k, v in function.__kwdefaults__.items()}
        return copy


class View:
    """Stands for a captured object: attributes that are arrays, numbers and methods are exchanged as captured values are."""

    def __init__(self, recorder: Recorder, target: Any, place: int) -> None:
        self.__dict__.update(_view=(recorder, target, place), _seen={})

    def __getattr__(self, name: str) -> Any:
        recorder, target, place = self.__dict__["_view"]
        seen = self.__dict__["_seen"]
        if name not in seen:
            value = getattr(target, name)
            if isinstance(value, types.MethodType) and value.__self__ is target:
                base = recorder._step(ATTRIBUTE, place, name, SAME_TYPE, types.MethodType, value)
                seen[name] = types.MethodType(recorder.wrap(value.__func__, name, FUNCTION, base, None), self)
            else:
                seen[name] = recorder.wrap(value, name, ATTRIBUTE, place, name)
        return seen[name]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.__getattr__("__call__" if "forward" not in dir(type(self._view[1])) else "forward")(*args, **kwargs)

    @property
    def __class__(self) -> Any:  # isinstance sees the object itself
        return type(self._view[1])

    def __bool__(self) -> bool:
        state.current().volatile = True
        return bool(self._view[1])

    def __eq__(self, other: Any) -> bool:
        state.current().volatile = True
        return bool(self._view[1] == (other._view[1] if type(other) is View else other))

    def __hash__(self) -> int:
        state.current().volatile = True
        return hash(self._view[1])

    def __getitem__(self, key: Any) -> Any:
        state.current().volatile = True
        return self._view[1][key]

    def __len__(self) -> int:
        state.current().volatile = True
        return len(self._view[1])

    def __iter__(self) -> Any:
        state.current().volatile = True
        return iter(self._view[1])


@functools.lru_cache(maxsize=4096)
def global_names(code: types.CodeType) -> Tuple[str, ...]:
    """Names that code reads as globals, with the functions inside of it."""
    names = [i.argval for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")]
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            names.extend(global_names(inner))
    return tuple(dict.fromkeys(names))


def _compiled_from(value: Any) -> Optional[str]:
    """The attribute in which torch.compile, jax.jit and functools.lru_cache keep the function that they were given."""
    if "_torchdynamo_orig_callable" in getattr(value, "__dict__", {}):
        return "_torchdynamo_orig_callable"
    kind = type(value)
    jitted = kind.__module__.split(".")[0] in ("jax", "jaxlib", "functools") and kind is not functools.partial
    return "__wrapped__" if jitted and isinstance(getattr(value, "__wrapped__", None), types.FunctionType) else None


def _is_library(value: Any) -> bool:
    """Objects of the array libraries that are no arrays: ufuncs, operators, jitted functions."""
    root = type(value).__module__.split(".")[0]
    return (root in _LIBRARIES or root == "_operator") and not callable(getattr(value, "forward", None))


def _is_plain(value: Any) -> bool:
    """dtype and device objects."""
    kind = type(value)
    return kind.__module__ == "torch" and kind.__name__ in ("dtype", "device") or kind.__module__.startswith("numpy.dtype")


def _is_numpy_number(value: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(value, (numpy.integer, numpy.floating))


def _is_named_tuple(value: Any) -> bool:
    return isinstance(value, tuple) and hasattr(value, "_fields")


class _Module:
    """A module whose functions also take symbolic values: `math` and jax.numpy, which have no protocol for that."""

    def __init__(self, module: types.ModuleType) -> None:
        self.__dict__["_target"] = module

    def __getattr__(self, name: str) -> Any:
        return _dispatching(getattr(self._target, name), f"{self._target.__name__}.{name}", name)


def _symbolic(thing: Any) -> bool:
    if isinstance(thing, (list, tuple)):
        return any(_symbolic(t) for t in thing)
    return isinstance(thing, Table) or isinstance(thing, Value) and thing.concrete is None


def _dispatching(target: Any, shown: str, name: str) -> Any:
    if not callable(target) or isinstance(target, type):
        return target

    @functools.wraps(target, updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        from .._symbols import functions

        if _symbolic(args) or _symbolic(tuple(kwargs.values())):
            return functions.dispatch_numpy(shown, name, args, kwargs)
        return target(*args, **kwargs)

    return call


def _module(module: types.ModuleType) -> Any:
    dispatched = ("math", "jax.numpy", "jax.nn", "jax.lax", "jax.scipy.special")
    return _Module(module) if module.__name__ in dispatched else module


def _builtin(value: Any) -> Any:
    """`from math import exp` and functions of jax.numpy that were imported by name."""
    module = getattr(value, "__module__", None) or ""
    if module == "math" or module.split(".")[0] == "jax":
        return _dispatching(value, f"{module}.{value.__name__}", value.__name__)
    return value


def scalar_operand(trace: Any, value: Value) -> str:
    """The operand of a captured number, made when it is first used."""
    name, source, kind = value.attr
    key = ("scalar", source)
    operand: Optional[Operand] = trace.tables.get(key)
    if operand is None:
        type_ = "index" if kind == "int" else trace.floating
        operand = Operand(trace.unique(name), "scalar", scalar=value.concrete, type=type_, source=source)
        trace.tables[key] = operand
        trace.operands.append(operand)
    return operand.name


__all__ = ["Recorder"]
