# SPDX-License-Identifier: Apache-2.0
# RUN: %pytest-torch %s
# REQUIRES: python-torch
"""Expressions of positions and scores mean what torch means by them: each is computed by a kernel for whole matrices of numbers,
negative ones among them, and by torch."""
import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

import attune

N = 24
ROWS = np.random.default_rng(0).standard_normal((1, 1, N, 16)).astype(np.float32)
COLS = np.random.default_rng(1).standard_normal((1, 1, N, 16)).astype(np.float32)
SCORES = torch.from_numpy(ROWS.astype(np.float64) @ COLS.astype(np.float64).swapaxes(2, 3) * 0.5)

# Of two integers from -11 to 12 and of a score; results are compared as floats.
INTEGERS = {
    "arithmetic": lambda x, y, s: 3 * x - y * 2 + 7 - (-y),
    "floored quotient": lambda x, y, s: x // 5 + (y // -3) * 100,
    "floored quotient of two": lambda x, y, s: x // (y.abs() + 1),
    "remainder": lambda x, y, s: x % 5 + (y % -3) * 100,
    "remainder of two": lambda x, y, s: x % (y.abs() + 1) + torch.remainder(y, 7) * 50,
    "fmod": lambda x, y, s: torch.fmod(x, 5) + torch.fmod(y, 3) * 10,
    "div modes": lambda x, y, s: torch.div(x, 4, rounding_mode="floor") + 20 * torch.div(y, 4, rounding_mode="trunc"),
    "quotient is a float": lambda x, y, s: x / 4 + y / 3,
    "powers": lambda x, y, s: x**2 + y**3 + torch.pow(x, 1) + 2 ** y.abs(),
    "bits": lambda x, y, s: (x & 12) + ((y | 5) ^ 3) + (~x) * 2,
    "shifts": lambda x, y, s: (x << 2) + (y >> 1),
    "clamp": lambda x, y, s: x.clamp(-3, 4) + 30 * torch.clamp(y, min=2) + y.clamp_max(-1),
    "minimum and maximum": lambda x, y, s: torch.minimum(x, y) + 50 * torch.maximum(x, torch.zeros_like(x)),
    "sign and abs": lambda x, y, s: torch.sign(x) * 40 + abs(y) + x.abs() + (-y),
    "comparisons": lambda x, y, s: ((x < y).int() + 2 * (x <= 3).int() + 4 * (x == y).int() + 8 * (x != -2).int()
                                    + 16 * (5 > y).int() + 32 * (x >= y).long()),
    "conditions": lambda x, y, s: torch.where(((x > 0) & ~(y > 2)) | ((x < -5) ^ (y == 1)), x, y - 100),
    "logical": lambda x, y, s: (torch.logical_and(x, y > 0).float() + 2 * torch.logical_or(x > 3, y).float()
                                + 4 * torch.logical_not(x).float() + 8 * torch.logical_xor(x > 1, y > 1).float()),
    "equal conditions": lambda x, y, s: ((x > 0) == (y > 0)).int() * 2 + ((x > 3) != (y > 3)).int(),
    "sums of conditions": lambda x, y, s: (x > 0) + (y > 0).int() * 3 + (x > 1) * 5,
    "casts": lambda x, y, s: (x + 300).to(torch.int8) + (y + 40000).to(torch.int16) / 8 + x.to(torch.float32) / 8,
    "unsigned": lambda x, y, s: x.to(torch.uint8).to(torch.int32),
    "integers and floats": lambda x, y, s: x + 0.5 * y + torch.tensor(0.25),
    "ints of floats": lambda x, y, s: (x / 3).to(torch.int32) + 100 * (y * 0.7).long(),
    "rounding of integers": lambda x, y, s: torch.floor(x) + torch.round(y) * 30,
    "constants of the function": lambda x, y, s: torch.tensor([5, 6, 7])[x % 3] + torch.arange(4)[y % 4] * 10,
    "new values": lambda x, y, s: x.new_ones(()) + y.new_full((), 3) + torch.full_like(x, 2) + x.new_zeros(()),
}
FLOATS = {
    "arithmetic": lambda x, y, s: (2 * s - 1) / (s * s + 1) + 3 - s,
    "reversed": lambda x, y, s: 2 - s + 1 / (s.abs() + 1) + torch.rsub(s, 1) + 0.5**s,
    "remainder": lambda x, y, s: s % 0.75 + torch.fmod(s, 0.4),
    "floor division": lambda x, y, s: s // 0.3,
    "powers": lambda x, y, s: s**2 + s**3 + s.abs() ** 1.5 + s.abs() ** 0.5 + torch.square(s),
    "exponentials": lambda x, y, s: torch.exp(s) + torch.exp2(s) + torch.expm1(s * 0.1),
    "logarithms": lambda x, y, s: (torch.log(s.abs() + 0.1) + torch.log2(s.abs() + 0.1) + torch.log1p(s.abs())
                                   + torch.log10(s.abs() + 0.1)),
    "roots": lambda x, y, s: torch.sqrt(s.abs()) + torch.rsqrt(s.abs() + 0.5) + torch.reciprocal(s.abs() + 0.5),
    "trigonometric": lambda x, y, s: torch.sin(s) + torch.cos(s) + torch.tan(s * 0.2),
    "hyperbolic": lambda x, y, s: torch.tanh(s) + torch.sinh(s * 0.5) + torch.cosh(s * 0.5),
    "inverse": lambda x, y, s: torch.atan(s) + torch.atan2(s, s + 3) + torch.asin(torch.tanh(s) * 0.9) + torch.acos(torch.tanh(s) * 0.9),
    "erf": lambda x, y, s: torch.erf(s) + torch.erfc(s),
    "rounding": lambda x, y, s: torch.floor(s) + 10 * torch.ceil(s) + 100 * torch.trunc(s) + 1000 * torch.round(s * 2) + torch.frac(s),
    "copysign": lambda x, y, s: torch.copysign(s.abs() + 1, s) + torch.sign(s) + torch.hypot(s, s + 1),
    "minimum": lambda x, y, s: torch.minimum(s, s * s) + torch.maximum(s, torch.tensor(0.3)) + torch.fmax(s, -s) + s.clamp(-1, 1),
    "activations": lambda x, y, s: (F.relu(s) + F.silu(s) + F.gelu(s) + F.gelu(s, approximate="tanh") + F.elu(s)
                                    + F.leaky_relu(s, 0.1) + F.softplus(s) + F.logsigmoid(s) + torch.sigmoid(s)),
    "more activations": lambda x, y, s: F.relu6(s) + F.hardtanh(s) + F.hardswish(s) + F.mish(s) + F.softsign(s) + F.tanhshrink(s),
    "choices": lambda x, y, s: torch.where(s > 0.5, s, -s).masked_fill(s < -1, 7.0) + s.where(s > 0, 0.25),
    "tests": lambda x, y, s: (torch.isnan(s).float() + 2 * torch.isfinite(s).float() + 4 * torch.isinf(s / (x * 0)).float()
                              + 8 * torch.isnan(torch.sqrt(s)).float()),
    "rounded to 16 bits": lambda x, y, s: s.half().float() + s.bfloat16().float() + s.to(torch.float16) * 1.0,
    "logaddexp": lambda x, y, s: torch.logaddexp(s, s * 2) + torch.lerp(s, s + 1, 0.25) + torch.addcmul(s, s, s, value=0.5),
    "math of numbers": lambda x, y, s: s * math.sqrt(2.0) + math.floor(7 / 2) + x * math.pi,
    "nan_to_num": lambda x, y, s: torch.nan_to_num(torch.where(s > 1, float("nan"), s)) + torch.heaviside(s, torch.tensor(0.5).to(s.dtype)),
}


