# SPDX-License-Identifier: Apache-2.0
"""Element types by the names that torch, NumPy, JAX and Python have for them."""
from __future__ import annotations

import sys
from typing import Any, Optional

_NAMES = {
    "float64": "f64", "double": "f64", "float32": "f32", "float": "f32", "single": "f32", "float16": "f16", "half": "f16",
    "bfloat16": "bf16", "int64": "i64", "long": "i64", "int32": "i32", "int": "i64", "int16": "i16", "short": "i16",
    "int8": "i8", "uint8": "u8", "bool": "i1", "bool_": "i1", "intp": "i64", "intc": "i32", "longlong": "i64",
    "f64": "f64", "f32": "f32", "f16": "f16", "bf16": "bf16", "i64": "i64", "i32": "i32", "i16": "i16", "i8": "i8",
    "u8": "u8", "i1": "i1", "index": "i64",
}
_LIBRARY = {"int": "int32", "bool": "bool", "f64": "float64", "f32": "float32", "f16": "float16", "bf16": "bfloat16",
            "i64": "int64", "i32": "int32", "i8": "int8", "i1": "bool", "index": "int64"}

FLOATS = ("f64", "f32", "f16", "bf16")
INTEGERS = ("i64", "i32", "i16", "i8", "u8")


def element_of(dtype: Any) -> Optional[str]:
    """The element type ("f32", "i64", "i1", ...) that a dtype object, scalar class or name stands for; None for none of ours."""
    if dtype is float:
        return "f32"
    if dtype is int:
        return "i64"
    if dtype is bool:
        return "i1"
    name = getattr(dtype, "__name__", None) if isinstance(dtype, type) or hasattr(dtype, "__name__") else None
    if name is None:
        name = getattr(dtype, "name", None) or str(dtype)
    return _NAMES.get(str(name).split(".")[-1].strip("'>"))


def is_dtype(thing: Any) -> bool:
    """Is it a dtype rather than a device, a tensor or a number?"""
    if thing in (float, int, bool) if isinstance(thing, type) else False:
        return True
    kind = type(thing)
    if kind.__module__ == "torch" and kind.__name__ == "dtype":
        return True
    if isinstance(thing, str):
        return thing in _NAMES
    return (kind.__name__.endswith("DType") or kind.__name__ in ("dtype", "_ScalarMeta")
            or isinstance(thing, type) and element_of(thing) is not None)


def library_dtype(kind: str) -> Any:
    """The dtype object of the library in use for a value's kind: torch's where torch is loaded, else NumPy's, else the name."""
    from .state import current

    name = _LIBRARY[current().floating if kind == "float" else kind]
    torch, numpy = sys.modules.get("torch"), sys.modules.get("numpy")
    if torch is not None and hasattr(torch, name):
        return getattr(torch, name)
    return numpy.dtype(name) if numpy is not None and name != "bfloat16" else name
