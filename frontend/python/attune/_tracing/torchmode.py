# SPDX-License-Identifier: Apache-2.0
"""While a function is read: torch tensors that were not captured, but met on the way, indexed by positions."""
from __future__ import annotations

import contextlib
import sys
from typing import Any, ContextManager

_modes: Any = {}


def _mode_class(torch: Any) -> Any:
    found = _modes.get("class")
    if found is None:
        from .._symbols.table import Table, table_of
        from .._symbols.value import Value

        def symbolic(thing: Any) -> bool:
            if isinstance(thing, (list, tuple)):
                return any(symbolic(t) for t in thing)
            return isinstance(thing, (Value, Table))

        class Indexing(torch.overrides.TorchFunctionMode):
            """A tensor's own __getitem__ does not ask its index for a protocol; this mode does. Tensors that the function makes
            of nothing but numbers (torch.tensor(0.5)) are its constants."""

            def __init__(self, trace: Any) -> None:
                super().__init__()
                self.trace = trace

            def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
                kwargs = kwargs or {}
                if getattr(func, "__name__", "") in ("__getitem__", "getitem") and symbolic(args[1]):
                    return table_of(args[0])[args[1]]
                if symbolic(args) or symbolic(tuple(kwargs.values())):
                    from .._symbols import functions

                    return functions.dispatch_torch(func, args, kwargs)
                result = func(*args, **kwargs)
                known = self.trace.fresh
                if isinstance(result, torch.Tensor) and all(id(a) in known for a in args if isinstance(a, torch.Tensor)):
                    known[id(result)] = result
                return result

        found = _modes["class"] = Indexing
    return found


def torch_indexing(trace: Any) -> ContextManager[Any]:
    """The mode where torch is loaded; nothing elsewhere."""
    torch = sys.modules.get("torch")
    return contextlib.nullcontext() if torch is None or not hasattr(torch, "overrides") else _mode_class(torch)(trace)
