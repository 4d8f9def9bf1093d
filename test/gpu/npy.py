# SPDX-License-Identifier: Apache-2.0
"""How are tensors kept in files? As numpy writes them; bf16 numbers as 16-bit words. Needs no numpy."""
import ast
import struct

BYTES = {"bf16": 2, "f16": 2, "f32": 4, "i32": 4}
DESCRIPTIONS = {"bf16": "<u2", "f16": "<f2", "f32": "<f4", "i32": "<i4"}


def to_bf16(number):
    """The word of a number, rounded to nearest, ties to even."""
    bits = struct.unpack("<I", struct.pack("<f", number))[0]
    return (bits + 0x7fff + (bits >> 16 & 1)) >> 16


def encode(dtype, numbers):
    if dtype == "bf16":
        return struct.pack(f"<{len(numbers)}H", *map(to_bf16, numbers))
    return struct.pack(f"<{len(numbers)}{ {'f16': 'e', 'f32': 'f', 'i32': 'i'}[dtype] }", *numbers)


def decode(dtype, data):
    count = len(data) // BYTES[dtype]
    if dtype == "bf16":
        words = struct.unpack(f"<{count}H", data)
        return struct.unpack(f"<{count}f", struct.pack(f"<{count}I", *[word << 16 for word in words]))
    return struct.unpack(f"<{count}{ {'f16': 'e', 'f32': 'f', 'i32': 'i'}[dtype] }", data)


def write(file, dtype, shape, data):
    header = f"{{'descr': '{DESCRIPTIONS[dtype]}', 'fortran_order': False, 'shape': {tuple(shape)}, }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    file.write_bytes(b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode() + data)


def read(file, dtype):
    """The shape and the bytes of a file whose elements are of this type."""
    text = file.read_bytes()
    if text[:8] != b"\x93NUMPY\x01\x00":
        raise SystemExit(f"{file}: expected a .npy file of version 1.0")
    end = 10 + struct.unpack("<H", text[8:10])[0]
    header = ast.literal_eval(text[10:end].decode())
    if header["descr"] != DESCRIPTIONS[dtype] or header["fortran_order"]:
        raise SystemExit(f"{file}: expected {dtype} in row-major order, but got {header}")
    return tuple(header["shape"]), text[end:]
