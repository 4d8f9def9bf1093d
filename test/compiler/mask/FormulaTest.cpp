// SPDX-License-Identifier: Apache-2.0
// Which normal form do masks get? One test a rule.
#include "test/compiler/mask/MaskProgram.h"
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::mask;
using attune::mask::test::MaskProgram;
using attune::mask::test::MaskText;
using attune::mask::test::Problem;

static std::string visibleOf(const MaskText &text) {
  MaskProgram program(text);
  FormulaBuilder formulas(program.expressions());
  return toString(formulas.build(program.domain()).visible);
}

TEST(FormulaTest, CausalIsOneLiteral) {
  EXPECT_EQ(visibleOf({"", "%y = arith.cmpi sle, %j, %i : index yield %y : i1"}), "j - i <= 0");
}
