# SPDX-License-Identifier: Apache-2.0
"""Attention variants written as Python functions, compiled into one fused kernel each: `attune.flex_attention`."""
# The rooms: a function gets values of _symbols, _tracing writes it down as text, and _running makes results of text and arrays.
# Their doors are the files beside them: _flex, _kernel, _masks and _explain. All may know _errors and _program.
from typing import Any

from ._errors import ArgumentError, ArgumentTypeError, CompileError, DeviceError, Error, NativeError
from ._explain import Picture, explain, picture
from ._flex import AuxOutput, AuxRequest, flex_attention
from ._kernel import Cols, Float, Index, Kernel, Rows, Table, kernel
from ._masks import BlockMask, and_masks, create_block_mask, create_mask, noop_mask, or_masks
from ._symbols.located import TraceError
from ._symbols.vectors import contains, rotate, step
from ._tracing.language import (assume, axis, concat, contract, dot, entmax, fold, list_first, logsumexp, places, reduce, scan,
                                select, size, softmax, solve, sparsemax, stencil, take, transpose)
from ._tracing.promises import promise

__all__ = [
    "ArgumentError", "ArgumentTypeError", "AuxOutput", "AuxRequest", "BlockMask", "Cols", "CompileError", "DeviceError", "Error",
    "Float", "Index", "Kernel", "NativeError", "Picture", "Rows", "Table", "TraceError", "and_masks", "assume", "axis", "concat",
    "contains", "contract", "create_block_mask", "create_mask", "dot", "entmax", "explain", "flex_attention", "fold", "kernel",
    "list_first", "logsumexp", "noop_mask", "or_masks", "picture", "places", "promise", "reduce", "rotate", "scan", "select",
    "size", "softmax", "solve", "sparsemax", "stencil", "step", "take", "transpose",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from ._running.native import version

        return version()
    from ._symbols.functions import public

    function = public(name)  # attune.exp, attune.where, ...: see attune.functions()
    if function is not None:
        return function
    raise AttributeError(f"module 'attune' has no attribute '{name}'")
