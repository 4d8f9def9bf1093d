# SPDX-License-Identifier: Apache-2.0
# RUN: rm -f %t.log
# RUN: env ATTUNE_SELF_TEST=off ATTUNE_LIBCUDA=%recording-cuda ATTUNE_RECORDING_CUDA_LOG=%t.log %pytest-numpy %s
# REQUIRES: python-numpy
"""The way to a GPU, without one: a driver that records calls and computes nothing, and libraries made up here, whose
arrays have addresses on that GPU. What is tested is what the kernel would be given: addresses, sizes, strides, stream."""
import ctypes
import os
import sys
import types

import pytest

import attune
from attune._program import ArrayInfo
from attune._running import engine, libraries
from attune._running.arrays import describe

LOG = os.environ["ATTUNE_RECORDING_CUDA_LOG"]


@pytest.fixture(scope="module")
def stream():
    """A stream of the recording driver."""
    driver = ctypes.CDLL(os.environ["ATTUNE_LIBCUDA"])
    engine.device_of("cuda:0")  # there is a context now
    made = ctypes.c_void_p()
    context = ctypes.c_void_p()
    assert driver.cuInit(0) == 0 and driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0) == 0
    assert driver.cuCtxPushCurrent_v2(context) == 0
    assert driver.cuStreamCreate(ctypes.byref(made), 1) == 0
    return made.value


def last_launch():
    """Stream and parameters, in words, of the last launch that the driver saw."""
    with open(LOG) as file:
        line = [line for line in file if line.startswith("cuLaunchKernel")][-1]
    _, _, rest = line.partition("shared ")
    _, stream, parameters = rest.strip().split(", ", 2)
    return stream, [int.from_bytes(bytes.fromhex(word), "little") for word in parameters.split()]


class Memory:
    """What the made-up libraries have in common: rows in a buffer of 16-bit numbers, whose tokens are 3 * 64 numbers apart."""

    address = 0x7F0000000000

    def __init__(self, shape):
        self.sizes = shape
        self.where = Memory.address
        Memory.address += 1 << 20

    def steps(self):
        batch, heads, tokens, size = self.sizes
        return (heads * tokens * size * 3, tokens * size * 3, size * 3, 1)


def check_launch(arrays, output, expected_stream):
    seen_stream, words = last_launch()
    assert seen_stream == expected_stream
    for array in arrays:
        at = words.index(array.where)
        assert words[at + 1:at + 4] == list(array.sizes[:3])
        assert words[at + 4:at + 7] == list(array.steps()[:3])
    assert output.where in words and output.sizes == arrays[0].sizes


def test_cupy(monkeypatch, stream):
    import numpy

    cupy = types.ModuleType("cupy")
    current = types.SimpleNamespace(ptr=stream)

    class Device:
        entered = []

        def __init__(self, number):
            self.id = number

        def __enter__(self):
            Device.entered.append(self.id)

        def __exit__(self, *_):
            pass

    class ndarray(Memory):
        data = property(lambda self: types.SimpleNamespace(ptr=self.where))
        shape = property(lambda self: self.sizes)
        strides = property(lambda self: tuple(2 * step for step in self.steps()))
        dtype = property(lambda self: numpy.dtype("float16"))
        device = property(lambda self: Device(0))

    cupy.ndarray, cupy.empty = ndarray, lambda shape, dtype: ndarray(shape)
    cupy.cuda = types.SimpleNamespace(Device=Device, get_current_stream=lambda: current)
    monkeypatch.setitem(sys.modules, "cupy", cupy)
    arrays = [ndarray((2, 3, 40, 64)) for _ in range(3)]
    output = attune.flex_attention(*arrays)
    assert type(output) is ndarray and Device.entered[-1] == 0
    check_launch(arrays, output, "stream1")
    current.ptr = 0
    check_launch(arrays, attune.flex_attention(*arrays), "default stream")


def made_up_torch(stream):
    """As much of torch as a launch on a GPU asks for."""
    torch = types.ModuleType("torch")
    for name in ("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "bool"):
        setattr(torch, name, "torch." + name)

    class Device:
        type = "cuda"

        def __init__(self, index):
            self.index = index

        def __hash__(self):
            return self.index

        def __eq__(self, other):
            return self.index == other.index

    class Tensor(Memory):
        requires_grad, index = False, 0
        dtype = torch.bfloat16
        shape = property(lambda self: self.sizes)
        device = property(lambda self: Device(self.index))

        def data_ptr(self):
            return self.where

        def stride(self):
            return self.steps()

        def is_neg(self):
            return False

    torch.Tensor, torch.is_grad_enabled = Tensor, lambda: True
    torch.empty = lambda shape, dtype, device: Tensor(shape)
    torch.cuda = types.SimpleNamespace(current_stream=lambda index: types.SimpleNamespace(cuda_stream=stream))
    return torch


def test_torch(monkeypatch, stream):
    torch = made_up_torch(stream)
    monkeypatch.setitem(sys.modules, "torch", torch)
    arrays = [torch.Tensor((1, 2, 40, 64)) for _ in range(3)]
    assert describe(arrays[0]) == ArrayInfo("bf16", (1, 2, 40, 64), (15360, 7680, 192, 1), "cuda:0")
    output = attune.flex_attention(*arrays)
    assert type(output) is torch.Tensor
    check_launch(arrays, output, "stream1")


def test_arrays_on_two_gpus_are_refused(monkeypatch, stream):
    torch = made_up_torch(stream)
    monkeypatch.setitem(sys.modules, "torch", torch)
    arrays = [torch.Tensor((1, 2, 40, 64)) for _ in range(3)]
    arrays[1].index = 1
    with pytest.raises(ValueError, match="one device, but got cuda:0, cuda:1 and cuda:0; move them to one"):
        attune.flex_attention(*arrays)


def test_float32_has_no_kernel_on_a_gpu(monkeypatch, stream):
    torch = made_up_torch(stream)
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setattr(torch.Tensor, "dtype", torch.float32)
    with pytest.raises(TypeError, match="float32 inputs have no kernel on a GPU.*bfloat16"):
        attune.flex_attention(*(torch.Tensor((1, 2, 40, 64)) for _ in range(3)))


def test_an_unaligned_tensor_is_refused(monkeypatch, stream):
    torch = made_up_torch(stream)
    monkeypatch.setitem(sys.modules, "torch", torch)
    arrays = [torch.Tensor((1, 2, 40, 64)) for _ in range(3)]
    arrays[2].where += 2
    with pytest.raises(ValueError, match="operand 'v': expected data aligned to 16 bytes"):
        attune.flex_attention(*arrays)


def test_a_gpu_array_of_no_known_library():
    class Buffer(Memory):
        @property
        def __cuda_array_interface__(self):
            return {"shape": self.sizes, "typestr": "<f2", "data": (self.where, False), "version": 3,
                    "strides": tuple(2 * step for step in self.steps())}

    arrays = [Buffer((1, 2, 40, 64)) for _ in range(3)]
    assert describe(arrays[0]) == ArrayInfo("f16", (1, 2, 40, 64), (15360, 7680, 192, 1), "cuda:0")
    with pytest.raises(TypeError, match="library is not known; pass torch.from_dlpack"):
        attune.flex_attention(*arrays)


@pytest.fixture(autouse=True)
def forget_libraries():
    yield
    libraries._found.clear()
    libraries._made.clear()
    attune._running.arrays._readers.clear()
