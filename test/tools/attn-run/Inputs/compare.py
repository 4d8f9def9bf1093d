# SPDX-License-Identifier: Apache-2.0
"""Fails unless two .npy files of f32 hold the same shape and numbers within a bound; needs no numpy."""
import ast
import struct
import sys


def read(path):
    with open(path, "rb") as file:
        bytes = file.read()
    end = 10 + struct.unpack("<H", bytes[8:10])[0]
    header = ast.literal_eval(bytes[10:end].decode())
    assert header["descr"] == "<f4" and not header["fortran_order"], header
    return header["shape"], struct.unpack(f"<{(len(bytes) - end) // 4}f", bytes[end:])


(left_shape, left), (right_shape, right) = read(sys.argv[1]), read(sys.argv[2])
assert left_shape == right_shape and len(left) == len(right) > 0, (left_shape, right_shape)
worst = max(abs(a - b) for a, b in zip(left, right))
assert worst <= float(sys.argv[3]), worst
