// SPDX-License-Identifier: Apache-2.0
// Expressions of one place (b, h, i, j): whole numbers, numbers, and truths, with C++'s operators.
//
//   score + slope[h] * (j - i)          a Number
//   j <= i && i - j <= w                a Logic
//
// Nothing is computed: an expression is the text of a program to be. Kinds do not mix by accident: an
// Index becomes a Number where one is needed, a Logic never becomes a number.
#pragma once

#include <attune/attn/Node.hpp>

#include <bit>
#include <charconv>
#include <cmath>
#include <concepts>
#include <cstdio>

namespace attn {

template <typename T>
concept WholeNumber = std::integral<T> && !std::same_as<T, bool>;

namespace detail {

/// A finite number as the language writes it: exactly that number.
template <std::floating_point T> std::string spell(T number) {
  char text[40];
  std::string digits(text, std::to_chars(text, text + sizeof(text), number).ptr);
  size_t exponent = digits.find('e');
  if (digits.find('.') == std::string::npos)
    digits.insert(exponent == std::string::npos ? digits.size() : exponent, ".0");
  return digits;
}

inline NodeRef makeConstant(int64_t number) {
  return makeOperation("arith.constant " + std::to_string(number) + " : index",
                       scalarType("index"));
}
inline NodeRef makeConstant(float number) {
  std::string digits;
  if (std::isfinite(number)) {
    digits = spell(number);
  } else { // as its bits
    char text[12];
    std::snprintf(text, sizeof(text), "0x%08X", unsigned(std::bit_cast<uint32_t>(number)));
    digits = text;
  }
  return makeOperation("arith.constant " + digits + " : f32", scalarType("f32"));
}

} // namespace detail

/// A whole number of 64 bits: a position, a size, an entry of an integer table.
class Index : public Value {
public:
  using Value::Value;
  template <WholeNumber T> Index(T number) : Value(detail::makeConstant(int64_t(number))) {}
};

/// A number in f32.
class Number : public Value {
public:
  using Value::Value;
  template <typename T>
    requires WholeNumber<T> || std::floating_point<T>
  Number(T number) : Value(detail::makeConstant(float(number))) {}
  /// The nearest f32.
  Number(const Index &index)
      : Value(detail::makeOperation(
            "arith.sitofp $0 : i64 to f32", detail::scalarType("f32"),
            {detail::makeOperation("arith.index_cast $0 : index to i64", detail::scalarType("i64"),
                                   {index.node()})})) {}
};

/// True or false.
class Logic : public Value {
public:
  using Value::Value;
  template <std::same_as<bool> T>
  Logic(T truth)
      : Value(detail::makeOperation(std::string("arith.constant ") + (truth ? "true" : "false"),
                                    detail::scalarType("i1"))) {}
};

namespace detail {

inline const char *elementOf(const Index &) { return "index"; }
inline const char *elementOf(const Number &) { return "f32"; }
inline const char *elementOf(const Logic &) { return "i1"; }

/// `name` of operands that have one type, which the result has as well.
template <typename T, typename... Operands>
T apply(const std::string &name, const T &first, const Operands &...others) {
  std::string text = name + " $0";
  for (size_t number = 1; number <= sizeof...(others); ++number)
    text += ", $" + std::to_string(number);
  return T(makeOperation(text + " : " + elementOf(first), scalarType(elementOf(first)),
                         {first.node(), others.node()...}));
}

inline Logic compare(const std::string &how, const Index &left, const Index &right) {
  return Logic(makeOperation("arith.cmpi " + how + ", $0, $1 : index", scalarType("i1"),
                             {left.node(), right.node()}));
}
inline Logic compare(const std::string &how, const Number &left, const Number &right) {
  return Logic(makeOperation("arith.cmpf " + how + ", $0, $1 : f32", scalarType("i1"),
                             {left.node(), right.node()}));
}

} // namespace detail

/// The place where an expression is evaluated: sequence, query head, query, key, each from 0. Of a value
/// of queries alone i is the query, of one of keys j the key.
inline const Index b(detail::makePosition("b", detail::scalarType("index")));
inline const Index h(detail::makePosition("h", detail::scalarType("index")));
inline const Index i(detail::makePosition("i", detail::scalarType("index")));
inline const Index j(detail::makePosition("j", detail::scalarType("index")));

/// In an Attention: the score of the place, scaled, and changed by the score expressions before.
inline const Number score(detail::makePosition("score", detail::matrixType("f32"),
                                               detail::Node::Kind::Placeholder));

/*===-- Whole numbers ---===*/

inline Index operator+(const Index &x, const Index &y) { return detail::apply("arith.addi", x, y); }
inline Index operator-(const Index &x, const Index &y) { return detail::apply("arith.subi", x, y); }
inline Index operator*(const Index &x, const Index &y) { return detail::apply("arith.muli", x, y); }
inline Index operator-(const Index &x) { return Index(0) - x; }
/// Rounded down: -1 / 4 is -1. The divisor has to be above 0.
inline Index operator/(const Index &x, const Index &y) {
  return detail::apply("arith.floordivsi", x, y);
}
/// x - y * (x / y), from 0 to y - 1: -1 % 4 is 3. The divisor has to be above 0.
inline Index operator%(const Index &x, const Index &y) {
  return Index(detail::makeOperation("affine.apply affine_map<(x)[y] -> (x mod y)>($0)[$1]",
                                     detail::scalarType("index"), {x.node(), y.node()}));
}
inline Index operator&(const Index &x, const Index &y) { return detail::apply("arith.andi", x, y); }
inline Index operator|(const Index &x, const Index &y) { return detail::apply("arith.ori", x, y); }
inline Index operator^(const Index &x, const Index &y) { return detail::apply("arith.xori", x, y); }
inline Index operator<<(const Index &x, const Index &y) {
  return detail::apply("arith.shli", x, y);
}
/// Keeps the sign.
inline Index operator>>(const Index &x, const Index &y) {
  return detail::apply("arith.shrsi", x, y);
}

inline Logic operator<(const Index &x, const Index &y) { return detail::compare("slt", x, y); }
inline Logic operator<=(const Index &x, const Index &y) { return detail::compare("sle", x, y); }
inline Logic operator>(const Index &x, const Index &y) { return detail::compare("sgt", x, y); }
inline Logic operator>=(const Index &x, const Index &y) { return detail::compare("sge", x, y); }
inline Logic operator==(const Index &x, const Index &y) { return detail::compare("eq", x, y); }
inline Logic operator!=(const Index &x, const Index &y) { return detail::compare("ne", x, y); }

/*===-- Numbers ---===*/

inline Number operator+(const Number &x, const Number &y) {
  return detail::apply<Number>("arith.addf", x, y);
}
inline Number operator-(const Number &x, const Number &y) {
  return detail::apply<Number>("arith.subf", x, y);
}
inline Number operator*(const Number &x, const Number &y) {
  return detail::apply<Number>("arith.mulf", x, y);
}
inline Number operator/(const Number &x, const Number &y) {
  return detail::apply<Number>("arith.divf", x, y);
}
inline Number operator-(const Number &x) { return detail::apply<Number>("arith.negf", x); }

/// False where one of them is no number; != is then true.
inline Logic operator<(const Number &x, const Number &y) { return detail::compare("olt", x, y); }
inline Logic operator<=(const Number &x, const Number &y) { return detail::compare("ole", x, y); }
inline Logic operator>(const Number &x, const Number &y) { return detail::compare("ogt", x, y); }
inline Logic operator>=(const Number &x, const Number &y) { return detail::compare("oge", x, y); }
inline Logic operator==(const Number &x, const Number &y) { return detail::compare("oeq", x, y); }
inline Logic operator!=(const Number &x, const Number &y) { return detail::compare("une", x, y); }

/*===-- Truths ---===*/

/// Both sides are always part of the program.
inline Logic operator&&(const Logic &x, const Logic &y) {
  return detail::apply<Logic>("arith.andi", x, y);
}
inline Logic operator||(const Logic &x, const Logic &y) {
  return detail::apply<Logic>("arith.ori", x, y);
}
inline Logic operator!=(const Logic &x, const Logic &y) {
  return detail::apply<Logic>("arith.xori", x, y);
}
inline Logic operator!(const Logic &x) { return x != Logic(true); }
inline Logic operator==(const Logic &x, const Logic &y) { return !(x != y); }

/// x where `condition` is true, else y.
inline Number select(const Logic &condition, const Number &x, const Number &y) {
  return Number(detail::makeOperation("arith.select $0, $1, $2 : f32", detail::scalarType("f32"),
                                      {condition.node(), x.node(), y.node()}));
}
inline Index select(const Logic &condition, const Index &x, const Index &y) {
  return Index(detail::makeOperation("arith.select $0, $1, $2 : index", detail::scalarType("index"),
                                     {condition.node(), x.node(), y.node()}));
}
inline Logic select(const Logic &condition, const Logic &x, const Logic &y) {
  return (condition && x) || (!condition && y);
}

} // namespace attn
