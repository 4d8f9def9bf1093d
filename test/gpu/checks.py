# SPDX-License-Identifier: Apache-2.0
"""Is what a device computes right? Against the reference values, and bit by bit against the simulator's."""
import math

import npy
from library import Kernel
from problems import check_of


def half_unit(dtype, number):
    """What rounding a number to the type can be off by."""
    digits, least = {"bf16": (8, -133), "f16": (11, -24), "f32": (24, -149)}[dtype]
    exponent = math.frexp(number)[1] if number else least
    return math.ldexp(0.5, max(exponent - digits, least))


def judge(dtype, found, reference, eager):
    """The largest error, as a share of what is allowed: twice the error of an eager evaluation and two roundings, for the
    reference values are rounded, too."""
    worst = 0.0
    for number, wanted in zip(found, reference):
        if number == wanted or (math.isnan(number) and math.isnan(wanted)):
            continue
        allowed = 2 * eager + 2 * half_unit(dtype, wanted) if math.isfinite(wanted) else 0.0
        share = abs(number - wanted) / allowed if allowed else math.inf
        worst = max(worst, math.inf if math.isnan(share) else share)
    return worst


class Check:
    """The small problem of one kernel and target, on a device."""

    def __init__(self, folder, made, target):
        self.folder, self.made, self.target = folder, made, target
        self.problem = check_of(made["mask"], made["width"])

    def run(self, device, compares):
        """What the launch gave, by result: the share of what is allowed, and how many elements have other bits than the
        simulator's. A driver that runs nothing is not compared with."""
        kernel = Kernel(device, self.folder / self.made["bundles"][self.target], self.made["kernel"])
        try:
            results = self.launch(device, kernel)
            return {name: self.compare(name, dtype, data) if compares else {}
                    for name, (dtype, data) in results.items()}
        finally:
            kernel.close()
            device.free_all()

    def launch(self, device, kernel):
        values, results = dict(self.problem.scalars()), {}
        tables = self.problem.tables()
        for operand in kernel.operands:
            if operand.is_result:
                shape = self.read(self.made["results"][operand.name]["reference"], operand.dtype)[0]
                # What is not written stays NaN.
                size = math.prod(shape) * npy.BYTES[operand.dtype]
                values[operand.name] = (device.allocate(size, b"\xff" * size), shape)
                results[operand.name] = (operand.dtype, size)
            elif operand.role in ("rows", "cols"):
                shape, data = self.read(f"checks/{operand.name}-{self.problem.width}.npy", operand.dtype)
                values[operand.name] = (device.allocate(len(data), data), shape)
            elif operand.role == "table":
                dtype, shape, numbers = tables[operand.name]
                data = npy.encode(dtype, numbers)
                values[operand.name] = (device.allocate(len(data), data), shape)
        kernel.bind(values)()
        device.synchronize()
        return {name: (dtype, device.read(values[name][0], size)) for name, (dtype, size) in results.items()}

    def read(self, name, dtype):
        return npy.read(self.folder / name, dtype)

    def compare(self, name, dtype, data):
        said = self.made["results"][name]
        reference = npy.decode(dtype, self.read(said["reference"], dtype)[1])
        bits, size = self.read(self.made["bits"][self.target][name], dtype)[1], npy.BYTES[dtype]
        other = sum(data[i:i + size] != bits[i:i + size] for i in range(0, len(bits), size))
        return {"share": judge(dtype, npy.decode(dtype, data), reference, said["eager"]), "other_bits": other,
                "elements": len(reference)}
