# SPDX-License-Identifier: Apache-2.0
"""Arithmetic, comparisons, bits, choices and casts of symbolic values, as torch does them for 0-d tensors."""
from __future__ import annotations

import math
import operator
from typing import Any, Callable, Optional

from .dtypes import FLOATS, element_of, is_dtype
from .functions import (INT, Type, Value, apply, broadcast, call, constant, floats, function, lift, make, numeric, refuse,
                        to_bool, to_float, to_int, unify)
from .located import located
from .state import current


def _is(value: Value, number: Any) -> bool:
    """Is it that literal? A captured number is not one."""
    return value.concrete is not None and not value.leaves and value.concrete == number


# Sums and products.
@function("add")
def add(x: Any, y: Any, alpha: Any = 1) -> Value:
    a, b = numeric(x, y) if not _both_bool(x, y) else unify(x, y)
    if a.type.kind == "bool":
        return logical_or(a, b)
    if alpha != 1:
        b = mul(b, alpha)
        a, b = numeric(a, b)
    if _is(b, 0):
        return a
    if _is(a, 0):
        return b
    return apply("add", (a, b), a.type, operator.add)


def _both_bool(x: Any, y: Any) -> bool:
    return all(isinstance(v, bool) or isinstance(v, Value) and v.type.kind == "bool" for v in (x, y))


@function("sub", "subtract")
def sub(x: Any, y: Any, alpha: Any = 1) -> Value:
    if _both_bool(x, y):
        raise located("- of two booleans is refused, as torch refuses it", "use ^, or ~ for a complement")
    a, b = numeric(x, y if alpha == 1 else mul(y, alpha))
    return a if _is(b, 0) else apply("sub", (a, b), a.type, operator.sub)


@function("rsub")
def rsub(x: Any, y: Any, alpha: Any = 1) -> Value:
    return sub(y, x, alpha)


@function("mul", "multiply")
def mul(x: Any, y: Any) -> Value:
    if _both_bool(x, y):
        return logical_and(x, y)
    a, b = numeric(x, y)
    if _is(a, 1):
        return b
    if _is(b, 1):
        return a
    return apply("mul", (a, b), a.type, operator.mul)


@function("div", "divide", "true_divide", "truediv")
def div(x: Any, y: Any, rounding_mode: Optional[str] = None) -> Value:
    if rounding_mode == "floor":
        return floor_divide(x, y)
    if rounding_mode == "trunc":
        return _truncated_quotient(*numeric(x, y))
    if rounding_mode is not None:
        raise located(f"rounding_mode {rounding_mode!r} is not known", "use 'floor', 'trunc' or None")
    a, b = floats(x, y)
    if b.concrete is not None and b.concrete == 0:
        return apply("div", (a, b), a.type)
    return apply("div", (a, b), a.type, operator.truediv)


@function("floor_divide", "floordiv")
def floor_divide(x: Any, y: Any) -> Value:
    """Rounded down, as Python and torch round it."""
    a, b = numeric(x, y)
    if a.type.kind == "float":
        return apply("floor", (apply("div", (a, b), a.type, operator.truediv),), a.type, lambda v: float(math.floor(v)))
    _check_divisor(b, "//")
    if _is(b, 1):
        return a
    if b.concrete is not None and not b.leaves and b.concrete < 0:
        a, b = neg(a), constant(-b.concrete)
    return apply("floordiv", (a, b), INT, operator.floordiv)


@function("remainder", "mod")
def remainder(x: Any, y: Any) -> Value:
    """With the divisor's sign, as Python and torch have it."""
    a, b = numeric(x, y)
    if a.type.kind == "float":
        whole = apply("floor", (apply("div", (a, b), a.type),), a.type)
        return sub(a, mul(b, whole))
    _check_divisor(b, "%")
    if b.concrete is not None and not b.leaves and b.concrete < 0:
        return neg(apply("mod", (neg(a), constant(-b.concrete)), INT, operator.mod))
    return apply("mod", (a, b), INT, operator.mod)


def _check_divisor(b: Value, sign: str) -> None:
    if _is(b, 0):
        raise located(f"{sign} by 0")


def _truncated_quotient(a: Value, b: Value) -> Value:
    if a.type.kind == "float":
        return apply("trunc", (apply("div", (a, b), a.type),), a.type)
    size = floor_divide(absolute(a), absolute(b))
    return where(lt(a, 0) ^ lt(b, 0), neg(size), size)


