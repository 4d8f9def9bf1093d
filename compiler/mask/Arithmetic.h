// SPDX-License-Identifier: Apache-2.0
// Which integers can a value be, and what do the operations of programs compute?
#ifndef ATTUNE_COMPILER_MASK_ARITHMETIC_H
#define ATTUNE_COMPILER_MASK_ARITHMETIC_H

#include "compiler/mask/Program.h"
#include "llvm/Support/ErrorHandling.h"
#include <limits>

namespace attune::mask {

/// Inclusive.
struct Range {
  int64_t low, high;

  static Range everything() {
    return {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
  }
};

/// Lengths and extents are below this.
constexpr int64_t MaximumEntries = int64_t(1) << 31;
/// What folds over nothing yield: Least this, Greatest its negation. Why it is never taken for a value:
/// - It comes out where no token passes `when`. That is the guard of the conjunction whose literals
///   read it, which then has no pair in the tile, so that "may" and "may not" are both right.
/// - Column ranges that it enters are clamped to the axis outside of all folds: empty, or too large.
/// - Values reach 2^62 (staticRange). Those beyond it make Least too low and Greatest too high, which
///   errs towards "may"; what is told of a fold's range allows for it (TileRanges.cpp, add).
/// - A fold of the rows, one of the columns and a value below 2^62 fit in 64 bits. Where a literal reads
///   more of them a neutral one may wrap, which the first point allows.
constexpr int64_t Neutral = int64_t(1) << 61;
static_assert(2 * Neutral + ((int64_t(1) << 62) - 1) == std::numeric_limits<int64_t>::max());

/// Of anything by what is not positive: 0, so that values nobody uses cannot trap. Strides and dilations
/// mostly are 1, and to divide takes longer than all else.
inline int64_t floorDivide(int64_t a, int64_t b) {
  if (b <= 1)
    return b == 1 ? a : 0;
  return a / b - (a % b < 0);
}
inline int64_t floorModulo(int64_t a, int64_t b) {
  if (b <= 1)
    return 0;
  int64_t rest = a % b;
  return rest < 0 ? rest + b : rest;
}

/// What an operation yields (not a leaf); wraps where values nobody uses leave 64 bits.
inline int64_t compute(Opcode opcode, int64_t a, int64_t b, int64_t c) {
  switch (opcode) {
  case Opcode::Add: return int64_t(uint64_t(a) + uint64_t(b));
  case Opcode::Subtract: return int64_t(uint64_t(a) - uint64_t(b));
  case Opcode::Multiply: return int64_t(uint64_t(a) * uint64_t(b));
  case Opcode::FloorDivide: return floorDivide(a, b);
  case Opcode::Modulo: return floorModulo(a, b);
  case Opcode::Minimum: return std::min(a, b);
  case Opcode::Maximum: return std::max(a, b);
  case Opcode::BitAnd: return a & b;
  case Opcode::BitOr: return a | b;
  case Opcode::BitXor: return a ^ b;
  case Opcode::LessEqual: return a <= b;
  case Opcode::Equal: return a == b;
  case Opcode::And: return a & b;
  case Opcode::Or: return a | b;
  case Opcode::Not: return !a;
  case Opcode::Select: return a ? b : c;
  default: llvm_unreachable("not an operation");
  }
}

/// Is the value given from outside of the program?
inline bool isLeaf(Opcode opcode) { return opcode > Opcode::Constant && opcode < Opcode::Add; }

inline bool isLeafOrConstant(Opcode opcode) { return opcode == Opcode::Constant || isLeaf(opcode); }

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_ARITHMETIC_H
