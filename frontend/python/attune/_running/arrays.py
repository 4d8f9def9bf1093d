# SPDX-License-Identifier: Apache-2.0
"""Where do the numbers of an array lie, whichever library it comes from?

Nothing is copied and no array library is imported here that the caller has not imported: a reader is chosen by the
type of the array, once for each type.
"""
from typing import Any, Callable, Dict, NamedTuple, Tuple

from .._errors import ArgumentError
from .._program import ArrayInfo

#: Bytes of an entry, by dtype name.
ITEM_BYTES = {"f64": 8, "f32": 4, "f16": 2, "bf16": 2, "i64": 8, "i32": 4, "i16": 2, "i8": 1, "u8": 1, "i1": 1}


class View(NamedTuple):
    """An array's numbers where they lie: what a launch needs.

    pointer: the address of the entry at index (0, 0, ...); on a GPU an address there. 0 for no entries.
    owner: whatever keeps the memory alive; hold it as long as the pointer is used.
    """

    pointer: int
    dtype: str
    shape: Tuple[int, ...]
    strides: Tuple[int, ...]
    device: str
    owner: Any


Reader = Callable[[Any], View]
_readers: Dict[type, Reader] = {}


def view(array: Any) -> View:
    """The numbers of `array` where they lie, without a copy.

    Accepts NumPy, PyTorch (CPU, CUDA), JAX and CuPy arrays and whatever has `__cuda_array_interface__`,
    `__array_interface__` or `__dlpack__`. Raises ArgumentTypeError for anything else and for dtypes that no kernel
    has, ArgumentError for memory that cannot be described (strides within an entry, a device that is not known).
    """
    reader = _readers.get(type(array))
    if reader is None:
        reader = _readers[type(array)] = _choose(array)
    return reader(array)


def describe(array: Any) -> ArrayInfo:
    """dtype, shape, strides (in entries) and device of `array`; accepts and raises what `view` does."""
    found = view(array)
    return ArrayInfo(found.dtype, found.shape, found.strides, found.device)


def is_array(value: Any) -> bool:
    """Whether `value` is an array that `view` would try to read (not a number, not a list)."""
    if type(value) in _readers:
        return True
    if isinstance(value, (bool, int, float, complex, str, bytes, list, tuple, dict, type)):
        return False
    return any(hasattr(value, name) for name in ("__dlpack__", "__array_interface__", "__cuda_array_interface__"))


def row_major(shape: Tuple[int, ...]) -> Tuple[int, ...]:
    """The strides, in entries, of an array without gaps."""
    strides, step = [], 1
    for size in reversed(shape):
        strides.append(step)
        step *= max(size, 1)
    return tuple(reversed(strides))


def strides_of_bytes(strides: Tuple[int, ...], dtype: str, kind: str) -> Tuple[int, ...]:
    """Strides in bytes as strides in entries; ArgumentError where they step within an entry."""
    size = ITEM_BYTES[dtype]
    if size == 1:
        return tuple(strides)
    for step in strides:
        if step % size:
            raise ArgumentError(f"a {kind} array has a stride of {step} bytes, expected a multiple of the {size} bytes "
                                f"of its {dtype} entries; make a contiguous copy of it")
    return tuple(step // size for step in strides)


def _choose(array: Any) -> Reader:
    from .libraries import library_of

    return library_of(array).view
