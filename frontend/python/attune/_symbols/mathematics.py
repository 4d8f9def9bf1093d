# SPDX-License-Identifier: Apache-2.0
"""Functions of floats: elementary ones, rounding, tests, and the activations of torch.nn.functional."""
from __future__ import annotations

import math
from typing import Any, Callable, Optional

from .arithmetic import add, div, gt, le, lt, maximum, minimum, mul, neg, sub, where
from .functions import BOOL, Type, Value, apply, constant, floats, function, make, numeric
from .located import located


def _elementary(op: str, python: Callable[[float], float], *names: str) -> Callable[[Any], Value]:
    @function(*names)
    def evaluate(x: Any) -> Value:
        (a,) = floats(x)
        return apply(op, (a,), a.type, python)

    return evaluate




exp = _elementary("exp", math.exp, "exp")
exp2 = _elementary("exp2", lambda v: 2.0**v, "exp2")
expm1 = _elementary("expm1", math.expm1, "expm1")
log = _elementary("log", math.log, "log")
log2 = _elementary("log2", math.log2, "log2")
log10 = _elementary("log10", math.log10, "log10")
log1p = _elementary("log1p", math.log1p, "log1p")
sqrt = _elementary("sqrt", math.sqrt, "sqrt")
rsqrt = _elementary("rsqrt", lambda v: 1.0 / math.sqrt(v), "rsqrt")
sin = _elementary("sin", math.sin, "sin")
cos = _elementary("cos", math.cos, "cos")
tan = _elementary("tan", math.tan, "tan")
tanh = _elementary("tanh", math.tanh, "tanh")
sinh = _elementary("sinh", math.sinh, "sinh")
cosh = _elementary("cosh", math.cosh, "cosh")
asin = _elementary("asin", math.asin, "asin", "arcsin")
acos = _elementary("acos", math.acos, "acos", "arccos")
atan = _elementary("atan", math.atan, "atan", "arctan")
erf = _elementary("erf", math.erf, "erf", "special_erf")
tanh_approx = _elementary("tanh_approx", math.tanh, "tanh_approx")


@function("erfc")
def erfc(x: Any) -> Value:
    return sub(1.0, erf(x))


@function("atan2", "arctan2")
def atan2(y: Any, x: Any) -> Value:
    a, b = floats(y, x)
    return apply("atan2", (a, b), a.type, math.atan2)


@function("copysign")
def copysign(x: Any, y: Any) -> Value:
    a, b = floats(x, y)
    return apply("copysign", (a, b), a.type, math.copysign)


@function("hypot")
def hypot(x: Any, y: Any) -> Value:
    a, b = floats(x, y)
    return sqrt(add(mul(a, a), mul(b, b)))


@function("deg2rad", "radians")
def radians(x: Any) -> Value:
    return mul(x, math.pi / 180.0)


# Rounding. Integers are whole already.
def _rounding(op: str, python: Callable[[float], float], *names: str) -> Callable[[Any], Value]:
    @function(*names)
    def rounded(x: Any, decimals: int = 0) -> Value:
        if decimals:
            raise located(f"{names[0]} to {decimals} decimals", f"scale it: torch.{names[0]}(x * 10) / 10")
        (a,) = numeric(x)
        return a if a.type.kind == "int" else apply(op, (a,), a.type, python)

    return rounded


floor = _rounding("floor", lambda v: float(math.floor(v)), "floor")
ceil = _rounding("ceil", lambda v: float(math.ceil(v)), "ceil")
trunc = _rounding("trunc", lambda v: float(math.trunc(v)), "trunc", "fix")
roundeven = _rounding("roundeven", lambda v: float(round(v)), "round", "rint", "round_", "around")


@function("frac")
def frac(x: Any) -> Value:
    (a,) = floats(x)
    return sub(a, trunc(a))


# Tests.
@function("isnan")
def isnan(x: Any) -> Value:
    (a,) = floats(x)
    return make("compare", (a, a), "ne", Type("bool", a.type.shape))


@function("isinf")
def isinf(x: Any) -> Value:
    (a,) = floats(x)
    return make("compare", (apply("abs", (a,), a.type, abs), constant(math.inf)), "eq", BOOL)


@function("isfinite")
def isfinite(x: Any) -> Value:
    (a,) = floats(x)
    return make("compare", (apply("abs", (a,), a.type, abs), constant(math.inf)), "lt", BOOL)


@function("isneginf")
def isneginf(x: Any) -> Value:
    (a,) = floats(x)
    return make("compare", (a, constant(-math.inf)), "eq", BOOL)


@function("signbit")
def signbit(x: Any) -> Value:
    return lt(x, 0)


