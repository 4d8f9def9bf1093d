// SPDX-License-Identifier: Apache-2.0
// Do formulas say what random masks say? Both polarities, their cases and their clauses, against the
// definition, at random pairs. Other masks each time, from a seed that is printed: ATTUNE_FUZZ_SEED sets
// the first, ATTUNE_FUZZ_COUNT how many follow.
#include "test/compiler/mask/RandomMask.h"
#include <gtest/gtest.h>
#include <cstdlib>
#include <random>

using namespace attune;
using namespace attune::mask;
using attune::mask::test::MaskProgram;
using attune::mask::test::Problem;
using attune::mask::test::RandomMask;
using attune::mask::test::RandomMaskOptions;

static uint64_t setting(const char *name, uint64_t otherwise) {
  const char *text = std::getenv(name);
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

static bool isUnknown(const Formula &formula) {
  return formula.kind == FormulaKind::Unknown || llvm::any_of(formula.parts, isUnknown);
}

namespace {
/// What a formula became on its way to closed forms.
struct Forms {
  Formula whole, split, splitForKeys;
  std::optional<std::vector<std::vector<Formula>>> clauses;
};

struct Counts {
  size_t formulas = 0, unknown = 0, unequal = 0;
};
} // namespace

static Forms formsOf(FormulaBuilder &formulas, Formula whole) {
  Forms forms{std::move(whole), {}, {}, {}};
  forms.split = formulas.splitCases(forms.whole);
  forms.splitForKeys = formulas.splitCases(forms.whole, Side::Key);
  forms.clauses = formulas.clauses(forms.splitForKeys, 32);
  return forms;
}

/// Some clause may hold: all its known literals do.
static bool mayHold(const std::vector<std::vector<Formula>> &clauses, int64_t query, int64_t key,
                    const Problem &problem) {
  return llvm::any_of(clauses, [&](auto &clause) {
    return llvm::all_of(clause, [&](const Formula &literal) {
      return holds(literal, query, key, problem).value_or(true);
    });
  });
}

/// Does every atom lie in its range?
static void checkRanges(const LinearForm &form, int64_t query, int64_t key,
                        const Problem &problem) {
  for (auto &term : form.terms) {
    const Atom &atom = *term.first;
    std::optional<int64_t> value = evaluate(LinearForm{0, {{&atom, 1}}}, query, key, problem);
    ASSERT_TRUE(value && atom.low <= *value && *value <= atom.high)
        << toString(LinearForm{0, {{&atom, 1}}}) << " is " << value.value_or(-1) << ", not from "
        << atom.low << " to " << atom.high;
    for (const LinearForm &operand : atom.operands)
      checkRanges(operand, query, key, problem);
  }
}

static void checkRanges(const Formula &formula, int64_t query, int64_t key,
                        const Problem &problem) {
  checkRanges(formula.literal, query, key, problem);
  for (const Formula &part : formula.parts)
    checkRanges(part, query, key, problem);
}

static void checkPair(const Forms &forms, bool expected, int64_t query, int64_t key,
                      const Problem &problem) {
  std::string where = " at i = " + std::to_string(query) + ", j = " + std::to_string(key) + " in ";
  for (const Formula *formula : {&forms.whole, &forms.split, &forms.splitForKeys})
    ASSERT_EQ(holds(*formula, query, key, problem).value_or(expected), expected)
        << where << toString(*formula) << "\nof " << toString(forms.whole);
  checkRanges(forms.splitForKeys, query, key, problem);
  checkRanges(forms.whole, query, key, problem);
  if (!isUnknown(forms.whole))
    ASSERT_EQ(holds(forms.whole, query, key, problem), std::optional(expected)) << where;
  if (!forms.clauses)
    return;
  bool mayBe = mayHold(*forms.clauses, query, key, problem);
  ASSERT_TRUE(mayBe || !expected) << where << toString(forms.splitForKeys);
  if (!isUnknown(forms.splitForKeys))
    ASSERT_EQ(mayBe, expected) << where << toString(forms.splitForKeys);
}

static void checkMask(uint64_t seed, const RandomMaskOptions &options, Counts &counts) {
  RandomMask mask(seed, options);
  MaskProgram program(mask.text);
  ASSERT_TRUE(program) << mask.text.body;
  SCOPED_TRACE("seed " + std::to_string(seed) + "\n" + mask.text.body);
  Problem problem(program, mask.queries, mask.keys);
  mask.fill(problem);
  FormulaBuilder formulas(program.expressions(), program.grid("q"), program.grid("k"));
  MaskFormula built = formulas.build(program.domain());
  counts.formulas += 2;
  counts.unknown += isUnknown(built.visible) + isUnknown(built.hidden);
  Forms visible = formsOf(formulas, built.visible), hidden = formsOf(formulas, built.hidden);
  std::mt19937_64 generator(seed);
  for (int point = 0; point < 40; ++point) {
    int64_t query = int64_t(generator() % uint64_t(mask.queries));
    int64_t key = int64_t(generator() % uint64_t(mask.keys));
    bool expected = problem.visible(query, key);
    checkPair(visible, expected, query, key, problem);
    checkPair(hidden, !expected, query, key, problem);
    if (::testing::Test::HasFatalFailure())
      return;
  }
}

static Counts checkMasks(const RandomMaskOptions &options) {
  static const uint64_t fresh = std::random_device()();
  uint64_t first = setting("ATTUNE_FUZZ_SEED", fresh), count = setting("ATTUNE_FUZZ_COUNT", 300);
  std::printf("ATTUNE_FUZZ_SEED=%llu\n", (unsigned long long)first);
  Counts counts;
  for (uint64_t seed = first; seed < first + count; ++seed) {
    checkMask(seed, options, counts);
    if (::testing::Test::HasFatalFailure())
      break;
  }
  std::printf("seeds %llu to %llu: %zu formulas, %zu with something unknown\n",
              (unsigned long long)first, (unsigned long long)(first + count - 1), counts.formulas,
              counts.unknown);
  return counts;
}

TEST(FormulaFuzzTest, RandomMasksOfOneComparison) { checkMasks({0, 4, false}); }
TEST(FormulaFuzzTest, RandomMasksOfNestedLogic) { checkMasks({3, 2, false}); }
TEST(FormulaFuzzTest, RandomMasksOnGrids) { checkMasks({1, 3, true}); }
