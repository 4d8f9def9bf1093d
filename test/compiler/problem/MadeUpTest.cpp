// SPDX-License-Identifier: Apache-2.0
// Do made-up tables respect what a kernel declares of them, and suit what masks do with them?
#include "compiler/problem/MadeUp.h"
#include "compiler/reference/Problem.h"
#include "test/compiler/analysis/Planning.h"
#include "gtest/gtest.h"
#include <set>

using namespace attune;
using namespace attune::test;

namespace {

/// A kernel with one table of `type` and `facts`, read at i and at j and compared.
std::string withTable(const std::string &type, const std::string &facts,
                      const std::string &predicate = "%y = arith.cmpi eq, %a, %c : i32") {
  return "attn.kernel @masked(%q: !q, %k: !k, %v: !k, %t: " + type + " " + facts +
         ") -> !q {\n  %s = dot %q, %k : !q, !k\n"
         "  %m = where (%x = %s) at (%b, %h, %i, %j) : (!s) {\n"
         "    %a = load %t[%i] : " +
         type + "  %c = load %t[%j] : " + type + "\n    " + predicate +
         "\n    yield %y : i1\n  }\n"
         "  %o = contract %m, %v : !s, !k -> !q\n  return %o : !q\n}\n";
}

constexpr unsigned table = 3; // its number among the operands

} // namespace

TEST(MadeUp, TablesRespectTheirFacts) {
  for (const char *facts :
       {"{attn.sorted}", "{attn.contiguous}", "{attn.range = [5, 9]}", "{attn.range = [-3, 2]}",
        "{attn.sorted, attn.range = [10, 12]}", "{attn.contiguous, attn.range = [0, 3]}",
        "{attn.sorted, attn.range = [-7, -2]}"}) {
    Planned planned(withTable("tensor<?xi32>", facts));
    for (TableUse use : {TableUse::Identity, TableUse::Position, TableUse::Bits, TableUse::Index})
      for (uint64_t seed = 0; seed < 12; ++seed) {
        Tensor made = makeUp(planned.kernel(), table, {200}, use, 200, 8, seed);
        llvm::Error error = reference::checkFacts(planned.kernel(), table, made);
        EXPECT_FALSE(bool(error)) << facts << ", seed " << seed << ": "
                                  << llvm::toString(std::move(error));
      }
  }
}

TEST(MadeUp, TheSameSeedGivesTheSameNumbers) {
  Planned planned(withTable("tensor<?xi32>", ""));
  auto numbers = [&](uint64_t seed) {
    Tensor made = makeUp(planned.kernel(), table, {300}, TableUse::Identity, 300, 8, seed);
    std::vector<int64_t> values;
    for (int64_t i = 0; i < 300; ++i)
      values.push_back(made.integer(i));
    return values;
  };
  EXPECT_EQ(numbers(4), numbers(4));
  EXPECT_NE(numbers(4), numbers(5));
}

TEST(MadeUp, SortedIdsAreAFewDocuments) {
  Planned planned(withTable("tensor<?xi32>", "{attn.sorted}"));
  Tensor made = makeUp(planned.kernel(), table, {1024}, TableUse::Identity, 1024, 8, 0);
  std::set<int64_t> ids;
  for (int64_t i = 0; i < 1024; ++i)
    ids.insert(made.integer(i));
  EXPECT_GE(ids.size(), 3u);
  EXPECT_LE(ids.size(), 8u);
}

TEST(MadeUp, NumbersFitNarrowTypes) {
  Planned planned(withTable("tensor<?xi8>", "", "%y = arith.cmpi eq, %a, %c : i8"));
  for (uint64_t seed = 0; seed < 8; ++seed) {
    Tensor made = makeUp(planned.kernel(), table, {5000}, TableUse::Position, 5000, 8, seed);
    for (int64_t i = 0; i < 5000; ++i)
      EXPECT_LE(std::abs(made.integer(i)), 128);
  }
}

TEST(MadeUp, UsesAreRead) {
  auto useIn = [&](const std::string &predicate) {
    Planned planned(withTable("tensor<?xi32>", "", predicate));
    auto tables = findTables(planned.kernel(), {planned.plan.accumulators.front().domain});
    EXPECT_EQ(tables.size(), 1u);
    EXPECT_EQ(tables.front().first, table);
    return tables.front().second;
  };
  EXPECT_EQ(useIn("%y = arith.cmpi eq, %a, %c : i32"), TableUse::Identity);
  EXPECT_EQ(useIn("%n = arith.index_cast %a : i32 to index\n"
                  "%y = arith.cmpi slt, %j, %n : index"),
            TableUse::Position);
  EXPECT_EQ(useIn("%n = arith.index_cast %j : index to i32\n"
                  "%d = arith.shrui %a, %n : i32  %y = arith.trunci %d : i32 to i1"),
            TableUse::Bits);
  EXPECT_EQ(useIn("%n = arith.index_cast %a : i32 to index\n"
                  "%r = load %t[%n] : tensor<?xi32>  %y = arith.cmpi eq, %r, %c : i32"),
            TableUse::Index);
}
