// SPDX-License-Identifier: Apache-2.0
// Are findings kept once and printed for people? And counters?
#include "runtime/sim/Counters.h"
#include "runtime/sim/Report.h"

#include <gtest/gtest.h>

#include <set>

using namespace attune::sim;

static Finding findingAt(uint32_t line, FindingKind kind = FindingKind::Race) {
  Finding finding;
  finding.kind = kind;
  finding.party.line = line;
  return finding;
}

static std::string_view noText(const void *, uint32_t) { return ""; }

TEST(Findings, one_of_each_kind_and_line_is_kept) {
  Findings findings;
  EXPECT_TRUE(findings.empty());
  findings.add(findingAt(4));
  findings.add(findingAt(4));
  findings.add(findingAt(4, FindingKind::OutOfBounds));
  EXPECT_FALSE(findings.empty());
  std::vector<Finding> all = findings.take();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].times + all[1].times, 3u);
  EXPECT_TRUE(findings.empty());
}

TEST(Findings, errors_stand_before_warnings_and_the_first_ones_first) {
  Findings findings;
  Finding warning = findingAt(1, FindingKind::WarpHazard);
  warning.severity = Severity::Warning;
  findings.add(warning);
  findings.add(findingAt(9));
  findings.add(findingAt(3));
  Finding later = findingAt(2);
  later.party.block = {0, 1, 0};
  findings.add(later);
  std::vector<Finding> all = findings.take();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].party.line, 9u);
  EXPECT_EQ(all[1].party.line, 3u);
  EXPECT_EQ(all[2].party.line, 2u);
  EXPECT_EQ(all[3].party.line, 1u);
}

TEST(Findings, of_several_blocks_the_first_is_named) {
  Findings findings;
  for (uint32_t block : {5, 2, 7}) {
    Finding finding = findingAt(4);
    finding.party.block = {block, 0, 0};
    findings.add(finding);
  }
  std::vector<Finding> all = findings.take();
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].party.block[0], 2u);
  EXPECT_EQ(all[0].times, 3u);
}

TEST(Findings, beyond_the_limit_they_are_counted) {
  Findings findings;
  for (uint32_t line = 1; line <= Findings::limit + 7; ++line)
    findings.add(findingAt(line));
  findings.add(findingAt(1));
  EXPECT_EQ(findings.dropped(), 7u);
  EXPECT_EQ(findings.take().size(), size_t(Findings::limit));
}

TEST(Findings, both_parties_are_printed) {
  Finding finding = findingAt(431);
  finding.message = "read after write of shared memory at 4096\nfix: a barrier";
  finding.party.block = {3, 0, 0};
  finding.party.warp = 2;
  finding.party.lanes = 0xf000000f;
  finding.other = finding.party;
  finding.other.line = 398;
  finding.other.warp = 0;
  finding.other.lanes = 1u << 5;
  finding.times = 12;
  auto text = [](const void *, uint32_t line) -> std::string_view {
    return line == 431 ? "ldmatrix" : "cp.async";
  };
  EXPECT_EQ(print(finding, text, nullptr),
            "error: race: read after write of shared memory at 4096\n"
            "  block (3,0,0), warp 2, lanes 0-3, 28-31, line 431:  ldmatrix\n"
            "  with: warp 0, lane 5, line 398:  cp.async\n"
            "  fix: a barrier\n"
            "  seen 12 times\n");
}

TEST(Findings, a_party_in_another_block_is_named_with_it) {
  Finding finding = findingAt(2);
  finding.other = finding.party;
  finding.other.block = {1, 0, 0};
  EXPECT_NE(print(finding, noText, nullptr).find("with: block (1,0,0)"), std::string::npos);
}

TEST(Findings, every_kind_has_words) {
  std::set<std::string> names;
  for (int kind = 0; kind <= int(FindingKind::Fault); ++kind)
    names.insert(describe(FindingKind(kind)));
  EXPECT_EQ(names.size(), size_t(FindingKind::Fault) + 1);
}

namespace {

struct Counted {
  Counted() {
    program.target = 80;
    program.code.resize(2);
    program.code[0].kind = InstructionClass::Special;
    program.code[0].line = 1;
    program.code[1].kind = InstructionClass::Tensor;
    program.code[1].line = 3;
    counters.lines.resize(2);
    counters.lines[0].executed = 10;
    counters.lines[0].lanesOff = 160;
    counters.lines[1].executed = 4;
    counters.lines[1].tensorFlops = 4 * 4096;
    counters.blocks = 1;
  }
  Program program;
  Counters counters;
};

} // namespace

TEST(Counters, sums_take_the_most_bytes_in_flight) {
  Counters sum, one = Counted().counters;
  one.mostBytesInFlight = 100;
  sum.add(one);
  one.mostBytesInFlight = 40;
  sum.add(one);
  EXPECT_EQ(sum.lines[1].tensorFlops, 2u * 4 * 4096);
  EXPECT_EQ(sum.blocks, 2u);
  EXPECT_EQ(sum.mostBytesInFlight, 100u);
}

TEST(Counters, the_estimate_says_what_bounds_and_that_it_is_one) {
  Counted counted;
  std::string text = print(counted.counters, counted.program, "ex2\n\n\tmma; \n", 5);
  EXPECT_NE(text.find("estimate, no timing"), std::string::npos);
  // 160 lanes at 16 a clock; 16384 flops at 2048 a clock.
  EXPECT_NE(text.find("10  special functions  <- bounds it"), std::string::npos) << text;
  EXPECT_NE(text.find("8  tensor cores\n"), std::string::npos) << text;
}

TEST(Counters, the_costliest_line_stands_first_with_its_text) {
  Counted counted;
  std::string text = print(counted.counters, counted.program, "ex2\n\n\tmma; \n", 5);
  size_t first = text.find("1:  ex2\n"), second = text.find("3:  mma;\n");
  EXPECT_NE(second, std::string::npos) << text;
  EXPECT_LT(first, second);
  std::string one = print(counted.counters, counted.program, "ex2\n\n\tmma;", 1);
  EXPECT_EQ(one.find("mma;"), std::string::npos);
}
