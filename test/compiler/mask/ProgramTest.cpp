// SPDX-License-Identifier: Apache-2.0
// Do programs fold soundly, and enclose what they should?
#include "compiler/mask/Arithmetic.h"
#include "compiler/mask/Schedule.h"
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::mask;

namespace {

constexpr Opcode Binary[] = {Opcode::Add,       Opcode::Subtract, Opcode::Multiply, Opcode::Minimum,
                             Opcode::Maximum,   Opcode::BitAnd,   Opcode::BitOr,    Opcode::BitXor,
                             Opcode::LessEqual, Opcode::Equal};

/// By definition, with floored division.
int64_t define(Opcode opcode, int64_t a, int64_t b) {
  switch (opcode) {
  case Opcode::Add: return a + b;
  case Opcode::Subtract: return a - b;
  case Opcode::Multiply: return a * b;
  case Opcode::Minimum: return a < b ? a : b;
  case Opcode::Maximum: return a > b ? a : b;
  case Opcode::BitAnd: return a & b;
  case Opcode::BitOr: return a | b;
  case Opcode::BitXor: return a ^ b;
  case Opcode::LessEqual: return a <= b;
  case Opcode::Equal: return a == b;
  case Opcode::FloorDivide: {
    int64_t quotient = -100;
    while ((quotient + 1) * b <= a)
      ++quotient;
    return quotient;
  }
  default: {
    while (a < 0)
      a += b;
    while (a >= b)
      a -= b;
    return a;
  }
  }
}

int64_t evaluate(const Program &program, Value root, int64_t a, int64_t b) {
  return Evaluator(program)
      .evaluate(root,
                [&](const Instruction &leaf, llvm::ArrayRef<int64_t>) {
                  return leaf.input == Input::RowToken ? a : b;
                })
      .front();
}

/// Two inputs in ranges, with an offset and a swap that folding may use: every value is that of the
/// definition and lies in the range that the program claims.
void check(Opcode opcode, Range ofA, Range ofB) {
  Program program;
  Value a = program.input(Input::RowToken, 0, ofA.low, ofA.high);
  Value b = program.input(Input::ColumnToken, 0, ofB.low, ofB.high);
  Value result = program.make(opcode, a, b);
  int64_t least = INT64_MAX, greatest = INT64_MIN;
  for (int64_t x = ofA.low; x <= ofA.high; ++x)
    for (int64_t y = ofB.low; y <= ofB.high; ++y) {
      int64_t expected = define(opcode, x, y);
      ASSERT_EQ(evaluate(program, result, x, y), expected) << int(opcode) << " " << x << " " << y;
      least = std::min(least, expected);
      greatest = std::max(greatest, expected);
    }
  EXPECT_LE(program[result].low, least);
  EXPECT_GE(program[result].high, greatest);
  bool isExact = opcode != Opcode::BitAnd && opcode != Opcode::BitOr && opcode != Opcode::BitXor &&
                 opcode != Opcode::Modulo && opcode != Opcode::Equal;
  if (isExact) {
    EXPECT_EQ(program[result].low, least) << int(opcode);
    EXPECT_EQ(program[result].high, greatest) << int(opcode);
  }
}

} // namespace

TEST(Program, OperationsAreTheirDefinitionsAndRangesEnclose) {
  for (int64_t low = -7; low <= 7; low += 2)
    for (int64_t high = low; high <= 7; high += 3)
      for (auto [least, greatest] :
           {std::pair(-7, -3), std::pair(-2, 5), std::pair(4, 4), std::pair(1, 6)})
        for (Opcode opcode : Binary)
          check(opcode, {low, high}, {least, greatest});
}

TEST(Program, DivisionsAreFloored) {
  for (int64_t low = -7; low <= 7; ++low)
    for (int64_t high = low; high <= 7; ++high)
      for (int64_t divisor = 1; divisor <= 6; ++divisor)
        for (Opcode opcode : {Opcode::FloorDivide, Opcode::Modulo}) {
          check(opcode, {low, high}, {divisor, divisor});
          check(opcode, {low, high}, {divisor, 6});
        }
}

