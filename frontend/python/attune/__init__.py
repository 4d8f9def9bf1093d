# SPDX-License-Identifier: Apache-2.0
"""Attention variants written as Python functions, compiled into one fused kernel each: `attune.flex_attention`."""
from ._errors import ArgumentError, ArgumentTypeError, CompileError, DeviceError, Error, NativeError
from ._flex import AuxOutput, AuxRequest, flex_attention

__all__ = [
    "ArgumentError", "ArgumentTypeError", "AuxOutput", "AuxRequest", "CompileError", "DeviceError", "Error", "NativeError",
    "flex_attention",
]


def __getattr__(name: str) -> str:
    if name == "__version__":
        from ._native import version

        return version()
    raise AttributeError(f"module 'attune' has no attribute '{name}'")
