# SPDX-License-Identifier: Apache-2.0
"""What does the compiler make of a program's text? The binding of compiler/attune_compiler.h by ctypes."""
import ctypes
import os
import threading
from ctypes import POINTER, byref, c_char_p, c_int, c_int32, c_int64, c_size_t, c_void_p
from typing import Any, Dict, List, Optional, Tuple

from .._errors import ArgumentError, CompileError, NativeError
from . import native


class _Options(ctypes.Structure):
    _fields_ = [("struct_size", c_size_t), ("targets", c_char_p), ("kernel", c_char_p), ("plan", c_char_p),
                ("packed_heads", c_int64), ("without_gather", c_int32), ("without_assembly", c_int32),
                ("self_tests", c_int32)]


_SOURCE: List[Any] = [c_char_p, c_size_t]
_OPTIONS, _OUTPUT = POINTER(_Options), POINTER(c_void_p)
_TABLE: Dict[str, Tuple[Any, List[Any]]] = {
    "attune_compiler_version": (c_char_p, []),
    "attune_compiler_last_message": (c_char_p, []),
    "attune_output_data": (c_void_p, [c_void_p]),
    "attune_output_size": (c_size_t, [c_void_p]),
    "attune_output_free": (None, [c_void_p]),
    "attune_compile": (c_int, _SOURCE + [_OPTIONS, _OUTPUT]),
    "attune_compile_stage": (c_int, _SOURCE + [c_char_p, _OPTIONS, _OUTPUT]),
    "attune_explain": (c_int, _SOURCE + [_OPTIONS, c_char_p, _OUTPUT]),
    "attune_picture": (c_int, _SOURCE + [_OPTIONS, c_char_p, _OUTPUT]),
}
_ERRORS = {1: ArgumentError, 2: CompileError}
_lock = threading.Lock()
_library: "ctypes.CDLL | None" = None
_identity = ""


def library() -> ctypes.CDLL:
    """libattune-compiler.so, loaded at the first call: a hit of the cache on disk needs none."""
    global _library
    if _library is None:
        with _lock:
            if _library is None:
                _library = native._declare(native._load(native.COMPILER), _TABLE)
    return _library


def identity() -> str:
    """Which compiler this is, without loading it: version, size and time of its file. Part of the key of the cache on
    disk, so that a compiler that was built again never finds what its predecessor made."""
    global _identity
    if not _identity:
        status = os.stat(native.find_library(native.COMPILER))
        _identity = f"{native.version()} {status.st_size} {status.st_mtime_ns}"
    return _identity


def _call(name: str, text: str, options: Dict[str, Any], extra: Tuple[Any, ...]) -> bytes:
    source = text.encode()
    filled = _Options(struct_size=ctypes.sizeof(_Options))
    for option, value in options.items():
        if value is not None:
            setattr(filled, option, value.encode() if isinstance(value, str) else value)
    output = c_void_p()
    function = getattr(library(), name)
    before, after = (extra, ()) if name == "attune_compile_stage" else ((), extra)
    status = function(source, len(source), *before, byref(filled), *after, byref(output))
    if status:
        message = library().attune_compiler_last_message().decode("utf-8", "replace")
        raise _ERRORS.get(status, NativeError)(message or f"the compiler failed with status {status}")
    try:
        return ctypes.string_at(library().attune_output_data(output), library().attune_output_size(output))
    finally:
        library().attune_output_free(output)


def compile_text(text: str, targets: str = "native", **options: Any) -> bytes:
    """The bytes of a bundle. targets: "x86-64-v3", "sm_80,sm_90a", ...; options: kernel, plan, packed_heads, ... as in
    attune_compile_options. Raises CompileError with the compiler's diagnostics."""
    return _call("attune_compile", text, {"targets": targets, **options}, ())


def compile_stage(text: str, stage: str, targets: str = "native", **options: Any) -> str:
    """The text of a stage: "attn", "plan", "tile", "llvm", "ptx"."""
    return _call("attune_compile_stage", text, {"targets": targets, **options}, (stage.encode(),)).decode()


def explain_text(text: str, problem: str = "", targets: Optional[str] = None, **options: Any) -> str:
    """The plan in words. problem: "batch=1,heads=8,tokens=4096,w=256"."""
    return _call("attune_explain", text, {"targets": targets, **options}, (problem.encode(),)).decode()


def picture_text(text: str, problem: str = "", targets: Optional[str] = None, **options: Any) -> str:
    """The mask as SVG text."""
    return _call("attune_picture", text, {"targets": targets, **options}, (problem.encode(),)).decode()
