# SPDX-License-Identifier: Apache-2.0
"""Captured arrays in traced functions: what stands for them, and how symbolic positions index them."""
from __future__ import annotations

import math
import sys
from typing import Any, Optional, Tuple

from .._program import Operand
from . import state
from .components import LARGEST, Components
from .dtypes import FLOATS, element_of
from .located import located
from .value import Type, Value, constant, make

_NAMES = {"truediv": "div", "floordiv": "floor_divide", "mod": "remainder", "and_": "bitwise_and", "or_": "bitwise_or",
          "xor": "bitwise_xor", "lshift": "bitwise_left_shift", "rshift": "bitwise_right_shift"}
_STORED = {"f64", "f32", "f16", "bf16", "i64", "i32", "i8", "i1"}


class TableOperand:
    """One captured array as an operand: vectors is how many trailing dims a load reads at once, at most."""

    def __init__(self, operand: Operand, element: str, shape: Tuple[int, ...]) -> None:
        self.operand, self.element, self.shape, self.vectors = operand, element, shape, 0

    @property
    def alias(self) -> str:
        return f"!{self.operand.name}_type"

    def type_text(self) -> str:
        """As the operand is declared: sizes are dynamic, but for dims that are read as vectors."""
        fixed = len(self.shape) - self.vectors
        dims = "".join("?x" if n < fixed else f"{size}x" for n, size in enumerate(self.shape))
        return f"tensor<{dims}{self.element}>"


