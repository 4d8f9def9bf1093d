// SPDX-License-Identifier: Apache-2.0
// The numbers of one token as an expression: norms, rotations, scores that are no products.
//
//   kernel.product(rotary(kernel.queries()), rotary(kernel.keys()));
//   Matrix s = map(sum(tanh(Vector(q) + k) * weight()));              additive attention
#pragma once

#include <attune/attn/Functions.hpp>
#include <attune/attn/Operands.hpp>
#include <attune/attn/Values.hpp>

namespace attn {

/// Numbers in f32, as many as tokens have; tokens are the vector of their place.
class Vector : public Value {
public:
  using Value::Value;
  Vector(const RowTokens &tokens) : Value(widen(tokens.node())) {}
  Vector(const ColTokens &tokens) : Value(widen(tokens.node())) {}

  int64_t size() const { return sizeOf(node()->type.element); }

  static int64_t sizeOf(const std::string &element) {
    return std::stoll(element.substr(element.find('<') + 1));
  }
  static std::string elementOf(int64_t size, Dtype dtype = Dtype::f32) {
    return RowTokens::vector(size, dtype);
  }

private:
  static detail::NodeRef widen(const detail::NodeRef &tokens) {
    const std::string &element = tokens->type.element, wide = elementOf(sizeOf(element));
    if (element == wide)
      return tokens;
    return detail::makeOperation("arith.extf $0 : " + element + " to " + wide,
                                 detail::scalarType(wide), {tokens});
  }
};

/// A captured tensor of vectors: Rank indices, and then the numbers of a vector of this size.
template <typename T, size_t Rank> class VectorTable : public Value {
  static_assert(std::same_as<T, float>, "a table of vectors is of float");

public:
  VectorTable(const std::string &name, int64_t size)
      : Value(detail::makeOperand(name, {detail::Type::Form::Table, shape(size), "", ""})),
        element(Vector::elementOf(size)) {}

  template <typename... Indices> Vector operator()(const Indices &...indices) const {
    static_assert(sizeof...(Indices) == Rank, "a gather needs one index a dimension of the table");
    std::string text = "load $0[";
    for (size_t number = 1; number <= Rank; ++number)
      text += (number > 1 ? ", $" : "$") + std::to_string(number);
    return Vector(detail::makeOperation(text + "] : #0 -> " + element, detail::scalarType(element),
                                        {node(), Index(indices).node()...}));
  }

private:
  static std::string shape(int64_t size) {
    std::string text;
    for (size_t dimension = 0; dimension < Rank; ++dimension)
      text += "?x";
    return text + std::to_string(size) + "xf32";
  }
  std::string element;
};

namespace detail {

inline Vector broadcast(const Number &x, const Vector &like) {
  std::string element = Vector::elementOf(like.size());
  return Vector(
      makeOperation("vector.broadcast $0 : f32 to " + element, scalarType(element), {x.node()}));
}
template <typename... Operands>
Vector applyToEach(const std::string &name, const Vector &first, const Operands &...others) {
  std::string element = Vector::elementOf(first.size()), text = name + " $0";
  for (size_t number = 1; number <= sizeof...(others); ++number)
    text += ", $" + std::to_string(number);
  for (int64_t size : {first.size(), others.size()...})
    if (size != first.size())
      fail("vectors of " + std::to_string(first.size()) + " and of " + std::to_string(size) +
           " numbers have no " + name);
  return Vector(
      makeOperation(text + " : " + element, scalarType(element), {first.node(), others.node()...}));
}

} // namespace detail

/*===-- Number by number ---===*/

inline Vector operator+(const Vector &x, const Vector &y) {
  return detail::applyToEach("arith.addf", x, y);
}
inline Vector operator-(const Vector &x, const Vector &y) {
  return detail::applyToEach("arith.subf", x, y);
}
inline Vector operator*(const Vector &x, const Vector &y) {
  return detail::applyToEach("arith.mulf", x, y);
}
inline Vector operator/(const Vector &x, const Vector &y) {
  return detail::applyToEach("arith.divf", x, y);
}
inline Vector operator+(const Vector &x, const Number &y) { return x + detail::broadcast(y, x); }
inline Vector operator-(const Vector &x, const Number &y) { return x - detail::broadcast(y, x); }
inline Vector operator*(const Vector &x, const Number &y) { return x * detail::broadcast(y, x); }
inline Vector operator/(const Vector &x, const Number &y) { return x / detail::broadcast(y, x); }
inline Vector operator+(const Number &x, const Vector &y) { return detail::broadcast(x, y) + y; }
inline Vector operator-(const Number &x, const Vector &y) { return detail::broadcast(x, y) - y; }
inline Vector operator*(const Number &x, const Vector &y) { return detail::broadcast(x, y) * y; }
inline Vector operator/(const Number &x, const Vector &y) { return detail::broadcast(x, y) / y; }

inline Vector exp(const Vector &x) { return detail::applyToEach("math.exp", x); }
inline Vector log(const Vector &x) { return detail::applyToEach("math.log", x); }
inline Vector tanh(const Vector &x) { return detail::applyToEach("math.tanh", x); }
inline Vector sqrt(const Vector &x) { return detail::applyToEach("math.sqrt", x); }
inline Vector abs(const Vector &x) { return detail::applyToEach("math.absf", x); }
inline Vector max(const Vector &x, const Number &y) {
  return detail::applyToEach("arith.maximumf", x, detail::broadcast(y, x));
}

/// 0, 1, .., size - 1.
inline Vector steps(int64_t size) {
  std::string n = "vector<" + std::to_string(size) + "x", wide = Vector::elementOf(size);
  auto step =
      detail::makeOperation("vector.step : " + n + "index>", detail::scalarType(n + "index>"));
  auto whole = detail::makeOperation("arith.index_cast $0 : " + n + "index> to " + n + "i32>",
                                     detail::scalarType(n + "i32>"), {step});
  return Vector(detail::makeOperation("arith.sitofp $0 : " + n + "i32> to " + wide,
                                      detail::scalarType(wide), {whole}));
}

/*===-- To a number ---===*/

inline Number sum(const Vector &x) {
  return Number(detail::makeOperation(
      "vector.reduction <add>, $0 : " + Vector::elementOf(x.size()) + " into f32",
      detail::scalarType("f32"), {x.node()}));
}
inline Number greatest(const Vector &x) {
  return Number(detail::makeOperation(
      "vector.reduction <maximumf>, $0 : " + Vector::elementOf(x.size()) + " into f32",
      detail::scalarType("f32"), {x.node()}));
}

/*===-- To tokens ---===*/

namespace detail {
inline NodeRef mapTokens(const Vector &x, Dtype dtype, Type::Form form, const char *what) {
  std::string wide = Vector::elementOf(x.size()), element = Vector::elementOf(x.size(), dtype);
  Type type = placeOf(x.node(), element);
  expectForm(type, form, what);
  Number yielded(wide == element ? x.node()
                                 : makeOperation("arith.truncf $0 : " + wide + " to " + element,
                                                 scalarType(element), {x.node()}));
  return makeMap(yielded, type, {});
}
} // namespace detail

/// A vector a query: the expression at each, rounded to `dtype`.
inline RowTokens mapRows(const Vector &x, Dtype dtype) {
  return RowTokens(detail::mapTokens(x, dtype, detail::Type::Form::Rows, "queries alone"));
}
/// A vector a key.
inline ColTokens mapCols(const Vector &x, Dtype dtype) {
  return ColTokens(detail::mapTokens(x, dtype, detail::Type::Form::Cols, "keys alone"));
}

/// (u, w) becomes (u cos a - w sin a, u sin a + w cos a) on the two halves of x, with an angle a pair.
inline Vector rotate(const Vector &x, const Vector &angles) {
  if (x.size() != 2 * angles.size())
    detail::fail("rotate: expected an angle for each two of " + std::to_string(x.size()) +
                 " numbers, but got " + std::to_string(angles.size()));
  std::string element = Vector::elementOf(x.size());
  return Vector(detail::makeOperation("rotate $0 by $1 halves : " + element,
                                      detail::scalarType(element), {x.node(), angles.node()}));
}
/// The angles of RoPE at a place: place / base^(2 n / size) for pair n.
inline Vector rotaryAngles(const Number &place, int64_t size, const Number &base = 10000) {
  return place * exp(steps(size / 2) * (log(base) * (-2.0 / double(size))));
}
/// RoPE of queries, query i standing at i + offset, in the type of the tokens.
inline RowTokens rotary(const RowTokens &q, Dtype dtype, const Index &offset = 0) {
  Vector x = q;
  return mapRows(rotate(x, rotaryAngles(i + offset, x.size())), dtype);
}
/// RoPE of keys.
inline ColTokens rotary(const ColTokens &k, Dtype dtype) {
  Vector x = k;
  return mapCols(rotate(x, rotaryAngles(j, x.size())), dtype);
}

/// gain x / sqrt(mean of x^2 + epsilon), as QK normalisation has it.
inline Vector rmsNorm(const Vector &x, const Vector &gain, const Number &epsilon = 1e-6) {
  return x * rsqrt(sum(x * x) / x.size() + epsilon) * gain;
}

} // namespace attn
