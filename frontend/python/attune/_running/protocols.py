# SPDX-License-Identifier: Apache-2.0
"""How is an array read of whose library nothing is known but a protocol: DLPack or an array interface?"""
import ctypes
from typing import Any, Tuple

from .._errors import ArgumentError, ArgumentTypeError
from .arrays import View, row_major, strides_of_bytes
from .libraries import _KINDS, Library, NumPy
from .native import DLTensor

_DLPACK_NAMES = {(2, 64): "f64", (2, 32): "f32", (2, 16): "f16", (4, 16): "bf16", (0, 64): "i64", (0, 32): "i32",
                 (0, 16): "i16", (0, 8): "i8", (1, 8): "u8", (6, 8): "i1"}
_DLPACK_DEVICES = {1: "cpu", 2: "cuda", 3: "cpu", 13: "cuda"}

_capsule_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_capsule_pointer.restype = ctypes.c_void_p
_capsule_pointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


class _Foreign(Library):
    """Results of such arrays are the library's own where it follows the array API standard, else NumPy's."""

    def empty(self, shape: Tuple[int, ...], dtype: str, like: Any) -> Any:
        if hasattr(like, "__array_namespace__"):
            space = like.__array_namespace__()
            name = {"f32": "float32", "f16": "float16", "bf16": "bfloat16", "f64": "float64", "i32": "int32",
                    "i64": "int64", "i8": "int8", "i1": "bool"}[dtype]
            if not hasattr(space, name):
                raise ArgumentTypeError(f"a result has dtype {dtype}, and {space.__name__} has no {name}")
            return space.empty(shape, dtype=getattr(space, name), device=like.device)
        if self.view(like).device != "cpu":
            raise ArgumentTypeError(f"a result cannot be made on the GPU for {type(like).__name__}, whose library is "
                                    "not known; pass torch.from_dlpack(array) or cupy.asarray(array)")
        return NumPy().empty(shape, dtype, like)


class DLPack(_Foreign):
    name = "DLPack"
    #: The library's own stream is not known: its arrays are made ready for the default stream by themselves.
    waits = True

    def view(self, array: Any) -> View:
        try:
            capsule = array.__dlpack__()
            tensor = DLTensor.from_address(_capsule_pointer(capsule, b"dltensor"))
        except (BufferError, ValueError, TypeError, RuntimeError) as error:
            raise ArgumentError(f"a {type(array).__name__} could not be read by DLPack: {error}") from None
        name = _DLPACK_NAMES.get((tensor.code, tensor.bits)) if tensor.lanes == 1 else None
        if name is None:
            raise ArgumentTypeError(f"a DLPack array has entries of type code {tensor.code} with {tensor.bits} bits, "
                                    "which no kernel reads; expected float32, float16, bfloat16 or an integer")
        place = _DLPACK_DEVICES.get(tensor.device_type)
        if place is None:
            raise ArgumentError(f"a DLPack array is on device type {tensor.device_type}, expected the CPU or CUDA")
        rank = tensor.ndim
        shape = tuple(tensor.shape[:rank]) if rank else ()
        strides = tuple(tensor.strides[:rank]) if rank and tensor.strides else row_major(shape)
        device = place if place == "cpu" else f"cuda:{tensor.device_id}"
        # The capsule frees the array's memory when it dies.
        return View((tensor.data or 0) + tensor.byte_offset, name, shape, strides, device, (array, capsule))


class ArrayInterface(_Foreign):
    name = "__array_interface__"

    def view(self, array: Any) -> View:
        return _read(array, array.__array_interface__, self.name, "cpu")


class CudaArrayInterface(_Foreign):
    """The interface names no device: the first GPU is meant."""

    name = "__cuda_array_interface__"
    waits = True

    def view(self, array: Any) -> View:
        return _read(array, array.__cuda_array_interface__, self.name, "cuda:0")


def _read(array: Any, interface: Any, kind: str, device: str) -> View:
    spelled = interface["typestr"]
    name = _KINDS.get(spelled[1:])
    if name is None or spelled[0] == ">":
        raise ArgumentTypeError(f"an array of {kind} has type '{spelled}', which no kernel reads; expected float32, "
                                "float16 or an integer in this computer's byte order")
    data = interface.get("data")
    if not isinstance(data, tuple):
        raise ArgumentError(f"an array of {kind} gives no address of its data")
    shape = tuple(interface["shape"])
    strides = interface.get("strides")
    steps = row_major(shape) if strides is None else strides_of_bytes(strides, name, kind)
    return View(data[0] or 0, name, shape, steps, device, array)
