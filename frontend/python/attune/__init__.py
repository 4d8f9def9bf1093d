# SPDX-License-Identifier: Apache-2.0
"""Attention variants written as Python functions, compiled into one fused kernel each: `attune.flex_attention`."""
from typing import Any

from ._errors import ArgumentError, ArgumentTypeError, CompileError, DeviceError, Error, NativeError
from ._explain import Picture, explain, picture
from ._flex import AuxOutput, AuxRequest, flex_attention
from ._located import TraceError
from ._masks import BlockMask, and_masks, create_block_mask, create_mask, noop_mask, or_masks
from ._promises import promise

__all__ = [
    "ArgumentError", "ArgumentTypeError", "AuxOutput", "AuxRequest", "BlockMask", "CompileError", "DeviceError", "Error",
    "NativeError", "Picture", "TraceError", "and_masks", "create_block_mask", "create_mask", "explain", "flex_attention",
    "noop_mask", "or_masks", "picture", "promise",
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
