// SPDX-License-Identifier: Apache-2.0
// Do lanes meet where they should? Each flow is written as PTX, with a label M where lanes that the
// branch in question parts have to meet.
#include "runtime/sim/program/ControlFlow.h"
#include "runtime/sim/program/Decoder.h"
#include "test/runtime/sim/ptx/SampleText.h"

#include "gtest/gtest.h"

#include <algorithm>
#include <random>

using namespace attune::sim;

namespace {

struct Flow {
  explicit Flow(const std::string &body)
      : module(ptx::parse(sampleModule(body))), function(module.functions.at(0)), flow(function) {}
  uint32_t size() const { return uint32_t(function.statements.size()); }
  /// Where the n-th statement that is guarded, or a brx, meets.
  uint32_t meeting(size_t n = 0) const {
    for (uint32_t i = 0; i < size(); ++i)
      if (function.statements[i].guard != ptx::Statement::unguarded ||
          function.statements[i].opcode[0] == "brx")
        if (n-- == 0)
          return flow.meeting(i);
    ADD_FAILURE() << "no such branch";
    return 0;
  }
  /// The statement that a `frob N` marks.
  uint32_t mark(int64_t number) const {
    for (uint32_t i = 0; i < size(); ++i) {
      const ptx::Statement &statement = function.statements[i];
      if (statement.opcode[0] == "frob" && statement.operands.size() == 1 &&
          statement.operands[0].bits == number)
        return i;
    }
    ADD_FAILURE() << "no such mark";
    return 0;
  }

