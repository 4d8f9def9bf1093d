// SPDX-License-Identifier: Apache-2.0
// Functions of expressions, named as those of <cmath> and of neural networks.
#pragma once

#include <attune/attn/Expression.hpp>

namespace attn {

/*===-- Numbers ---===*/

inline Number exp(const Number &x) { return detail::apply<Number>("math.exp", x); }
inline Number exp2(const Number &x) { return detail::apply<Number>("math.exp2", x); }
/// e^x - 1.
inline Number expm1(const Number &x) { return detail::apply<Number>("math.expm1", x); }
inline Number log(const Number &x) { return detail::apply<Number>("math.log", x); }
inline Number log2(const Number &x) { return detail::apply<Number>("math.log2", x); }
/// log(1 + x).
inline Number log1p(const Number &x) { return detail::apply<Number>("math.log1p", x); }
inline Number tanh(const Number &x) { return detail::apply<Number>("math.tanh", x); }
inline Number sin(const Number &x) { return detail::apply<Number>("math.sin", x); }
inline Number cos(const Number &x) { return detail::apply<Number>("math.cos", x); }
inline Number erf(const Number &x) { return detail::apply<Number>("math.erf", x); }
inline Number sqrt(const Number &x) { return detail::apply<Number>("math.sqrt", x); }
/// 1 / sqrt(x).
inline Number rsqrt(const Number &x) { return detail::apply<Number>("math.rsqrt", x); }
inline Number abs(const Number &x) { return detail::apply<Number>("math.absf", x); }
inline Number floor(const Number &x) { return detail::apply<Number>("math.floor", x); }
inline Number ceil(const Number &x) { return detail::apply<Number>("math.ceil", x); }
/// To the nearest whole number, halves to the even one.
inline Number round(const Number &x) { return detail::apply<Number>("math.roundeven", x); }
inline Number pow(const Number &x, const Number &y) {
  return detail::apply<Number>("math.powf", x, y);
}
/// NaN where one of them is.
inline Number min(const Number &x, const Number &y) {
  return detail::apply<Number>("arith.minimumf", x, y);
}
inline Number max(const Number &x, const Number &y) {
  return detail::apply<Number>("arith.maximumf", x, y);
}

/// 1 / (1 + e^-x).
inline Number sigmoid(const Number &x) { return 1 / (1 + exp(-x)); }
/// max(x, 0).
inline Number relu(const Number &x) { return max(x, 0); }
/// x sigmoid(x).
inline Number silu(const Number &x) { return x * sigmoid(x); }
/// x (1 + erf(x / sqrt 2)) / 2.
inline Number gelu(const Number &x) { return x * (1 + erf(x * 0.70710678f)) * 0.5f; }
/// log(1 + e^x), without overflow.
inline Number softplus(const Number &x) { return relu(x) + log1p(exp(-abs(x))); }

/// 1 where true, else 0.
inline Number number(const Logic &x) { return select(x, Number(1), Number(0)); }
/// Rounded to 0; of what is no number 0.
inline Index index(const Number &x) {
  return Index(
      detail::makeOperation("arith.index_cast $0 : i64 to index", detail::scalarType("index"),
                            {detail::makeOperation("arith.fptosi $0 : f32 to i64",
                                                   detail::scalarType("i64"), {x.node()})}));
}

/*===-- Whole numbers ---===*/

inline Index min(const Index &x, const Index &y) { return detail::apply("arith.minsi", x, y); }
inline Index max(const Index &x, const Index &y) { return detail::apply("arith.maxsi", x, y); }
inline Index abs(const Index &x) { return max(x, -x); }
inline Index clamp(const Index &x, const Index &least, const Index &most) {
  return min(max(x, least), most);
}
inline Number clamp(const Number &x, const Number &least, const Number &most) {
  return min(max(x, least), most);
}
/// x / y rounded up.
inline Index ceilDivide(const Index &x, const Index &y) {
  return detail::apply("arith.ceildivsi", x, y);
}
/// How many tokens an axis has in this sequence: "q" the queries, "k" the keys.
inline Index length(const std::string &axis) {
  return Index(
      detail::makeOperation("size " + axis + " of $0", detail::scalarType("index"), {b.node()}));
}

} // namespace attn
