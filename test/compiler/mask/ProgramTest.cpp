// SPDX-License-Identifier: Apache-2.0
// Do programs fold soundly, and enclose what they should?
#include "compiler/mask/Arithmetic.h"
#include "compiler/mask/Schedule.h"
#include <functional>
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

namespace {

/// Inputs x, y, z, and what a function of them makes of them, once folded and once computed.
struct Made {
  Value value;
  std::function<int64_t(int64_t, int64_t, int64_t)> expected;
};

/// A function of two, in a program and by definition.
Made join(Program &program, Opcode opcode, const Made &a, const Made &b) {
  return {program.make(opcode, a.value, b.value), [=](int64_t x, int64_t y, int64_t z) {
            return compute(opcode, a.expected(x, y, z), b.expected(x, y, z), 0);
          }};
}

void expectEqual(const Program &program, const Made &made) {
  for (int64_t x = -3; x <= 3; ++x)
    for (int64_t y = -3; y <= 3; ++y)
      for (int64_t z = -3; z <= 3; ++z) {
        int64_t found = Evaluator(program)
                            .evaluate(made.value,
                                      [&](const Instruction &leaf, llvm::ArrayRef<int64_t>) {
                                        return leaf.dim == 0 ? x : leaf.dim == 1 ? y : z;
                                      })
                            .front();
        ASSERT_EQ(found, made.expected(x, y, z))
            << toString(program, made.value) << " at " << x << " " << y << " " << z;
      }
}

std::array<Made, 3> inputs(Program &program) {
  auto made = [&](unsigned dim) {
    return Made{program.input(Input::RowToken, dim, -3, 3), [dim](int64_t x, int64_t y, int64_t z) {
                  return dim == 0 ? x : dim == 1 ? y : z;
                }};
  };
  return {made(0), made(1), made(2)};
}

} // namespace

TEST(Program, ExtremaOfExtremaAreTheirDefinitions) {
  Program program;
  auto all = inputs(program);
  for (Opcode outer : {Opcode::Minimum, Opcode::Maximum})
    for (Opcode left : {Opcode::Minimum, Opcode::Maximum, Opcode::Add})
      for (Opcode right : {Opcode::Minimum, Opcode::Maximum, Opcode::Add})
        for (unsigned operands = 0; operands < 81; ++operands) {
          const Made &a = all[operands % 3], &b = all[operands / 3 % 3], &c = all[operands / 9 % 3],
                     &d = all[operands / 27];
          Made one = join(program, left, a, b), other = join(program, right, c, d);
          expectEqual(program, join(program, outer, one, other));
          expectEqual(program, join(program, outer, one, c));
          // What is made of extrema and grows with them.
          Made two{program.constant(2), [](int64_t, int64_t, int64_t) { return 2; }};
          for (Opcode grown : {Opcode::Add, Opcode::FloorDivide})
            expectEqual(program, join(program, outer, join(program, grown, one, two),
                                      join(program, grown, c, two)));
        }
}

TEST(Program, ExtremaThatShareAnOperandAreTwoOperations) {
  Program program;
  auto [x, y, z] = inputs(program);
  for (auto [outer, inner] :
       {std::pair(Opcode::Minimum, Opcode::Maximum), std::pair(Opcode::Maximum, Opcode::Minimum)}) {
    Value left = program.make(inner, x.value, z.value),
          right = program.make(inner, z.value, y.value);
    EXPECT_EQ(program.cost(program.make(outer, left, right)), 2);
    EXPECT_EQ(program.make(outer, left, z.value), z.value);
    Value tile = program.constant(128), first = program.make(Opcode::FloorDivide, x.value, tile);
    EXPECT_EQ(program.make(inner, first, program.make(Opcode::FloorDivide, left, tile)),
              program.make(Opcode::FloorDivide, left, tile));
  }
}

TEST(Program, NegationsMeet) {
  Program program;
  auto [x, y, z] = inputs(program);
  auto negated = [&](const Made &a, const Made &b) {
    return Made{
        program.make(Opcode::Not, program.atMost(a.value, b.value)),
        [=](int64_t x, int64_t y, int64_t z) { return a.expected(x, y, z) > b.expected(x, y, z); }};
  };
  Made one = negated(x, y), other = negated(y, z);
  for (Opcode opcode : {Opcode::And, Opcode::Or}) {
    Made both = join(program, opcode, one, other);
    expectEqual(program, both);
    EXPECT_EQ(program.cost(both.value), 4);
  }
  Value chosen = program.make(Opcode::Select, one.value, y.value, z.value);
  EXPECT_EQ(chosen,
            program.make(Opcode::Select, program.atMost(x.value, y.value), z.value, y.value));
  expectEqual(program, {chosen, [](int64_t x, int64_t y, int64_t z) { return x > y ? y : z; }});
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
