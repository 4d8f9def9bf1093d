# SPDX-License-Identifier: Apache-2.0
"""What do the two native libraries look like from Python? The binding of runtime/attune.h by ctypes.

The libraries are looked for in the folder that the environment variable ATTUNE_LIBRARY_DIR names, in the installed
package, and beside the sources in a build tree; they are loaded at the first use.
"""
import ctypes
import os
import threading
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_uint8, c_uint16, c_uint64
from ctypes import c_void_p
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Tuple

from .._errors import ArgumentError, DeviceError, NativeError

RUNTIME, COMPILER = "libattune.so", "libattune-compiler.so"
_STATUS_ERRORS = {1: ArgumentError, 2: NativeError, 3: ArgumentError, 4: DeviceError, 5: DeviceError, 6: DeviceError}
TENSOR, INTEGER, REAL = 0, 1, 2
ROLES = ("rows", "cols", "table", "scalar")


class DLTensor(ctypes.Structure):
    """DLPack's tensor, flattened."""

    _fields_ = [("data", c_void_p), ("device_type", c_int32), ("device_id", c_int32), ("ndim", c_int32),
                ("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16), ("shape", POINTER(c_int64)),
                ("strides", POINTER(c_int64)), ("byte_offset", c_uint64)]


class _Value(ctypes.Union):
    _fields_ = [("tensor", POINTER(DLTensor)), ("integer", c_int64), ("real", c_double)]


class Argument(ctypes.Structure):
    """attune_argument."""

    _fields_ = [("kind", c_int), ("value", _Value)]


class _KernelInfo(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("operand_count", c_size_t), ("result_count", c_size_t),
                ("variant_count", c_size_t)]


class _OperandInfo(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("role", c_int), ("axis", c_char_p), ("dtype", c_char_p), ("rank", c_size_t),
                ("shape", POINTER(c_int64))]


class ArgumentInfo(NamedTuple):
    """One argument of a kernel: an operand or a result. shape has -1 where a launch decides."""

    name: str
    role: str
    axis: str
    dtype: str
    shape: Tuple[int, ...]


def _folders() -> Iterator[Path]:
    named = os.environ.get("ATTUNE_LIBRARY_DIR")
    if named:
        yield Path(named)
        return
    here = Path(__file__).resolve().parent.parent  # the package
    yield here / "lib"
    if len(here.parents) > 2:
        # A build with sanitizers cannot be loaded into Python.
        yield from (here.parents[2] / "build" / preset / "lib" for preset in ("dev", "runtime"))


def find_library(name: str) -> Path:
    """Where the native library `name` lies; NativeError, naming the folders, when it is nowhere."""
    folders = list(_folders())
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise NativeError(f"{name} is not in {' or '.join(map(str, folders))}; install the package with pip, or let "
                      "ATTUNE_LIBRARY_DIR name the folder that holds it")


def _load(name: str) -> ctypes.CDLL:
    path = find_library(name)
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        raise NativeError(f"{path} cannot be loaded: {error}") from None


def _declare(library: ctypes.CDLL, table: Dict[str, Tuple[Any, List[Any]]]) -> ctypes.CDLL:
    for name, (result, arguments) in table.items():
        try:
            function = getattr(library, name)
        except AttributeError:
            raise NativeError(f"{library._name} has no function {name}: it is of another version") from None
        function.restype, function.argtypes = result, arguments
    return library


_HANDLE, _SIZE = c_void_p, c_size_t
_RUNTIME_TABLE: Dict[str, Tuple[Any, List[Any]]] = {
    "attune_version": (c_char_p, []),
    "attune_last_message": (c_char_p, []),
    "attune_bundle_open_memory": (c_int, [c_char_p, _SIZE, POINTER(_HANDLE)]),
    "attune_bundle_close": (None, [_HANDLE]),
    "attune_bundle_kernel_count": (_SIZE, [_HANDLE]),
    "attune_bundle_kernel": (c_int, [_HANDLE, _SIZE, POINTER(_KernelInfo)]),
    "attune_bundle_find_kernel": (c_int, [_HANDLE, c_char_p, POINTER(_SIZE)]),
    "attune_bundle_argument": (c_int, [_HANDLE, _SIZE, _SIZE, POINTER(_OperandInfo)]),
    "attune_device_open": (c_int, [c_char_p, POINTER(_HANDLE)]),
    "attune_device_close": (None, [_HANDLE]),
    "attune_device_description": (c_char_p, [_HANDLE]),
    "attune_device_synchronize": (c_int, [_HANDLE, _HANDLE]),
    "attune_kernel_load": (c_int, [_HANDLE, _HANDLE, c_char_p, POINTER(_HANDLE)]),
    "attune_kernel_unload": (None, [_HANDLE]),
    "attune_kernel_launch": (c_int, [_HANDLE, c_void_p, _SIZE, _HANDLE]),
}

_lock = threading.Lock()
_runtime: "ctypes.CDLL | None" = None


def runtime() -> ctypes.CDLL:
    """libattune.so, loaded at the first call."""
    global _runtime
    if _runtime is None:
        with _lock:
            if _runtime is None:
                _runtime = _declare(_load(RUNTIME), _RUNTIME_TABLE)
    return _runtime


def fail(status: int) -> None:
    """Raises what the runtime's last call on this thread, which gave `status`, failed with."""
    message = runtime().attune_last_message().decode("utf-8", "replace")
    raise _STATUS_ERRORS.get(status, NativeError)(message or f"the runtime failed with status {status}")


def version() -> str:
    """The version of the libraries, which is the package's: "0.1.0"."""
    return str(runtime().attune_version().decode())


class Device:
    """Something that runs kernels: "host", "host:4", "cuda:0", "sim". Raises DeviceError where there is none."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.handle: Optional[c_void_p] = c_void_p()
        status = runtime().attune_device_open(name.encode(), byref(self.handle))
        if status:
            fail(status)

    def description(self) -> str:
        """For people: "2 threads, x86-64-v4", "NVIDIA H100, sm_90"."""
        return str(runtime().attune_device_description(self.handle).decode())

    def synchronize(self, stream: int = 0) -> None:
        """Waits for the stream's work; DeviceError if some of it failed."""
        status = runtime().attune_device_synchronize(self.handle, stream or None)
        if status:
            fail(status)

    def __del__(self) -> None:
        if _runtime is not None and getattr(self, "handle", None):
            _runtime.attune_device_close(self.handle)


class Bundle:
    """Compiled kernels, from the bytes of a bundle file. NativeError if they are damaged."""

    def __init__(self, data: bytes) -> None:
        self.handle = c_void_p()
        status = runtime().attune_bundle_open_memory(data, len(data), byref(self.handle))
        if status:
            fail(status)

    def arguments(self, kernel: str) -> Tuple[List[ArgumentInfo], List[ArgumentInfo]]:
        """Operands and results of the kernel of this name."""
        library, at, info = runtime(), c_size_t(), _KernelInfo()
        status = (library.attune_bundle_find_kernel(self.handle, kernel.encode(), byref(at))
                  or library.attune_bundle_kernel(self.handle, at, byref(info)))
        if status:
            fail(status)
        both = [self._argument(at, i) for i in range(info.operand_count + info.result_count)]
        return both[:info.operand_count], both[info.operand_count:]

    def _argument(self, kernel: c_size_t, index: int) -> ArgumentInfo:
        info = _OperandInfo()
        status = runtime().attune_bundle_argument(self.handle, kernel, index, byref(info))
        if status:
            fail(status)
        return ArgumentInfo(info.name.decode(), ROLES[info.role], info.axis.decode(), info.dtype.decode(),
                            tuple(info.shape[:info.rank]) if info.rank else ())

    def __del__(self) -> None:
        if _runtime is not None and getattr(self, "handle", None):
            _runtime.attune_bundle_close(self.handle)


class Kernel:
    """A kernel's code, loaded on a device."""

    def __init__(self, device: Device, bundle: Bundle, name: str) -> None:
        self.device = device
        self.handle: Optional[c_void_p] = c_void_p()
        status = runtime().attune_kernel_load(device.handle, bundle.handle, name.encode(), byref(self.handle))
        if status:
            fail(status)

    def __del__(self) -> None:
        if _runtime is not None and getattr(self, "handle", None):
            _runtime.attune_kernel_unload(self.handle)
