# SPDX-License-Identifier: Apache-2.0
"""How does each array library show its memory, make a new array, and name the stream that it works on?

A library is looked at only when the caller has imported it: the modules are taken from `sys.modules`.
"""
import sys
from types import ModuleType
from typing import Any, Dict, Tuple, Type

from .._errors import ArgumentError, ArgumentTypeError
from .arrays import View, strides_of_bytes

_KINDS = {"f8": "f64", "f4": "f32", "f2": "f16", "i8": "i64", "i4": "i32", "i2": "i16", "i1": "i8", "u1": "u8",
          "b1": "i1"}


class Library:
    """One array library. `name` is for messages."""

    name = "array"

    def view(self, array: Any) -> View:
        """The array's memory, without a copy."""
        raise NotImplementedError

    def empty(self, shape: Tuple[int, ...], dtype: str, like: Any) -> Any:
        """A new row-major array without values of this library, where `like` lies."""
        raise NotImplementedError

    def stream(self, device: str) -> int:
        """The CUDA stream that the caller works on, as a number; 0 is the default stream."""
        return 0

    def finish(self, result: Any) -> Any:
        """What to hand to the caller for an array of `empty` that a launch has written."""
        return result

    #: Whether a launch on a GPU has to be waited for, because the library's own stream is not to be had.
    waits = False


def named_dtype(dtype: Any, kind: str) -> str:
    """The name of a NumPy dtype; ArgumentTypeError for one that no kernel has."""
    name = getattr(dtype, "name", "")
    if name == "bfloat16":
        return "bf16"
    if not dtype.isnative:
        raise ArgumentTypeError(f"a {kind} array has dtype {dtype}, whose bytes are in the other order; convert it by "
                                f".astype({name})")
    found = _KINDS.get(dtype.kind + str(dtype.itemsize))
    if found is None:
        raise ArgumentTypeError(f"a {kind} array has dtype {name or dtype}, which no kernel reads; expected float32, "
                                "float16, bfloat16, int64, int32, int8, uint8 or bool")
    return found


class NumPy(Library):
    name = "NumPy"

    def __init__(self) -> None:
        self._names: Dict[Any, str] = {}

    def view(self, array: Any) -> View:
        if not hasattr(array, "__array_finalize__") or array.ndim == 0:
            array = sys.modules["numpy"].asarray(array)
        dtype = array.dtype
        name = self._names.get(dtype)
        if name is None:
            name = self._names[dtype] = named_dtype(dtype, self.name)
        strides = strides_of_bytes(array.strides, name, self.name)
        return View(array.__array_interface__["data"][0], name, array.shape, strides, "cpu", array)

    def empty(self, shape: Tuple[int, ...], dtype: str, like: Any) -> Any:
        numpy = _module("numpy")
        return numpy.empty(shape, self.dtype(dtype))

    def dtype(self, name: str) -> Any:
        """The NumPy dtype of this name; bf16 is that of the package ml_dtypes."""
        if name == "bf16":
            try:
                import ml_dtypes
            except ImportError:
                raise ArgumentTypeError("a result of bf16 as a NumPy array needs the package ml_dtypes, which is not "
                                        "installed: install it, or pass float32 or float16 arrays") from None
            return _module("numpy").dtype(ml_dtypes.bfloat16)
        kind = next(kind for kind, found in _KINDS.items() if found == name)
        return _module("numpy").dtype(kind if kind != "b1" else "bool")


class Torch(Library):
    name = "PyTorch"

    def __init__(self) -> None:
        torch = self._torch = sys.modules["torch"]
        self._names = {torch.float64: "f64", torch.float32: "f32", torch.float16: "f16", torch.bfloat16: "bf16",
                       torch.int64: "i64", torch.int32: "i32", torch.int16: "i16", torch.int8: "i8",
                       torch.uint8: "u8", torch.bool: "i1"}
        self._dtypes = {name: dtype for dtype, name in self._names.items()}
        self._devices: Dict[Any, str] = {}

    def view(self, array: Any) -> View:
        if array.requires_grad and self._torch.is_grad_enabled():
            raise ArgumentError("a tensor requires grad, and Attune has no backward pass yet: call under "
                                "torch.no_grad(), or pass tensor.detach()")
        name = self._names.get(array.dtype)
        if name is None:
            raise ArgumentTypeError(f"a tensor has dtype {array.dtype}, which no kernel reads; expected float32, "
                                    "float16, bfloat16, int64, int32, int8, uint8 or bool")
        device = array.device
        where = self._devices.get(device)
        if where is None:
            where = self._devices[device] = self._place(device)
        if array.is_neg():  # its memory holds the opposite numbers: here alone a copy is made
            array = array.resolve_neg()
        try:
            return View(array.data_ptr(), name, tuple(array.shape), array.stride(), where, array)
        except RuntimeError as error:
            raise ArgumentError(f"a {type(array).__name__} has no memory that a kernel could read: {error}") from None

    def _place(self, device: Any) -> str:
        if device.type == "cpu":
            return "cpu"
        if device.type == "cuda":
            index = device.index if device.index is not None else self._torch.cuda.current_device()
            return f"cuda:{index}"
        raise ArgumentError(f"a tensor is on device '{device}', expected 'cpu' or 'cuda'; move it by tensor.to('cpu')")

    def empty(self, shape: Tuple[int, ...], dtype: str, like: Any) -> Any:
        return self._torch.empty(shape, dtype=self._dtypes[dtype], device=like.device)

    def stream(self, device: str) -> int:
        if device == "cpu":
            return 0
        return int(self._torch.cuda.current_stream(int(device[5:])).cuda_stream)


