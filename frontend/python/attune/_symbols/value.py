# SPDX-License-Identifier: Apache-2.0
"""Symbolic values: what a user's function gets in place of indices, scores, captured numbers and table entries."""
from __future__ import annotations

import math
import sys
from typing import Any, FrozenSet, List, NamedTuple, Optional, Sequence, Tuple

from . import state
from .located import located, number_error, truth_error


class Type(NamedTuple):
    """kind: "int" (64-bit index), "bool", "float", or, of tokens as they are stored, "i8", "i32", "bf16" and so on.
    shape: () for a number, (128,) for a vector."""

    kind: str
    shape: Tuple[int, ...] = ()


INT, BOOL, FLOAT = Type("int"), Type("bool"), Type("float")
_WORDS = {"int": "an integer", "bool": "a boolean", "float": "a float"}


class Value:
    """A value at one pair (batch, head, query, key): an index, a score, a number, a condition, an entry of a table.

    It behaves as a 0-d torch tensor or a NumPy scalar in arithmetic, comparisons, bit operators and the functions of
    `functions.py`. Integers are 64-bit and do not wrap; floats are computed in f32 (f64 if the queries are f64), whatever the
    type of a captured table. Python cannot branch on it: that is a `TraceError`.
    """

    __slots__ = ("op", "args", "attr", "type", "uid", "concrete", "leaves")
    __array_priority__ = 1000.0

    def __init__(self, op: str, args: Tuple["Value", ...], attr: Any, type_: Type, uid: int, concrete: Any,
                 leaves: FrozenSet[Any]) -> None:
        self.op, self.args, self.attr, self.type, self.uid = op, args, attr, type_, uid
        self.concrete, self.leaves = concrete, leaves

    # Arithmetic and comparisons: `functions` knows the types.
    def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        from . import functions

        for other in args:
            if type(other).__name__ in ("Components", "Table") and other is not self:
                parts = other if type(other).__name__ == "Components" else other.components()
                if parts is not None:
                    return parts.each(name, self, args[0] is self)
        return functions.call(name, *args, **kwargs)

    def __add__(self, other: Any) -> Any: return self._call("add", self, other)
    def __radd__(self, other: Any) -> Any: return self._call("add", other, self)
    def __sub__(self, other: Any) -> Any: return self._call("sub", self, other)
    def __rsub__(self, other: Any) -> Any: return self._call("sub", other, self)
    def __mul__(self, other: Any) -> Any: return self._call("mul", self, other)
    def __rmul__(self, other: Any) -> Any: return self._call("mul", other, self)
    def __truediv__(self, other: Any) -> Any: return self._call("div", self, other)
    def __rtruediv__(self, other: Any) -> Any: return self._call("div", other, self)
    def __floordiv__(self, other: Any) -> Any: return self._call("floor_divide", self, other)
    def __rfloordiv__(self, other: Any) -> Any: return self._call("floor_divide", other, self)
    def __mod__(self, other: Any) -> Any: return self._call("remainder", self, other)
    def __rmod__(self, other: Any) -> Any: return self._call("remainder", other, self)
    def __divmod__(self, other: Any) -> Any: return self // other, self % other
    def __rdivmod__(self, other: Any) -> Any: return other // self, other % self
    def __pow__(self, other: Any) -> Any: return self._call("pow", self, other)
    def __rpow__(self, other: Any) -> Any: return self._call("pow", other, self)
    def __neg__(self) -> Any: return self._call("neg", self)
    def __pos__(self) -> Any: return self
    def __abs__(self) -> Any: return self._call("abs", self)
    def __invert__(self) -> Any: return self._call("bitwise_not", self)
    def __and__(self, other: Any) -> Any: return self._call("bitwise_and", self, other)
    def __rand__(self, other: Any) -> Any: return self._call("bitwise_and", other, self)
    def __or__(self, other: Any) -> Any: return self._call("bitwise_or", self, other)
    def __ror__(self, other: Any) -> Any: return self._call("bitwise_or", other, self)
    def __xor__(self, other: Any) -> Any: return self._call("bitwise_xor", self, other)
    def __rxor__(self, other: Any) -> Any: return self._call("bitwise_xor", other, self)
    def __lshift__(self, other: Any) -> Any: return self._call("bitwise_left_shift", self, other)
    def __rlshift__(self, other: Any) -> Any: return self._call("bitwise_left_shift", other, self)
    def __rshift__(self, other: Any) -> Any: return self._call("bitwise_right_shift", self, other)
    def __rrshift__(self, other: Any) -> Any: return self._call("bitwise_right_shift", other, self)
    def __lt__(self, other: Any) -> Any: return self._call("lt", self, other)
    def __le__(self, other: Any) -> Any: return self._call("le", self, other)
    def __gt__(self, other: Any) -> Any: return self._call("gt", self, other)
    def __ge__(self, other: Any) -> Any: return self._call("ge", self, other)
    def __eq__(self, other: Any) -> Any: return self._call("eq", self, other)
    def __ne__(self, other: Any) -> Any: return self._call("ne", self, other)

    def __getitem__(self, item: Any) -> Any: return self._call("getitem", self, item)

    # What needs a number now: fine for what captured Python numbers alone decide, an error otherwise.
    def number(self, call: str) -> Any:
        """The Python number that this is, if only captured numbers decide it; they are then constants of the program."""
        if self.concrete is None:
            raise number_error(self.describe(), call)
        for leaf in self.leaves:
            state.current().recorder.bake(leaf)
        return self.concrete

    def __bool__(self) -> bool:
        if self.concrete is None:
            raise truth_error(self.describe())
        return bool(self.number("bool(value)"))

    def __int__(self) -> int: return int(self.number("int(value)"))
    def __float__(self) -> float: return float(self.number("float(value)"))
    def __complex__(self) -> complex: return complex(self.number("float(value)"))
    def __index__(self) -> int: return self._whole("index(value)")
    def __floor__(self) -> int: return math.floor(self.number("int(value)"))
    def __ceil__(self) -> int: return math.ceil(self.number("int(value)"))
    def __trunc__(self) -> int: return math.trunc(self.number("int(value)"))
    def __round__(self, digits: Optional[int] = None) -> Any: return round(self.number("int(value)"), digits)
    def __len__(self) -> int: raise number_error(self.describe(), "len(value)")
    def __iter__(self) -> Any: raise number_error(self.describe(), "iter(value)")
    def item(self) -> Any: return self.number(".item()")
    def tolist(self) -> Any: return self.number(".item()")

    def _whole(self, call: str) -> int:
        number = self.number(call)
        if not isinstance(number, int):
            raise TypeError(f"expected a whole number, but got {number!r}")
        return number

    def __hash__(self) -> int:
        return hash(self.number("hash(value)")) if self.concrete is not None else self.uid

    def __format__(self, spec: str) -> str:
        return format(self.number("str"), spec) if self.concrete is not None else repr(self)

    def __array__(self, *_: Any, **__: Any) -> Any:
        if self.concrete is None:
            raise number_error(self.describe(), "array")
        return sys.modules["numpy"].asarray(self.number("array"))

    def __repr__(self) -> str:
        return f"<{self.describe()}>"

    def describe(self) -> str:
        """The value in words, for messages."""
        if self.op == "place":
            return f"the {self.attr.word}"
        if self.op == "widen":
            return self.args[0].describe()
        if self.op == "element":
            return "the score" if self.attr.name == "%s" else f"the value {self.attr.name}"
        if self.op == "scalar":
            return f"the captured number {self.attr[0]}"
        kind = _WORDS.get(self.type.kind, f"a value of type {self.type.kind}")
        if self.type.shape:
            kind = f"a vector of {'x'.join(map(str, self.type.shape))} ({self.type.kind})"
        return f"{kind} computed by '{self.op}'"

    # What a 0-d tensor says of itself.
    @property
    def shape(self) -> Tuple[int, ...]:
        torch = sys.modules.get("torch")
        return torch.Size(self.type.shape) if torch else self.type.shape

    @property
    def ndim(self) -> int: return len(self.type.shape)
    def dim(self) -> int: return len(self.type.shape)

    def size(self, dim: Optional[int] = None) -> Any:
        return self.shape if dim is None else self.shape[dim]

    @property
    def dtype(self) -> Any:
        """torch's dtype where torch is loaded, else NumPy's, else its name."""
        from .dtypes import library_dtype

        return library_dtype(self.type.kind)

    @property
    def device(self) -> Any:
        torch = sys.modules.get("torch")
        return torch.device(state.current().device) if torch else state.current().device

    @property
    def requires_grad(self) -> bool: return False
    @property
    def is_cuda(self) -> bool: return state.current().device.startswith("cuda")
    def is_floating_point(self) -> bool: return self.type.kind not in ("int", "bool", "i8", "i32", "i64", "i1")

    # Methods of tensors are functions with the value first.
    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        from . import functions

        return functions.method(self, name)

    def __setitem__(self, key: Any, value: Any) -> None:
        raise located("symbolic values cannot be changed in place", "make a new value: torch.where(condition, new, old)")

    # Protocols of the array libraries.
    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        from . import functions

        return functions.dispatch_torch(func, args, kwargs or {})

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        from . import functions

        return functions.dispatch_numpy(f"np.{ufunc.__name__}" + ("" if method == "__call__" else f".{method}"),
                                         ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}", inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Tuple[Any, ...], kwargs: Any) -> Any:
        from . import functions

        return functions.dispatch_numpy(f"np.{func.__name__}", func.__name__, args, kwargs)


