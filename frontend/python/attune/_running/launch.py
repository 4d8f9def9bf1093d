# SPDX-License-Identifier: Apache-2.0
"""How do arrays become the arguments of a launch? One piece of memory for each thread, filled in place."""
import ctypes
import threading
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple, Union

from .._errors import ArgumentError, ArgumentTypeError
from . import native
from .arrays import View
from .native import ArgumentInfo

Value = Union[View, int, float]

_DTYPES = {"f64": (2, 64), "f32": (2, 32), "f16": (2, 16), "bf16": (4, 16), "i64": (0, 64), "i32": (0, 32),
           "i16": (0, 16), "i8": (0, 8), "u8": (1, 8), "i1": (6, 8)}
#: The word of a DLTensor that holds ndim (0) and the dtype (code, bits, 1 lane).
_DTYPE_WORDS = {name: (code << 32) | (bits << 40) | (1 << 48) for name, (code, bits) in _DTYPES.items()}
_REALS = ("f32", "f64")
_HEADER = 6  # words of a DLTensor
_device_words: Dict[str, int] = {"cpu": 1}


def _device_word(device: str) -> int:
    word = _device_words.get(device)
    if word is None:
        word = _device_words[device] = 2 | (int(device[5:]) << 32)
    return word


class _Frame:
    """The arguments of one kernel in memory: attune_argument for each, then DLTensor, sizes and strides of each."""

    def __init__(self, arguments: Sequence[ArgumentInfo]) -> None:
        places, size = [], 2 * len(arguments)
        for info in arguments:
            places.append(size)
            if info.role != "scalar":
                size += _HEADER + 2 * len(info.shape)
        self.words = (ctypes.c_int64 * size)()
        self.reals = (ctypes.c_double * size).from_buffer(self.words)
        self.address = ctypes.addressof(self.words)
        self.places = places
        for index, info in enumerate(arguments):
            if info.role == "scalar":
                self.words[2 * index] = native.REAL if info.dtype in _REALS else native.INTEGER
                continue
            at, rank = places[index], len(info.shape)
            self.words[2 * index] = native.TENSOR
            self.words[2 * index + 1] = self.address + 8 * at
            self.words[at + 3] = self.address + 8 * (at + _HEADER)
            self.words[at + 4] = self.address + 8 * (at + _HEADER + rank)


class Launcher:
    """A loaded kernel with what its arguments are: calling it launches. Several threads may call it at once."""

    def __init__(self, kernel: native.Kernel, operands: List[ArgumentInfo], results: List[ArgumentInfo]) -> None:
        self.kernel = kernel
        self.operands, self.results = operands, results
        self._arguments = operands + results
        self._local = threading.local()

    def __call__(self, values: Sequence[Value], stream: int = 0) -> None:
        """Launches with `values`: one for each operand and each result, in this order. A View for a tensor, a number
        for a scalar. Raises ArgumentError with the runtime's sentence when they do not fit the kernel."""
        try:
            frame = self._local.frame
        except AttributeError:
            frame = self._local.frame = _Frame(self._arguments)
        words, places = frame.words, frame.places
        for index, value in enumerate(values):
            if type(value) is View:
                pointer, dtype, shape, strides, device, _ = value
                at, rank = places[index], len(shape)
                if rank != len(self._arguments[index].shape):
                    self._refuse_rank(index, rank)
                words[at] = pointer
                words[at + 1] = _device_words.get(device) or _device_word(device)
                words[at + 2] = rank | _DTYPE_WORDS[dtype]
                words[at + _HEADER:at + _HEADER + 2 * rank] = shape + strides
            else:
                self._put_number(frame, index, value)
        status = native.runtime().attune_kernel_launch(self.kernel.handle, frame.address, len(places), stream or None)
        if status:
            native.fail(status)

    def _refuse_rank(self, index: int, rank: int) -> None:
        info = self._arguments[index]
        if info.role == "scalar":
            raise ArgumentTypeError(f"'{info.name}': expected a number, but got an array of rank {rank}")
        raise ArgumentError(f"'{info.name}': expected rank {len(info.shape)}, but got {rank}")

    def _put_number(self, frame: _Frame, index: int, value: Any) -> None:
        info = self._arguments[index]
        if info.role != "scalar":
            raise ArgumentTypeError(f"'{info.name}': expected an array of rank {len(info.shape)}, but got "
                                    f"{type(value).__name__}")
        if info.dtype in _REALS:
            frame.reals[2 * index + 1] = float(value)
            return
        if isinstance(value, float) or int(value) != value:
            raise ArgumentTypeError(f"'{info.name}': expected an integer, but got {value!r}")
        whole = int(value)
        if not -(1 << 63) <= whole < 1 << 63:
            raise ArgumentError(f"'{info.name}': expected an integer of 64 bits, but got {whole}")
        frame.words[2 * index + 1] = whole

    def result_shapes(self, values: Sequence[Value], lengths: Optional[Mapping[str, int]] = None
                      ) -> List[Tuple[int, ...]]:
        """The sizes that the results of a launch with these operands have: (batch, heads, tokens, numbers of a token...).
        lengths: tokens of axes that no operand lies along."""
        batch, heads = 1, 0
        tokens: Dict[str, int] = dict(lengths or {})
        for info, value in zip(self.operands, values):
            if info.role in ("rows", "cols") and isinstance(value, View) and len(value.shape) >= 3:
                batch = value.shape[0] if value.shape[0] != 1 else batch
                heads = max(heads, value.shape[1])
                tokens.setdefault(info.axis, value.shape[2])
        return [self._result_shape(info, batch, heads, tokens) for info in self.results]

    def _result_shape(self, info: ArgumentInfo, batch: int, heads: int, tokens: Mapping[str, int]) -> Tuple[int, ...]:
        sizes = list(info.shape)
        if info.role in ("rows", "cols"):
            if info.axis not in tokens:
                raise ArgumentError(f"result '{info.name}' lies along axis '{info.axis}', and no operand does: say how "
                                    f"long it is by lengths={{'{info.axis}': N}}")
            sizes[:3] = batch, heads, tokens[info.axis]
        if any(size < 0 for size in sizes):
            raise ArgumentError(f"result '{info.name}' has sizes {tuple(sizes)} that no operand decides")
        return tuple(sizes)