@function("fmod")
def fmod(x: Any, y: Any) -> Value:
    """With the dividend's sign (C, torch.fmod, np.fmod)."""
    a, b = numeric(x, y)
    if a.type.kind == "float":
        return sub(a, mul(b, _truncated_quotient(a, b)))
    rest = remainder(absolute(a), absolute(b))
    return where(lt(a, 0), neg(rest), rest)


@function("divmod")
def divide_with_rest(x: Any, y: Any) -> Any:
    return floor_divide(x, y), remainder(x, y)


@function("neg", "negative")
def neg(x: Any) -> Value:
    (a,) = numeric(x)
    return apply("neg", (a,), a.type, operator.neg)


@function("positive")
def positive(x: Any) -> Value:
    return lift(x)


@function("abs", "absolute", "fabs")
def absolute(x: Any) -> Value:
    (a,) = numeric(x)
    return apply("abs", (a,), a.type, abs)


@function("sign", "sgn")
def sign(x: Any) -> Value:
    (a,) = numeric(x)
    one, zero = (constant(1.0), constant(0.0)) if a.type.kind == "float" else (constant(1), constant(0))
    return where(gt(a, zero), one, where(lt(a, zero), neg(one), a if a.type.kind == "float" else zero))


@function("heaviside")
def heaviside(x: Any, at_zero: Any) -> Value:
    a, z = floats(x, at_zero)
    return where(eq(a, 0.0), z, where(gt(a, 0.0), 1.0, 0.0))


@function("square")
def square(x: Any) -> Value:
    return mul(x, x)


@function("reciprocal")
def reciprocal(x: Any) -> Value:
    return div(1.0, x)


@function("pow", "power", "float_power")
def power(x: Any, y: Any) -> Value:
    """Whole literal exponents up to 64 are products, exact for integers; others are exp(y log x) in floats."""
    a, b = lift(x), lift(y)
    if b.type.kind == "bool":
        b = to_int(b)
    if b.concrete is not None and not b.leaves and float(b.concrete).is_integer() and 0 <= b.concrete <= 64:
        (a,) = numeric(a)
        if b.type.kind == "float":
            a = to_float(a)
        return _product(a, int(b.concrete))
    if a.type.kind == "int" and b.type.kind == "int":
        if a.concrete == 2:
            return bitwise_left_shift(1, b)
        raise located("a power of integers needs a whole literal exponent from 0 to 64 or the base 2", "make one of them a float")
    a, b = floats(a, b)
    for exponent, name in ((0.5, "sqrt"), (-0.5, "rsqrt"), (-1.0, "reciprocal")):
        if _is(b, exponent):
            return call(name, a)
    if _is(a, 2.0):
        return call("exp2", b)
    return apply("powf", (a, b), a.type, lambda p, q: float(p) ** float(q))


