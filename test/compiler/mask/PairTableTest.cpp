// SPDX-License-Identifier: Apache-2.0
// Does a table of pairs say what the formula says, pair by pair?
#include "compiler/mask/PairTable.h"
#include "test/compiler/mask/MaskProgram.h"
#include "gtest/gtest.h"

using namespace attune;
using namespace attune::mask;
using namespace attune::mask::test;

namespace {

constexpr int64_t queries = 40, keys = 50;

void expectSame(const MaskText &text, const std::vector<std::pair<std::string, int64_t>> &scalars,
                const std::vector<int64_t> &table = {}) {
  MaskProgram program(text);
  ASSERT_TRUE(bool(program));
  mask::test::Problem problem(program, queries, keys);
  for (auto &[name, value] : scalars)
    problem.set(name, value);
  if (!table.empty())
    problem.set("t", table);
  FormulaBuilder builder(program.expressions());
  MaskFormula formula = builder.build(program.domain());
  for (const Formula &of : {formula.visible, formula.hidden}) {
    PairTable pairs(of, problem);
    // Backwards, so that columns grow by leaps.
    for (int64_t query = queries - 1; query >= 0; query -= 3)
      for (int64_t key = 0; key < keys; ++key)
        EXPECT_EQ(pairs.holds(query, key), holds(of, query, key, problem)) << query << ", " << key;
  }
}

} // namespace

TEST(PairTable, SumsOfBothSides) {
  expectSame({"%w: index",
              "%d = arith.subi %i, %j : index\n"
              "%e = arith.cmpi sle, %d, %w : index  %f = arith.cmpi sle, %j, %i : index\n"
              "%y = arith.andi %e, %f : i1  yield %y : i1"},
             {{"w", 7}});
}

TEST(PairTable, WhatMixesBothSides) {
  expectSame({"%w: index", "%d = arith.subi %i, %j : index  %a = arith.floordivsi %d, %w : index\n"
                           "%c = arith.muli %i, %j : index\n"
                           "%e = arith.cmpi sle, %a, %w : index\n"
                           "%f = arith.cmpi slt, %c, %i : index\n"
                           "%y = arith.ori %e, %f : i1  yield %y : i1"},
             {{"w", 3}});
}

TEST(PairTable, Tables) {
  std::vector<int64_t> table;
  for (int64_t token = 0; token < keys; ++token)
    table.push_back(token * 7 % 5);
  expectSame({"%t: tensor<?xi32>",
              "%a = load %t[%i] : tensor<?xi32>  %c = load %t[%j] : tensor<?xi32>\n"
              "%y = arith.cmpi eq, %a, %c : i32  yield %y : i1"},
             {}, table);
}

TEST(PairTable, NumbersThatAreMissing) {
  struct Nothing final : Environment {
    std::optional<int64_t> uniform(const Node *) const override { return std::nullopt; }
    std::optional<int64_t> at(const Node *, Side, int64_t) const override { return std::nullopt; }
    std::optional<int64_t> entry(const Node *, int64_t) const override { return std::nullopt; }
    std::optional<int64_t> entries(const Node *) const override { return std::nullopt; }
  } nothing;
  MaskProgram program({"%w: index", "%e = arith.cmpi sle, %j, %w : index\n"
                                    "%f = arith.cmpi sle, %j, %i : index\n"
                                    "%y = arith.ori %e, %f : i1  yield %y : i1"});
  ASSERT_TRUE(bool(program));
  FormulaBuilder builder(program.expressions());
  MaskFormula formula = builder.build(program.domain());
  PairTable pairs(formula.visible, nothing);
  EXPECT_EQ(pairs.holds(3, 3), true); // whatever w is
  EXPECT_EQ(pairs.holds(3, 4), std::nullopt);
}