def make(op: str, args: Tuple[Value, ...], attr: Any, type_: Type, concrete: Any = None,
         leaves: Optional[FrozenSet[Any]] = None) -> Value:
    """The one node of this trace with this operation, operands and attribute."""
    trace = state.current()
    key = (op, tuple(a.uid for a in args), attr, type_)
    node = trace.nodes.get(key)
    if node is None:
        if leaves is None:
            leaves = frozenset().union(*(a.leaves for a in args)) if args else frozenset()
        node = Value(op, args, attr, type_, len(trace.nodes), concrete, leaves)
        trace.nodes[key] = node
    return node


def constant(value: Any) -> Value:
    """A literal."""
    if isinstance(value, bool):
        return make("const", (), ("bool", value), BOOL, value)
    if isinstance(value, int):
        if not -(2**63) <= value < 2**63:
            raise located(f"the integer {value} does not fit in 64 bits")
        return make("const", (), ("int", value), INT, value)
    value = float(value)
    return make("const", (), ("float", value.hex()), FLOAT, value)


def leaves(roots: Sequence[Value]) -> List[Value]:
    """Values without operands that some values are made of, each once, in order."""
    found: List[Value] = []
    seen = set()
    stack = list(reversed(list(roots)))
    while stack:
        node = stack.pop()
        if node.uid in seen:
            continue
        seen.add(node.uid)
        if not node.args:
            found.append(node)
        stack.extend(reversed(node.args))
    return found