TEST(Program, LengthsDivideWhereThereAreNoTokens) {
  for (Opcode opcode : {Opcode::FloorDivide, Opcode::Modulo}) {
    Program program;
    Value a = program.input(Input::RowFirst, 0, 0, 100), b = program.input(Input::RowLast, 0, 0, 9);
    const Instruction &division = program[program.make(opcode, a, b)];
    EXPECT_GE(program[division.operands[1]].low, 1);
  }
}

TEST(Program, EqualValuesAreOne) {
  Program program;
  Value a = program.input(Input::RowFirst, 0, 0, 100), one = program.constant(1);
  EXPECT_EQ(program.add(a, one), program.add(one, a));
  EXPECT_EQ(program.subtract(program.add(a, one), one), a);
  EXPECT_EQ(program.subtract(program.constant(3), program.subtract(one, a)),
            program.add(a, program.constant(2)));
  EXPECT_TRUE(program.isTrue(program.atMost(a, program.constant(100))));
  EXPECT_TRUE(program.isFalse(program.atMost(program.constant(101), a)));
  EXPECT_EQ(program.make(Opcode::FloorDivide, a, one), a);
  EXPECT_EQ(program.make(Opcode::Modulo, a, program.constant(101)), a);
  EXPECT_EQ(program.make(Opcode::Minimum, program.make(Opcode::Minimum, a, one), one),
            program.make(Opcode::Minimum, one, a));
}

TEST(Program, WhatMayWrapHasNoRange) {
  Program program;
  Value a = program.input(Input::RowFirst, 0, 0, int64_t(1) << 61);
  Value sum = program.make(Opcode::Multiply, a, program.constant(4));
  EXPECT_EQ(program[sum].low, INT64_MIN);
  EXPECT_FALSE(program.constantOf(program.atMost(program.constant(0), sum)));
}

TEST(Program, CostsCountWhatIsComputed) {
  Program program;
  Value a = program.input(Input::RowFirst, 0, -100, 100),
        n = program.input(Input::RowLast, 0, 1, 9);
  EXPECT_EQ(program.cost(a), 0);
  EXPECT_EQ(program.cost(program.make(Opcode::FloorDivide, a, program.constant(8))), 1);
  Value quotient = program.make(Opcode::FloorDivide, a, n);
  EXPECT_EQ(program.cost({quotient, program.add(quotient, a)}), 5);
}

TEST(Pieces, AreAPartitionWhoseQuotientsAndRemaindersAreBoxes) {
  for (int64_t first = 0; first < 25; ++first)
    for (int64_t last = first; last < first + 30; ++last)
      for (int64_t divisor : {1, 2, 5, 7, 16, 40})
        for (int64_t offset : {-9, 0, 3}) {
          int64_t next = first;
          for (Piece piece : cutRange({first, last}, divisor, offset)) {
            if (piece.last < piece.first)
              continue;
            EXPECT_EQ(piece.first, next);
            next = piece.last + 1;
            int64_t rows = floorDivide(piece.last + offset, divisor) -
                           floorDivide(piece.first + offset, divisor) + 1;
            bool isWhole = floorModulo(piece.first + offset, divisor) == 0 &&
                           floorModulo(piece.last + 1 + offset, divisor) == 0;
            EXPECT_TRUE(rows == 1 || isWhole);
          }
          EXPECT_EQ(next, last + 1);
        }
}

TEST(Pieces, OfTwoCutsAreMadeInOrder) {
  // Rows of 10, halves of 5 in the row where a piece begins.
  auto values = [](unsigned cut, int64_t first) {
    return cut == 0 ? std::pair<int64_t, int64_t>(10, 0)
                    : std::pair<int64_t, int64_t>(5, -(first / 10 * 10));
  };
  std::vector<std::pair<int64_t, int64_t>> found;
  for (Piece piece : pieces({3, 37}, 2, values))
    found.push_back({piece.first, piece.last});
  std::vector<std::pair<int64_t, int64_t>> expected = {
      {3, 4}, {5, 9}, {10, 29}, {30, 34}, {35, 37}};
  EXPECT_EQ(found, expected);
}