class Table:
    """Stands for a captured array. Indexing by positions gives an entry, or with fewer indices than dims a table again. An entry
    out of range is 0 (torch raises, FlexAttention leaves it open); literal negative indices count from the end, computed ones
    do not. Whatever else is done with it happens to the array itself, once, when the function is read.
    """

    __array_priority__ = 1000.0

    def __init__(self, array: Any, name: str, source: Optional[int], indices: Tuple[Value, ...] = ()) -> None:
        self._array, self._name, self._source, self._indices = array, name, source, indices
        self._facts = ""

    # Entries.
    def __getitem__(self, item: Any) -> Any:
        items = item if isinstance(item, tuple) else (item,)
        items = tuple(int(i) if hasattr(type(i), "__index__") and not isinstance(i, (bool, int, Value, Table)) else i
                      for i in items)
        shape = tuple(self._array.shape)
        while items and (items[-1] is Ellipsis or isinstance(items[-1], slice) and items[-1] == slice(None)):
            items = items[:-1]
        if not any(isinstance(i, (Value, Table)) for i in items) and not self._indices:
            if not all(isinstance(i, int) and not isinstance(i, bool) for i in items):
                return _concrete(self)[item]
        indices = self._indices + tuple(self._index(i, len(self._indices) + n, shape) for n, i in enumerate(items))
        if len(indices) > len(shape):
            raise located(f"{len(indices)} indices for the captured array '{self._name}', which has {len(shape)} dims")
        table = Table(self._array, self._name, self._source, indices)
        table._facts = self._facts
        return table.entry() if len(indices) == len(shape) else table

    def _index(self, item: Any, dim: int, shape: Tuple[int, ...]) -> Value:
        from .functions import lift

        if item is None or item is Ellipsis or isinstance(item, slice):
            word = {type(None): "None", type(Ellipsis): "..."}.get(type(item), "a slice")
            raise located(f"{word} among the indices of the captured array '{self._name}'",
                          "give one position for each dim from the left; slice or reshape the array outside of the function")
        if isinstance(item, (list, tuple)):
            raise located(f"a list among the indices of the captured array '{self._name}'", "index it once for each entry")
        index = lift(item)
        if index.type.kind != "int" or index.type.shape:
            fix = "use where() in place of a boolean index" if index.type.kind == "bool" else "cast it: index.to(torch.int32)"
            raise located(f"an index of the captured array '{self._name}' is {index.describe()}", fix)
        if index.concrete is not None and index.op in ("const", "scalar") and dim < len(shape):
            for leaf in index.leaves:
                state.current().recorder.fix_sign(leaf)
            if index.concrete < 0:  # from the end, as Python counts
                self._shape_matters()
                index = lift(index + int(shape[dim]))
        return index

    def _shape_matters(self) -> None:
        trace = state.current()
        if isinstance(self._source, int):
            trace.recorder.fix_shape(self._source)
        elif self._source is not None:
            trace.fixed.add(self._source)

    def operand(self) -> TableOperand:
        """The operand of this array in the program, made when it is first read."""
        trace = state.current()
        key = ("source", self._source) if self._source is not None else ("id", id(self._array))
        found = trace.tables.get(key)
        if found is None:
            element = element_of(self._array.dtype)
            if element not in _STORED:
                raise located(f"the captured array '{self._name}' has the type {self._array.dtype}, which kernels do not read",
                              "make it float32, float16, bfloat16, float64, int64, int32, int8 or bool")
            if self._source is None and id(self._array) not in trace.fresh:
                trace.volatile = True
            shape = tuple(int(n) for n in self._array.shape)
            facts = f" {{{self._facts}}}" if self._facts else ""
            operand = Operand(trace.unique(self._name), "table", array=self._array, source=self._source, facts=facts)
            found = trace.tables[key] = TableOperand(operand, element, shape)
            trace.operands.append(operand)
        return found

    def entry(self) -> Value:
        """The number at the indices, or the vector of what is left of the dims."""
        table = self.operand()
        rest = len(table.shape) - len(self._indices)
        shape: Tuple[int, ...] = ()
        if rest:
            shape = table.shape[len(self._indices):]
            if rest > 1 and not isinstance(self._source, tuple) or math.prod(shape) > 4096:
                raise located(f"the captured array '{self._name}' of shape {table.shape} needs {rest} more indices",
                              "give one position for each dim")
            self._shape_matters()
            table.vectors = max(table.vectors, rest)
        kind = "float" if table.element in FLOATS else "bool" if table.element == "i1" else "int"
        if rest and kind != "float":
            raise located(f"'{self._name}' stands for {shape[0]} integers at once", "index the last dim, too, or compare and join "
                          "by .any(-1)")
        return make("load", self._indices, table, Type(kind, shape))

    # As an operand it is its entry; as an array it is itself.
    def components(self, floats: bool = False) -> Optional[Components]:
        """The entries along the last dim, if that is the one that is left and they are integers or booleans; of floats, too, and
        of whole arrays, if asked for."""
        shape = self._array.shape
        if len(shape) - len(self._indices) != 1:
            return None
        if not floats and (not self._indices or element_of(self._array.dtype) in FLOATS):
            return None
        self._shape_matters()
        if shape[-1] > LARGEST:
            raise located(f"{shape[-1]} entries of the captured array '{self._name}' at each pair", f"{LARGEST} are the most; "
                          "make a table of booleans of it, outside of the function")
        return Components(tuple(self[n] for n in range(int(shape[-1]))))

    def _binary(self, name: str, other: Any, swapped: bool = False) -> Any:
        from . import functions

        parts = self.components()
        if parts is not None:
            others = other.components() if isinstance(other, Table) else other
            return parts.each(_NAMES.get(name, name), others, swapped)

        if self._array_like() and not isinstance(other, (Value, Table)):
            import operator

            operate = getattr(operator, name)
            return operate(other, _concrete(self)) if swapped else operate(_concrete(self), other)
        operands = (other, self) if swapped else (self, other)
        return functions.call(_NAMES.get(name, name), *operands)

    def _array_like(self) -> bool:
        return not self._indices and len(self._array.shape) > 0

    def _unary(self, name: str) -> Any:
        from . import functions

        if self._array_like():
            import operator

            return getattr(operator, name)(_concrete(self))
        return functions.call({"invert": "bitwise_not"}.get(name, name), self)

    def __neg__(self) -> Any: return self._unary("neg")
    def __invert__(self) -> Any: return self._unary("invert")
    def __abs__(self) -> Any: return self._unary("abs")

    __hash__ = object.__hash__

    @property
    def shape(self) -> Any:
        self._shape_matters()
        return self._array.shape[len(self._indices):]

    def size(self, dim: Optional[int] = None) -> Any:
        self._shape_matters()
        size = getattr(self._array, "size", None)
        if not callable(size):
            return size
        return size() if dim is None else size(dim)

    def __len__(self) -> int:
        return int(self.shape[0])

    @property
    def dtype(self) -> Any: return self._array.dtype
    @property
    def device(self) -> Any: return getattr(self._array, "device", "cpu")
    @property
    def ndim(self) -> int: return len(self._array.shape) - len(self._indices)
    def dim(self) -> int: return self.ndim

    def __bool__(self) -> bool: return bool(_concrete(self) if self._array_like() else self.entry())
    def __int__(self) -> int: return int(_concrete(self))
    def __float__(self) -> float: return float(_concrete(self))
    def __index__(self) -> int: return _concrete(self).__index__()
    def __iter__(self) -> Any: return (self[n] for n in range(len(self)))
    def __array__(self, *args: Any, **_: Any) -> Any: return sys.modules["numpy"].asarray(_concrete(self), *args)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        if not self._array_like():
            parts = self.components()
            return getattr(self.entry() if parts is None else parts, name)
        return getattr(_concrete(self), name)

    def __repr__(self) -> str:
        return f"<the captured array {self._name}>"

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        return _whole_or_entry(args, kwargs or {}, lambda a, k: Value.__torch_function__(func, types, a, k), func)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return _whole_or_entry(inputs, kwargs, lambda a, k: Value.__array_ufunc__(None, ufunc, method, *a, **k),
                               getattr(ufunc, method))

    def __array_function__(self, func: Any, types: Any, args: Tuple[Any, ...], kwargs: Any) -> Any:
        return _whole_or_entry(args, kwargs, lambda a, k: Value.__array_function__(None, func, types, a, k), func)


