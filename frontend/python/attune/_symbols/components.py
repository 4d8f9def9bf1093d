# SPDX-License-Identifier: Apache-2.0
"""The last dim of a captured table of integers or booleans, as that many values: `(chosen[b, h, i] == j).any(-1)`."""
from __future__ import annotations

import functools
from typing import Any, Callable, Tuple

from .located import located
from .value import Value

LARGEST = 256


class Components:
    """Some values side by side. Operators work on each; any, all, sum, min and max join them."""

    __array_priority__ = 1001.0

    def __init__(self, values: Tuple[Value, ...]) -> None:
        self.values = values

    def each(self, name: str, other: Any, swapped: bool = False) -> "Components":
        from . import functions

        others = list(other.values) if isinstance(other, Components) else [other] * len(self.values)
        if len(others) != len(self.values):
            raise located(f"{len(self.values)} values beside {len(others)}", "they need one length")
        pairs = zip(others, self.values) if swapped else zip(self.values, others)
        return Components(tuple(functions.call(name, a, b) for a, b in pairs))

    def _join(self, name: str, args: Tuple[Any, ...], kwargs: Any) -> Value:
        from . import functions

        axes = list(args) + [v for k, v in kwargs.items() if k in ("dim", "axis")]
        if any(axis not in (-1, 0, None) for axis in axes):
            raise located(f"a reduction over {axes}", "one dim is left here: use dim=-1")
        return functools.reduce(lambda a, b: functions.call(name, a, b), self.values)

    def any(self, *args: Any, **kwargs: Any) -> Value: return self._join("logical_or", args, kwargs)
    def all(self, *args: Any, **kwargs: Any) -> Value: return self._join("logical_and", args, kwargs)
    def sum(self, *args: Any, **kwargs: Any) -> Value:
        from . import functions

        whole = Components(tuple(functions.call("add", v, 0) for v in self.values))
        return whole._join("add", args, kwargs)

    def max(self, *args: Any, **kwargs: Any) -> Value: return self._join("maximum", args, kwargs)
    def min(self, *args: Any, **kwargs: Any) -> Value: return self._join("minimum", args, kwargs)
    amax, amin = max, min

    def __invert__(self) -> "Components":
        from . import functions

        return Components(tuple(functions.call("bitwise_not", v) for v in self.values))

    def __getitem__(self, item: int) -> Value: return self.values[item]
    def __len__(self) -> int: return len(self.values)
    def __bool__(self) -> bool: raise located("several conditions are asked for one truth", "use .any(-1) or .all(-1)")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        from . import functions

        return lambda *args, **kwargs: Components(tuple(functions.method(v, name)(*args, **kwargs) for v in self.values))

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        return _dispatch(getattr(func, "__name__", str(func)), args, kwargs or {})

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        return _dispatch(ufunc.__name__, inputs, {})

    def __array_function__(self, func: Any, types: Any, args: Tuple[Any, ...], kwargs: Any) -> Any:
        return _dispatch(func.__name__, args, kwargs)


def _dispatch(name: str, args: Tuple[Any, ...], kwargs: Any) -> Any:
    """A library function on components: reductions are methods, others work on each."""
    from . import functions

    if name in ("any", "all", "sum", "max", "min", "amax", "amin"):
        return getattr(args[0], name)(*args[1:], **kwargs)
    body: Callable[..., Any] = functions.lookup(name, name)
    size = next(len(a) for a in args if isinstance(a, Components))
    rows = [tuple(a.values[n] if isinstance(a, Components) else a for a in args) for n in range(size)]
    return Components(tuple(body(*row, **kwargs) for row in rows))


def _operators() -> None:
    names = {"add": "add", "sub": "sub", "mul": "mul", "truediv": "div", "floordiv": "floor_divide", "mod": "remainder",
             "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor"}

    def operator(name: str, swapped: bool) -> Any:
        return lambda self, other: self.each(name, other, swapped)

    for short, name in names.items():
        setattr(Components, f"__{short}__", operator(name, False))
        setattr(Components, f"__r{short}__", operator(name, True))
    for name in ("lt", "le", "gt", "ge", "eq", "ne"):
        setattr(Components, f"__{name}__", operator(name, False))


_operators()