def _product(a: Value, count: int) -> Value:
    if count == 0:
        return constant(1.0 if a.type.kind == "float" else 1)
    half = _product(a, count // 2) if count > 1 else None
    if half is None:
        return a
    return mul(mul(half, half), a) if count % 2 else mul(half, half)


# Comparisons and conditions.
def _comparison(name: str, python: Callable[[Any, Any], bool], *more: str) -> Callable[..., Value]:
    @function(name, *more)
    def compare(x: Any, y: Any) -> Value:
        a, b = unify(x, y)
        if a.type.kind == "bool":
            if name == "eq":
                return logical_not(bitwise_xor(a, b))
            if name == "ne":
                return bitwise_xor(a, b)
            a, b = to_int(a), to_int(b)
        return apply("compare", (a, b), Type("bool", a.type.shape), python, name)

    return compare


eq = _comparison("eq", operator.eq, "equal")
ne = _comparison("ne", operator.ne, "not_equal")
lt = _comparison("lt", operator.lt, "less")
le = _comparison("le", operator.le, "less_equal")
gt = _comparison("gt", operator.gt, "greater")
ge = _comparison("ge", operator.ge, "greater_equal")


def _bitwise(name: str, op: str, python: Callable[[Any, Any], Any], *more: str) -> Callable[..., Value]:
    @function(name, *more)
    def combine(x: Any, y: Any) -> Value:
        a, b = unify(x, y)
        if a.type.kind == "float":
            raise located(f"{op} of floats: conditions and integers have it",
                          "compare first (& binds tighter than <: keep the parentheses), or use torch.where")
        if a.type.kind == "bool":
            for p, q in ((a, b), (b, a)):
                if op == "and" and (_is(p, True) or p is q):
                    return q
                if op == "or" and (_is(p, False) or p is q):
                    return q
                if op == "and" and _is(p, False) or op == "or" and _is(p, True):
                    return p
                if op == "xor" and _is(p, False):
                    return q
        return apply(op, (a, b), a.type, python)

    return combine


bitwise_and = _bitwise("bitwise_and", "and", operator.and_)
bitwise_or = _bitwise("bitwise_or", "or", operator.or_)
bitwise_xor = _bitwise("bitwise_xor", "xor", operator.xor)


@function("bitwise_not", "invert", "bitwise_invert")
def bitwise_not(x: Any) -> Value:
    a = lift(x)
    if a.type.kind == "bool":
        return logical_not(a)
    if a.type.kind == "float":
        raise located("~ of a float: conditions and integers have it", "compare first")
    return sub(neg(a), 1)


@function("logical_not")
def logical_not(x: Any) -> Value:
    a = to_bool(lift(x))
    if a.op == "not":
        return a.args[0]
    return apply("not", (a,), a.type, operator.not_)


@function("logical_and")
def logical_and(x: Any, y: Any) -> Value:
    return bitwise_and(to_bool(lift(x)), to_bool(lift(y)))


@function("logical_or")
def logical_or(x: Any, y: Any) -> Value:
    return bitwise_or(to_bool(lift(x)), to_bool(lift(y)))


@function("logical_xor")
def logical_xor(x: Any, y: Any) -> Value:
    return bitwise_xor(to_bool(lift(x)), to_bool(lift(y)))


@function("bitwise_left_shift", "left_shift")
def bitwise_left_shift(x: Any, y: Any) -> Value:
    a, b = to_int(lift(x)), to_int(lift(y))
    return apply("shl", (a, b), INT, operator.lshift)


@function("bitwise_right_shift", "right_shift")
def bitwise_right_shift(x: Any, y: Any) -> Value:
    a, b = to_int(lift(x)), to_int(lift(y))
    return apply("shr", (a, b), INT, operator.rshift)


# Choices.
@function("where")
def where(condition: Any, x: Any = None, y: Any = None) -> Value:
    if x is None or y is None:
        raise located("torch.where(condition) lists places, which no kernel can", "give both sides: torch.where(condition, a, b)")
    chosen = lift(condition)
    if chosen.type.kind != "bool":
        raise located(f"the condition of where is {chosen.describe()}", "compare it: value != 0")
    a, b = unify(x, y)
    if _is(chosen, True) or a is b:
        return a
    if _is(chosen, False):
        return b
    if chosen.op == "not":
        chosen, a, b = chosen.args[0], b, a
    chosen, a, b = broadcast(chosen, a, b)
    if a.type.kind == "bool":
        return bitwise_or(bitwise_and(chosen, a), bitwise_and(logical_not(chosen), b))
    return apply("select", (chosen, a, b), a.type, lambda c, p, q: p if c else q)


@function("masked_fill")
def masked_fill(x: Any, mask: Any, value: Any) -> Value:
    return where(mask, value, x)


@function("maximum", "max")
def maximum(x: Any, y: Any = None) -> Value:
    if y is None:
        raise located("max of a single symbolic value", "a reduction over keys is no score_mod; use attune.kernel")
    a, b = numeric(x, y)
    return a if a is b else apply("max", (a, b), a.type, max)


@function("minimum", "min")
def minimum(x: Any, y: Any = None) -> Value:
    if y is None:
        raise located("min of a single symbolic value", "a reduction over keys is no score_mod; use attune.kernel")
    a, b = numeric(x, y)
    return a if a is b else apply("min", (a, b), a.type, min)


@function("fmax")
def fmax(x: Any, y: Any) -> Value:
    """The other one if one is NaN."""
    a, b = numeric(x, y)
    return apply("maxnum" if a.type.kind == "float" else "max", (a, b), a.type, max)


@function("fmin")
def fmin(x: Any, y: Any) -> Value:
    a, b = numeric(x, y)
    return apply("minnum" if a.type.kind == "float" else "min", (a, b), a.type, min)


@function("clamp", "clip")
def clamp(x: Any, min: Any = None, max: Any = None, a_min: Any = None, a_max: Any = None) -> Value:
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    value = lift(x)
    value = value if low is None else maximum(value, low)
    return value if high is None else minimum(value, high)


@function("clamp_min")
def clamp_min(x: Any, min: Any) -> Value:
    return maximum(x, min)


@function("clamp_max")
def clamp_max(x: Any, max: Any) -> Value:
    return minimum(x, max)


# Casts.
@function("to", "type", "astype", "asarray", "as_tensor", "tensor", "array")
def cast(x: Any, *args: Any, dtype: Any = None, **_: Any) -> Value:
    """To a dtype; devices and flags are of no account. f64 is computed as f32 unless the queries are f64; 16-bit floats round."""
    value = lift(x)
    for argument in args:
        if is_dtype(argument):
            dtype = argument
        elif hasattr(argument, "dtype"):
            dtype = argument.dtype
    if dtype is None:
        return value
    element = element_of(dtype)
    if element is None:
        raise located(f"cannot cast to {dtype}", "use float32, float16, bfloat16, float64, int64, int32, int16, int8 or bool")
    if element == "i1":
        return to_bool(value)
    if element in FLOATS:
        value = to_float(value)
        wide = element == "f64" or element == current().floating
        return value if wide else make("round", (value,), element, value.type)
    return _wrapped(to_int(value), element)


def _wrapped(value: Value, element: str) -> Value:
    """Integers of 8 and 16 bits wrap as torch's do; those of 32 and 64 bits are one type here."""
    if element == "u8":
        return remainder(value, 256)
    if element in ("i8", "i16"):
        half = 128 if element == "i8" else 32768
        return sub(remainder(add(value, half), 2 * half), half)
    return value


def _caster(dtype: str, *names: str) -> None:
    @function(*names)
    def convert(x: Any, **_: Any) -> Value:
        return cast(x, dtype)


for _dtype, _names in (("float32", ("float", "to_float", "float32")), ("float64", ("double",)), ("float16", ("half",)),
                       ("bfloat16", ("bfloat16",)), ("int64", ("long", "to_int")), ("int32", ("int",)), ("int16", ("short",)),
                       ("int8", ("char",)), ("bool", ("bool", "to_bool"))):
    _caster(_dtype, *_names)


@function("type_as")
def type_as(x: Any, other: Any) -> Value:
    return cast(x, other.dtype)


# The same value, and new constants beside it.
@function("clone", "detach", "contiguous", "cpu", "cuda", "squeeze", "view", "reshape", "expand", "requires_grad", "copy",
          "unsqueeze", "flatten", "ravel", "alias", "view_as", "expand_as", "real", "conj", "conjugate")
def same(x: Any, *_: Any, **__: Any) -> Value:
    return lift(x)


def _filled(default: Any, *names: str) -> None:
    @function(*names)
    def fill(x: Any, *args: Any, fill_value: Any = None, dtype: Any = None, size: Any = None, **_: Any) -> Value:
        shape = () if names[0].endswith("_like") else size if size is not None else (args[0] if args else ())
        if isinstance(shape, int) or len(shape):
            raise located(f"{names[0]} of shape {shape} inside the function", "make the array outside and capture it")
        number = default if default is not None else fill_value if fill_value is not None else args[-1]
        value = lift(number)
        dtype = dtype if dtype is not None else lift(x).dtype
        return cast(value, dtype)


_filled(1, "new_ones")
_filled(0, "new_zeros")
_filled(None, "new_full")
_filled(1, "ones_like")
_filled(0, "zeros_like")
_filled(None, "full_like")


@function("new_tensor")
def new_tensor(x: Any, value: Any, dtype: Any = None, **_: Any) -> Value:
    return cast(value, dtype if dtype is not None else lift(x).dtype)


refuse("a position has no neighbours here; reductions over keys, queries and heads are attune.kernel's",
       "sum", "mean", "cumsum", "cumprod", "softmax", "log_softmax", "argmax", "argmin", "sort", "topk", "any", "all", "prod",
       "logsumexp", "amax", "amin", "std", "var", "norm", "argsort", "median", "unique", "nonzero")
refuse("results are not random in attune; capture an array of random numbers",
       "rand", "randn", "bernoulli", "dropout", "rand_like", "randn_like", "multinomial", "normal")
refuse("an array cannot be made at each pair; make it outside and capture it",
       "stack", "cat", "concatenate", "arange", "linspace", "eye", "meshgrid", "repeat", "repeat_interleave", "tile")