def _operators() -> None:
    def binary(name: str, swapped: bool) -> Any:
        return lambda self, other: self._binary(name, other, swapped)

    for name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and_", "or_", "xor", "lshift", "rshift"):
        setattr(Table, f"__{name.strip('_')}__", binary(name, False))
        setattr(Table, f"__r{name.strip('_')}__", binary(name, True))
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(Table, f"__{name}__", binary(name, False))


_operators()



def _concrete(table: Table) -> Any:
    """The array itself, for what is computed of it once; the program then depends on its contents."""
    state.current().volatile = True
    if table._indices:
        raise located(f"entries of the captured array '{table._name}' are other numbers at each pair")
    return table._array


def _has_value(things: Any) -> bool:
    if isinstance(things, (list, tuple)):
        return any(_has_value(t) for t in things)
    return isinstance(things, Value) or isinstance(things, Table) and not things._array_like()


def _unwrap(thing: Any) -> Any:
    if isinstance(thing, (list, tuple)):
        return type(thing)(_unwrap(t) for t in thing)
    return _concrete(thing) if isinstance(thing, Table) else thing


def _whole_or_entry(args: Any, kwargs: Any, symbolic: Any, func: Any) -> Any:
    """A library function on captured arrays: of arrays alone it is called as it is, beside positions and entries it is traced."""
    args = tuple((a.components() or a) if isinstance(a, Table) else a for a in args)
    if any(isinstance(a, Components) for a in args):
        return Components.__torch_function__(func, (), args, kwargs)
    if _has_value(args) or _has_value(tuple(kwargs.values())):
        return symbolic(args, kwargs)
    return func(*_unwrap(tuple(args)), **{k: _unwrap(v) for k, v in kwargs.items()})


def is_array(thing: Any) -> bool:
    """An array of NumPy, torch, JAX, CuPy or anything with their protocols."""
    if isinstance(thing, (type, Value, Table)):
        return False
    if not (hasattr(thing, "shape") and hasattr(thing, "dtype")):
        return False
    return (hasattr(type(thing), "__dlpack__") or hasattr(thing, "__array_interface__")
            or hasattr(thing, "__cuda_array_interface__"))


def table_of(array: Any) -> Table:
    """The table of an array that was met inside the function rather than captured by it."""
    return array if isinstance(array, Table) else Table(array, "table", None)


def as_number(thing: Any) -> Optional[Value]:
    """A NumPy scalar or a 0-d array as a literal; None for anything else."""
    if not hasattr(thing, "dtype") or tuple(getattr(thing, "shape", (1,))) != ():
        return None
    element = element_of(thing.dtype)
    if element is None:
        return None
    trace = state.current()
    if is_array(thing) and id(thing) not in trace.fresh and not _is_numpy_scalar(thing):
        trace.volatile = True
    number = thing.item()
    return constant(bool(number) if element == "i1" else float(number) if element in FLOATS else int(number))


def _is_numpy_scalar(thing: Any) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and isinstance(thing, numpy.generic)