def kernels(expressions, sizes):
    """The expressions as results of one kernel, and as torch computes them."""
    @attune.kernel
    def computed(q: attune.Rows, k: attune.Cols):
        s = attune.dot(q, k, scale=0.5)
        b, h, i, j = attune.places(s)
        return {f"r{n}": f(i - 11, j - 11, s + 0.0).to(torch.float32) + s * 0.0 for n, f in enumerate(expressions)}

    found = computed(ROWS, COLS)
    x, y = (torch.arange(N).view(shape) - 11 for shape in ((1, 1, N, 1), (1, 1, 1, N)))
    ours = [found[f"r{n}"].astype(np.float64) for n in range(len(expressions))]
    return ours, [f(x + 0 * y, y + 0 * x, SCORES).to(torch.float64).numpy() for f in expressions]


@pytest.mark.parametrize("part", range(3))
def test_integers_are_torchs(part):
    names = list(INTEGERS)[part::3]
    for name, ours, theirs in zip(names, *kernels([INTEGERS[n] for n in names], N)):
        np.testing.assert_allclose(ours, theirs, rtol=3e-7, atol=3e-6, err_msg=name)


@pytest.mark.parametrize("part", range(3))
def test_floats_are_torchs(part):
    names = list(FLOATS)[part::3]
    for name, ours, theirs in zip(names, *kernels([FLOATS[n] for n in names], N)):
        jumps = {"remainder": 0.01, "floor division": 0.01, "rounding": 0.01, "rounded to 16 bits": 0.01}.get(name, 0)
        close = np.isclose(ours, theirs, rtol=4e-6, atol=4e-6, equal_nan=True)
        # Where a function jumps, the f32 score may stand on the other side of the step than the double.
        assert (~close).mean() <= jumps, (name, ours[~close][:5], theirs[~close][:5])