@function("nan_to_num")
def nan_to_num(x: Any, nan: float = 0.0, posinf: Optional[float] = None, neginf: Optional[float] = None) -> Value:
    (a,) = floats(x)
    largest = 3.4028234663852886e38
    kept = where(isnan(a), float(nan), a)
    kept = minimum(kept, largest) if posinf is None else where(gt(kept, largest), float(posinf), kept)
    return maximum(kept, -largest) if neginf is None else where(lt(kept, -largest), float(neginf), kept)


# Activations, as torch.nn.functional defines them.
@function("relu")
def relu(x: Any, inplace: bool = False) -> Value:
    return maximum(x, 0)


@function("relu6")
def relu6(x: Any, inplace: bool = False) -> Value:
    return minimum(maximum(x, 0), 6)


@function("sigmoid", "expit")
def sigmoid(x: Any) -> Value:
    (a,) = floats(x)
    return div(1.0, add(1.0, exp(neg(a))))


@function("silu", "swish")
def silu(x: Any, inplace: bool = False) -> Value:
    (a,) = floats(x)
    return mul(a, sigmoid(a))


@function("softplus")
def softplus(x: Any, beta: Any = 1.0, threshold: float = 20.0) -> Value:
    (a,) = floats(x)
    z = mul(a, beta)
    soft = div(add(maximum(z, 0.0), log1p(exp(neg(apply("abs", (z,), z.type, abs))))), beta)
    return where(gt(z, threshold), a, soft)


@function("logsigmoid", "log_sigmoid")
def logsigmoid(x: Any) -> Value:
    (a,) = floats(x)
    return sub(minimum(a, 0.0), log1p(exp(neg(apply("abs", (a,), a.type, abs)))))


@function("gelu")
def gelu(x: Any, approximate: str = "none") -> Value:
    (a,) = floats(x)
    if approximate == "tanh":
        inner = mul(math.sqrt(2.0 / math.pi), add(a, mul(0.044715, mul(a, mul(a, a)))))
        return mul(mul(0.5, a), add(1.0, tanh(inner)))
    if approximate != "none":
        raise located(f"gelu's approximate={approximate!r} is not known", "use 'none' or 'tanh'")
    return mul(mul(0.5, a), add(1.0, erf(mul(a, math.sqrt(0.5)))))


@function("elu")
def elu(x: Any, alpha: Any = 1.0, inplace: bool = False) -> Value:
    (a,) = floats(x)
    return where(gt(a, 0.0), a, mul(alpha, expm1(minimum(a, 0.0))))


@function("leaky_relu")
def leaky_relu(x: Any, negative_slope: Any = 0.01, inplace: bool = False) -> Value:
    (a,) = floats(x)
    return where(gt(a, 0.0), a, mul(a, negative_slope))


@function("hardtanh")
def hardtanh(x: Any, min_val: Any = -1.0, max_val: Any = 1.0, inplace: bool = False) -> Value:
    return minimum(maximum(x, min_val), max_val)


@function("hardsigmoid")
def hardsigmoid(x: Any, inplace: bool = False) -> Value:
    return div(minimum(maximum(add(x, 3.0), 0.0), 6.0), 6.0)


@function("hardswish")
def hardswish(x: Any, inplace: bool = False) -> Value:
    return mul(x, hardsigmoid(x))


@function("mish")
def mish(x: Any, inplace: bool = False) -> Value:
    (a,) = floats(x)
    return mul(a, tanh(softplus(a)))


@function("softsign")
def softsign(x: Any) -> Value:
    (a,) = floats(x)
    return div(a, add(1.0, apply("abs", (a,), a.type, abs)))


@function("tanhshrink")
def tanhshrink(x: Any) -> Value:
    (a,) = floats(x)
    return sub(a, tanh(a))


@function("logaddexp")
def logaddexp(x: Any, y: Any) -> Value:
    a, b = floats(x, y)
    top = maximum(a, b)
    return where(le(top, -math.inf), top, add(top, log1p(exp(sub(minimum(a, b), top)))))


@function("lerp")
def lerp(start: Any, end: Any, weight: Any) -> Value:
    return add(start, mul(weight, sub(end, start)))


@function("addcmul")
def addcmul(x: Any, y: Any, z: Any, value: Any = 1) -> Value:
    return add(x, mul(mul(y, z), value))


@function("isclose")
def isclose(x: Any, y: Any, rtol: float = 1e-5, atol: float = 1e-8) -> Value:
    return le(apply("abs", (sub(*floats(x, y)),), floats(x)[0].type, abs), add(atol, mul(rtol, floats(y)[0].__abs__())))