class Jax(Library):
    """JAX arrays are immutable: a result is made by jax.numpy.empty and written before anybody else has seen it."""

    name = "JAX"
    waits = True

    def __init__(self) -> None:
        self._jax = sys.modules["jax"]
        self._numpy = NumPy()

    def view(self, array: Any) -> View:
        if isinstance(array, self._jax.core.Tracer):
            raise ArgumentTypeError("an array is a JAX tracer: a kernel cannot be launched while jax.jit, jax.vmap or "
                                    "jax.grad trace; call outside of them, or through jax.pure_callback")
        devices = array.devices()
        if len(devices) != 1:
            raise ArgumentError(f"a JAX array lies on {len(devices)} devices, expected one; gather it by "
                                "jax.device_put(array, device)")
        array.block_until_ready()
        from .arrays import row_major
        shape = tuple(array.shape)
        return View(array.unsafe_buffer_pointer(), named_dtype(array.dtype, self.name), shape, row_major(shape),
                    self._place(next(iter(devices))), array)

    def _place(self, device: Any) -> str:
        if device.platform == "cpu":
            return "cpu"
        if device.platform in ("gpu", "cuda"):
            return f"cuda:{device.local_hardware_id or 0}"
        raise ArgumentError(f"a JAX array is on platform '{device.platform}', expected 'cpu' or 'gpu'")

    def empty(self, shape: Tuple[int, ...], dtype: str, like: Any) -> Any:
        made = self._jax.numpy.empty(shape, self._numpy.dtype(dtype), device=next(iter(like.devices())))
        return made.block_until_ready()


class CuPy(Library):
    name = "CuPy"

    def __init__(self) -> None:
        self._cupy = sys.modules["cupy"]

    def view(self, array: Any) -> View:
        name = named_dtype(array.dtype, self.name)
        return View(int(array.data.ptr), name, tuple(array.shape), strides_of_bytes(array.strides, name, self.name),
                    f"cuda:{array.device.id}", array)

    def empty(self, shape: Tuple[int, ...], dtype: str, like: Any) -> Any:
        with like.device:
            return self._cupy.empty(shape, NumPy().dtype(dtype))

    def stream(self, device: str) -> int:
        with self._cupy.cuda.Device(int(device[5:])):
            return int(self._cupy.cuda.get_current_stream().ptr)


_found: Dict[type, Library] = {}
_made: Dict[Any, Library] = {}


def library_of(array: Any) -> Library:
    """The library of an array (a subclass counts); ArgumentTypeError when it is no array."""
    found = _found.get(type(array))
    if found is None:
        made = _class_for(array)
        found = _found[type(array)] = _made.setdefault(made, made())
    return found


def _class_for(array: Any) -> Type[Library]:
    library: Type[Library]
    for module, attributes, library in (("torch", ("Tensor",), Torch), ("numpy", ("ndarray", "generic"), NumPy),
                                        ("jax", ("Array",), Jax), ("cupy", ("ndarray",), CuPy)):
        loaded = sys.modules.get(module)
        if loaded is not None and isinstance(array, tuple(getattr(loaded, name) for name in attributes
                                                          if isinstance(getattr(loaded, name, None), type))):
            return library
    from .protocols import ArrayInterface, CudaArrayInterface, DLPack
    for attribute, library in (("__dlpack__", DLPack), ("__array_interface__", ArrayInterface),
                               ("__cuda_array_interface__", CudaArrayInterface)):
        if hasattr(array, attribute):
            return library
    raise ArgumentTypeError("expected an array (NumPy, PyTorch, JAX, CuPy, or anything with __dlpack__ or "
                            f"__array_interface__), but got {type(array).__name__}")


def _module(name: str) -> ModuleType:
    import importlib

    try:
        return importlib.import_module(name)
    except ImportError:
        raise ArgumentTypeError(f"a result would be made by {name}, which is not installed") from None
