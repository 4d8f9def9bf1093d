# SPDX-License-Identifier: Apache-2.0
"""How does Python reach the runtime? Through the C API of runtime/attune.h, tensors by their addresses."""
import ctypes
from ctypes import POINTER, byref, c_char_p, c_double, c_int, c_int32, c_int64, c_size_t, c_uint8, c_uint16, c_uint64, c_void_p

DTYPES = {"bf16": (4, 16), "f16": (2, 16), "f32": (2, 32), "f64": (2, 64), "i32": (0, 32), "i64": (0, 64)}
ROLES = ("rows", "cols", "table", "scalar")


class Failure(Exception):
    """A call of the library failed; the message is the library's."""


class DLDevice(ctypes.Structure):
    _fields_ = [("device_type", c_int32), ("device_id", c_int32)]


class DLDataType(ctypes.Structure):
    _fields_ = [("code", c_uint8), ("bits", c_uint8), ("lanes", c_uint16)]


class DLTensor(ctypes.Structure):
    _fields_ = [("data", c_void_p), ("device", DLDevice), ("ndim", c_int32), ("dtype", DLDataType),
                ("shape", POINTER(c_int64)), ("strides", POINTER(c_int64)), ("byte_offset", c_uint64)]


class Value(ctypes.Union):
    _fields_ = [("tensor", POINTER(DLTensor)), ("integer", c_int64), ("real", c_double)]


class Argument(ctypes.Structure):
    _fields_ = [("kind", c_int), ("value", Value)]


class KernelInfo(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("operand_count", c_size_t), ("result_count", c_size_t),
                ("variant_count", c_size_t)]


class OperandInfo(ctypes.Structure):
    _fields_ = [("name", c_char_p), ("role", c_int), ("axis", c_char_p), ("dtype", c_char_p), ("rank", c_size_t),
                ("shape", POINTER(c_int64))]


class Operand:
    """One argument of a launch: operands first, then results."""

    def __init__(self, info, is_result):
        self.name, self.role, self.is_result = info.name.decode(), ROLES[info.role], is_result
        self.dtype, self.shape = info.dtype.decode(), tuple(info.shape[i] for i in range(info.rank))


class Library:
    def __init__(self, path):
        self.path, self.calls = path, ctypes.CDLL(str(path))
        self.calls.attune_last_message.restype = c_char_p
        for name in ("attune_version", "attune_device_name", "attune_device_description"):
            getattr(self.calls, name).restype = c_char_p

    def call(self, name, *arguments):
        if getattr(self.calls, name)(*arguments):
            raise Failure(self.calls.attune_last_message().decode())

    def version(self):
        return self.calls.attune_version().decode()


class Device:
    def __init__(self, library, name):
        self.library, self.handle, self.allocated = library, c_void_p(), []
        library.call("attune_device_open", name.encode(), byref(self.handle))
        self.where = DLDevice()
        library.call("attune_device_dlpack", self.handle, byref(self.where))

    def description(self):
        return self.library.calls.attune_device_description(self.handle).decode()

    def allocate(self, size, data=None):
        """The address of new memory, with these bytes in it."""
        pointer = c_void_p()
        self.library.call("attune_device_allocate", self.handle, c_size_t(size), byref(pointer))
        self.allocated.append(pointer)
        if data is not None:
            self.library.call("attune_device_copy_to", self.handle, pointer, data, c_size_t(len(data)), None)
        return pointer.value

    def read(self, address, size):
        data = ctypes.create_string_buffer(size)
        self.library.call("attune_device_copy_from", self.handle, data, c_void_p(address), c_size_t(size), None)
        return data.raw

    def free_all(self):
        for pointer in self.allocated:
            self.library.call("attune_device_free", self.handle, pointer)
        self.allocated = []

    def synchronize(self):
        self.library.call("attune_device_synchronize", self.handle, None)


class Kernel:
    """A kernel of a bundle, loaded on a device."""

    def __init__(self, device, path, name):
        library, bundle, index = device.library, c_void_p(), c_size_t()
        self.library, self.device, self.handle = library, device, c_void_p()
        library.call("attune_bundle_open", str(path).encode(), byref(bundle))
        try:
            library.call("attune_bundle_find_kernel", bundle, name.encode(), byref(index))
            info = KernelInfo()
            library.call("attune_bundle_kernel", bundle, index, byref(info))
            self.operands = [self.describe(bundle, index, i, i >= info.operand_count)
                             for i in range(info.operand_count + info.result_count)]
            library.call("attune_kernel_load", device.handle, bundle, name.encode(), byref(self.handle))
        finally:
            library.calls.attune_bundle_close(bundle)

    def describe(self, bundle, kernel, argument, is_result):
        info = OperandInfo()
        self.library.call("attune_bundle_argument", bundle, kernel, c_size_t(argument), byref(info))
        return Operand(info, is_result)

    def close(self):
        self.library.calls.attune_kernel_unload(self.handle)

    def bind(self, values):
        """A call with these values by name: numbers, or (address, shape, strides or None) of tensors. Calling it with a
        stream launches; it keeps alive what it refers to, but not the tensors' memory."""
        arguments, kept = (Argument * len(self.operands))(), []
        for argument, operand in zip(arguments, self.operands):
            value = values[operand.name]
            if operand.role == "scalar":
                real = operand.dtype in ("f32", "f64")
                argument.kind = 2 if real else 1
                setattr(argument.value, "real" if real else "integer", value)
                continue
            tensor = self.tensor(operand, *value)
            kept.append(tensor)
            argument.kind, argument.value.tensor = 0, ctypes.pointer(tensor)
        launch, handle, count = self.library.calls.attune_kernel_launch, self.handle, c_size_t(len(arguments))

        def run(stream=0, kept=kept):
            if launch(handle, arguments, count, c_void_p(stream)):
                raise Failure(self.library.calls.attune_last_message().decode())
        return run

    def tensor(self, operand, address, shape, strides=None):
        code, bits = DTYPES[operand.dtype]
        sizes = (c_int64 * len(shape))(*shape)
        steps = (c_int64 * len(shape))(*strides) if strides else None
        return DLTensor(address, self.device.where, len(shape), DLDataType(code, bits, 1), sizes, steps, 0)
