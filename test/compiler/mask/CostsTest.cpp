// SPDX-License-Identifier: Apache-2.0
// What do the programs of every kind of mask cost, in scalar operations, next to the counts that were
// measured when the analysis was designed? At most one and a half times as much.
#include "compiler/mask/Arithmetic.h"
#include "test/compiler/mask/MaskCase.h"
#include "test/compiler/mask/MaskSuite.h"
#include <gtest/gtest.h>

using namespace attune;
using namespace attune::mask;
using namespace attune::mask::test;

namespace {

/// Operations: of the closed form for a tile of rows, and of the tile test for a tile of queries, a
/// tile of keys and a pair of tiles.
struct Counts {
  int64_t ranges = 0, perRow = 0, perColumn = 0, perPair = 0;
};

/// Operations of `roots` that depend on inputs of rows alone, of columns alone, and of both.
Counts split(const Program &program, llvm::ArrayRef<Value> roots) {
  std::map<int, std::pair<bool, bool>> sides;
  Counts counts;
  for (int id : program.needed(roots)) {
    const Instruction &at = program[Value{id}];
    bool ofRows = at.opcode == Opcode::Fold, ofColumns = at.opcode == Opcode::Summary;
    if (at.opcode == Opcode::Input)
      (at.input == Input::RowFirst || at.input == Input::RowLast ? ofRows : ofColumns) = true;
    llvm::SmallVector<Value> operands;
    for (Value operand : at.operands)
      if (operand) {
        ofRows |= sides[operand.id].first;
        ofColumns |= sides[operand.id].second;
        operands.push_back(operand);
      }
    sides[id] = {ofRows, ofColumns};
    int64_t own = program.cost(Value{id}) - program.cost(operands);
    (ofRows && ofColumns ? counts.perPair
     : ofRows            ? counts.perRow
     : ofColumns         ? counts.perColumn
                         : counts.ranges) += own;
  }
  counts.ranges = 0; // uniform: once a launch
  return counts;
}

Counts countsOf(const SuiteMask &mask) {
  ParsedMask parsed(mask.mask);
  Schedule test = parsed.schedule(Direction::Forward, 128, 128, Level::Test);
  Counts counts = split(test.program, {test.mayVisible, test.mayHidden});
  counts.ranges = parsed.schedule(Direction::Forward, 128, 128, Level::Ranges).costs().rowTile;
  return counts;
}

struct Budget {
  const char *mask;
  Counts prototype;
};

constexpr Budget Budgets[] = {
    {"causal", {4, 0, 0, 5}},
    {"causal window n = 128", {10, 0, 0, 11}},
    {"prefix n = 300", {12, 0, 5, 14}},
    {"sink and window n = 200", {12, 0, 5, 14}},
    {"chunked causal n = 100", {50, 24, 16, 17}},
    {"block diagonal n = 100", {50, 24, 16, 17}},
    {"documents, declared sorted", {174, 3, 3, 19}},
    {"documents, declared sorted, causal", {174, 3, 3, 19}},
    {"block diffusion n = 64", {148, 58, 28, 45}},
    {"sliding tile", {100, 68, 32, 26}},
    {"neighborhood, symbolic 19 x 40", {109, 120, 16, 47}},
    {"neighborhood, stride, symbolic 19 x 40", {300, 214, 54, 78}},
    {"neighborhood, dilation", {300, 214, 54, 78}},
    {"neighborhood 3-D", {570, 340, 92, 118}},
    {"3-D, stride", {570, 340, 92, 118}},
};

} // namespace

TEST(Costs, StayNearThoseOfThePrototype) {
  std::vector<SuiteMask> suite = maskSuite(512);
  std::printf("%-42s %s\n", "mask",
              "ranges, a tile of queries, a tile of keys, a pair (prototype)");
  for (const Budget &budget : Budgets) {
    SCOPED_TRACE(budget.mask);
    auto found =
        llvm::find_if(suite, [&](const SuiteMask &mask) { return mask.name == budget.mask; });
    ASSERT_NE(found, suite.end());
    Counts counts = countsOf(*found);
    std::printf("%-42s", budget.mask);
    for (int64_t Counts::*count :
         {&Counts::ranges, &Counts::perRow, &Counts::perColumn, &Counts::perPair}) {
      std::printf(" %lld (%lld)", (long long)(counts.*count), (long long)(budget.prototype.*count));
      EXPECT_LE(counts.*count, budget.prototype.*count * 3 / 2);
    }
    std::printf("\n");
  }
}
