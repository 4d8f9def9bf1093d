# SPDX-License-Identifier: Apache-2.0
"""Attention variants written as Python functions, compiled into one fused kernel each: `attune.flex_attention`."""
from typing import Any

from ._errors import ArgumentError, ArgumentTypeError, CompileError, DeviceError, Error, NativeError
from ._explain import Picture, explain, picture
from ._flex import AuxOutput, AuxRequest, flex_attention
from ._kernel import Cols, Float, Index, Kernel, Rows, Table, kernel
from ._language import (assume, axis, concat, contract, dot, entmax, fold, list_first, logsumexp, places, reduce, scan,
                        select, size, softmax, solve, sparsemax, stencil, take, transpose)
from ._located import TraceError
from ._masks import BlockMask, and_masks, create_block_mask, create_mask, noop_mask, or_masks
from ._promises import promise
from ._vectors import contains, rotate, step

__all__ = [
    "ArgumentError", "ArgumentTypeError", "AuxOutput", "AuxRequest", "BlockMask", "Cols", "CompileError", "DeviceError", "Error",
    "Float", "Index", "Kernel", "NativeError", "Picture", "Rows", "Table", "TraceError", "and_masks", "assume", "axis", "concat",
    "contains", "contract", "create_block_mask", "create_mask", "dot", "entmax", "explain", "flex_attention", "fold", "kernel",
    "list_first", "logsumexp", "noop_mask", "or_masks", "picture", "places", "promise", "reduce", "rotate", "scan", "select",
    "size", "softmax", "solve", "sparsemax", "stencil", "step", "take", "transpose",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from ._native import version

        return version()
    from ._functions import public

    function = public(name)  # attune.exp, attune.where, ...: see attune.functions()
    if function is not None:
        return function
    raise AttributeError(f"module 'attune' has no attribute '{name}'")