  ptx::Module module;
  const ptx::Function &function;
  ControlFlow flow;
};

TEST(ControlFlow, BranchOverStatements) {
  Flow flow("@%p1 bra M; frob; M: frob 1;");
  EXPECT_EQ(flow.meeting(), flow.mark(1));
}

TEST(ControlFlow, BothSidesOfACondition) {
  Flow flow("@%p1 bra ELSE; frob; bra.uni M; ELSE: frob; frob; M: frob 1;");
  EXPECT_EQ(flow.meeting(), flow.mark(1));
}

TEST(ControlFlow, ConditionsNest) {
  Flow flow(R"(
  @%p1 bra ELSE;
    @!%p2 bra INNER; frob; INNER: frob 2; bra M;
  ELSE:
    @%p3 bra THIRD; frob; bra FOURTH; THIRD: frob; FOURTH: frob 3;
  M: frob 1;)");
  EXPECT_EQ(flow.meeting(0), flow.mark(1));
  EXPECT_EQ(flow.meeting(1), flow.mark(2));
  EXPECT_EQ(flow.meeting(2), flow.mark(3));
}

TEST(ControlFlow, LoopsMeetBehindTheirBackEdge) {
  Flow flow("L: frob; @%p1 bra L; frob 1;");
  EXPECT_EQ(flow.meeting(), flow.mark(1));
}

TEST(ControlFlow, LoopWithABreak) {
  Flow flow("L: frob; @%p1 bra M; frob; @%p2 bra L; frob; M: frob 1;");
  EXPECT_EQ(flow.meeting(0), flow.mark(1));
  EXPECT_EQ(flow.meeting(1), flow.mark(1));
}

TEST(ControlFlow, LoopWithAContinue) {
  Flow flow("L: @%p1 bra NEXT; frob; NEXT: frob 2; @%p2 bra L; frob 1;");
  EXPECT_EQ(flow.meeting(0), flow.mark(2));
  EXPECT_EQ(flow.meeting(1), flow.mark(1));
}

TEST(ControlFlow, LoopsThatShareABackEdge) {
  Flow flow("A: frob; B: frob; @%p1 bra A; @%p2 bra B; frob 1;");
  EXPECT_EQ(flow.meeting(1), flow.mark(1));
  // Lanes that go round again pass B, but those that fall through need not: all pass the end.
  EXPECT_EQ(flow.meeting(0), flow.mark(1) - 1);
}

TEST(ControlFlow, JumpsIntoLoops) {
  // Two ways into the loop A-B: no loop header dominates it.
  Flow flow("@%p1 bra B; A: frob; B: frob 2; @%p2 bra A; frob 1;");
  EXPECT_EQ(flow.meeting(0), flow.mark(2));
  EXPECT_EQ(flow.meeting(1), flow.mark(1));
}

TEST(ControlFlow, TheEndOfTheTextIsTheNumberOfStatements) {
  ptx::Module module = ptx::parse(".version 8.0\n.target sm_80\n.entry k() { .reg .pred p;"
                                  "@p bra B; frob; bra END; B: frob; END: }");
  EXPECT_EQ(ControlFlow(module.functions.at(0)).meeting(0), 4u);
}

TEST(ControlFlow, BranchThroughATable) {
  Flow flow(R"(
  T: .branchtargets A, B, C;
  brx.idx %r1, T;
  A: frob; bra M;
  B: frob;
  C: frob 2;
  M: frob 1;)");
  EXPECT_EQ(flow.meeting(), flow.mark(1));
  Flow fallen("T: .branchtargets A, B; brx.idx %r1, T; A: frob; B: frob 1;");
  EXPECT_EQ(fallen.meeting(), fallen.mark(1));
}

TEST(ControlFlow, TablesShareTheirTargets) {
  Flow flow(R"(
  T: .branchtargets A, B;
  @%p1 bra SECOND;
  brx.idx %r1, T;
  SECOND: brx.idx %r2, T;
  A: frob;
  B: frob 1;)");
  EXPECT_EQ(flow.meeting(0), flow.mark(1));
  EXPECT_EQ(flow.meeting(1), flow.mark(1));
  EXPECT_EQ(flow.meeting(2), flow.mark(1));
}

//===-- Exits ---===//

TEST(ControlFlow, EarlyExitsDoNotKeepTheOthersApart) {
  Flow flow(R"(
  @%p1 bra M;
    @%p2 exit;
    frob;
    @%p3 bra OUT;
    frob 2;
  M: frob 1;
  bar.sync 0;
  ret;
  OUT: trap;
  bra OUT2; OUT2: frob 3; )");
  EXPECT_EQ(flow.meeting(0), flow.mark(1));
}

TEST(ControlFlow, AGuardedExitGoesOnForTheRest) {
  Flow flow("@%p1 ret; frob 1;");
  EXPECT_EQ(flow.meeting(), flow.mark(1));
}

TEST(ControlFlow, ABranchThatLeavesKeepsTheOthersTogether) {
  Flow flow(R"(
  @%p1 bra M;
    @%p2 bra END;
    frob 2;
    @%p3 bra TOEND;
    frob 3;
  M: frob 1;
  bar.sync 0;
  bra END;
  TOEND: bra END;
  END:)");
  EXPECT_EQ(flow.meeting(0), flow.mark(1));
  EXPECT_EQ(flow.meeting(1), flow.mark(2));
  EXPECT_EQ(flow.meeting(2), flow.mark(3));
}

TEST(ControlFlow, ALoopThatLeavesTheFunction) {
  Flow flow("L: frob 3; @%p1 bra X; frob; X: frob 2; @%p2 bra L;");
  EXPECT_EQ(flow.meeting(0), flow.mark(2));
  EXPECT_EQ(flow.meeting(1), flow.mark(3));
}

TEST(ControlFlow, ASideThatOnlyExitsLetsTheOtherGoOn) {
  Flow flow("@%p1 bra GO; frob; ret; GO: frob 1;");
  EXPECT_EQ(flow.meeting(), flow.mark(1));
}

TEST(ControlFlow, TrapsCountLeast) {
  Flow flow("@%p1 bra M; @%p2 bra OUT; frob; M: frob 1; ret; OUT: frob; trap;");
  EXPECT_EQ(flow.meeting(0), flow.mark(1));
}

TEST(ControlFlow, BothSidesExit) {
  Flow flow("@%p1 bra B; frob; ret; B: frob 1; @%p2 bra C; frob; C: frob 2; ret;");
  EXPECT_EQ(flow.meeting(1), flow.mark(2));
}

TEST(ControlFlow, AnExitInTheMiddleOfTheTextHasItsOwnMeetings) {
  Flow flow("@%p1 bra MAIN; @%p2 bra X; frob; X: frob 2; ret; MAIN: frob 1;");
  EXPECT_EQ(flow.meeting(0), flow.mark(1));
  EXPECT_EQ(flow.meeting(1), flow.mark(2));
}

TEST(ControlFlow, LoopsWithoutAnExitAreFollowed) {
  Flow flow("L: @%p1 bra M; frob; M: frob 1; bra L;");
  EXPECT_EQ(flow.meeting(), flow.mark(1));
  Flow alone("@%p1 bra L; frob; L: bra L;");
  EXPECT_EQ(alone.meeting(), 2u);
}

TEST(ControlFlow, StatementsThatNothingReachesDoNoHarm) {
  Flow flow("@%p1 bra M; bra M; frob; X: @%p2 bra X; bra M; M: frob 1;");
  EXPECT_EQ(flow.meeting(0), flow.mark(1));
}

//===-- Against the definition, and size ---===//

using Successors = std::vector<std::vector<uint32_t>>;

/// What can be reached from behind `start` without passing `removed`.
std::vector<bool> reach(const Successors &successors, uint32_t start, uint32_t removed) {
  std::vector<bool> seen(successors.size());
  std::vector<uint32_t> open(1, start);
  while (!open.empty()) {
    uint32_t at = open.back();
    open.pop_back();
    for (uint32_t next : successors[at])
      if (next != removed && !seen[next]) {
        seen[next] = true;
        open.push_back(next);
      }
  }
  return seen;
}

/// What ControlFlow promises for flows that have one exit, by brute force: the nearest statement
/// without which the exit cannot be reached.
uint32_t nearestRequired(const Successors &successors, uint32_t from) {
  uint32_t end = uint32_t(successors.size()) - 1;
  std::vector<uint32_t> required;
  for (uint32_t i = 0; i < end; ++i)
    if (i != from && !reach(successors, from, i)[end])
      required.push_back(i);
  // All of them are passed in one order: the others are behind the nearest.
  for (uint32_t candidate : required) {
    std::vector<bool> before = reach(successors, from, candidate);
    if (std::none_of(required.begin(), required.end(), [&](uint32_t i) { return before[i]; }))
      return candidate;
  }
  return end;
}

TEST(ControlFlow, AgreesWithTheDefinitionOnRandomFlows) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    uint32_t size = 3 + random() % 14;
    std::vector<std::vector<uint32_t>> successors(size + 1);
    std::string text;
    for (uint32_t i = 0; i < size; ++i) {
      uint32_t target = random() % (size + 1), kind = random() % 4;
      text += "L" + std::to_string(i) + ": ";
      if (kind < 2) {
        text += (kind ? "@%p1 bra L" : "bra L") + std::to_string(target) + ";\n";
        successors[i].push_back(target);
      } else {
        text += "frob;\n";
      }
      if (kind)
        successors[i].push_back(i + 1);
    }
    Flow flow(text + "L" + std::to_string(size) + ": frob;");
    for (uint32_t i = 0; i < size; ++i) {
      // Those that cannot end have other rules.
      if (!reach(successors, i, size + 1)[size])
        continue;
      EXPECT_EQ(flow.flow.meeting(i), nearestRequired(successors, i)) << i << "\n" << text;
    }
  }
}

TEST(ControlFlow, LongTextTakesLittleTime) {
  std::string text = "T: .branchtargets M";
  for (int i = 0; i < 20000; ++i)
    text += ", L" + std::to_string(i);
  text += ";\n";
  for (int i = 0; i < 20000; ++i)
    text += "L" + std::to_string(i) + ": @%p1 bra L" + std::to_string(19999 - i) +
            "; brx.idx %r1, T;\n";
  Flow flow(text + "M: frob 1;");
  EXPECT_EQ(flow.meeting(39998), flow.mark(1));
}

//===-- What is written into programs ---===//

TEST(ControlFlow, MarksBranchesAndMeetings) {
  ptx::Module module = ptx::parse(sampleModule(R"(
  @%p1 bra M;
  brkpt;
  M: brkpt;
  L: @%p2 bra L;
  bra.uni N;
  N: brkpt;
)"));
  auto program = decode(module, module.functions.at(0));
  ASSERT_EQ(program->code.size(), 7u);
  EXPECT_EQ(program->code[0].target, 2u);
  EXPECT_EQ(program->code[0].reconverge, 2u);
  EXPECT_EQ(program->code[3].reconverge, 4u);
  EXPECT_EQ(program->code[4].target, 5u);
  for (size_t i = 0; i < program->code.size(); ++i)
    EXPECT_EQ(bool(program->code[i].flags & Joins), i == 2 || i == 4) << i;
}

TEST(ControlFlow, MarksInstructionsThatTouchTensorRegisters) {
  Program program;
  program.code.resize(4);
  program.uses.resize(4);
  program.uses[0].reads = {1, 2};
  program.uses[1].writes = {3};
  program.uses[2].reads = {0, 4};
  program.rows = 5;
  markTensorRegisters(program);
  EXPECT_EQ(program.code[0].flags, 0);
  program.tensorRows = {false, false, true, true};
  markTensorRegisters(program);
  EXPECT_TRUE(program.code[0].flags & TouchesTensorRegisters);
  EXPECT_TRUE(program.code[1].flags & TouchesTensorRegisters);
  EXPECT_FALSE(program.code[2].flags & TouchesTensorRegisters);
  EXPECT_FALSE(program.code[3].flags & TouchesTensorRegisters);
}

} // namespace
