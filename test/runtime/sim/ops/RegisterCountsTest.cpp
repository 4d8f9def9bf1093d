// SPDX-License-Identifier: Apache-2.0
// Does setmaxnreg wait for registers that others give back, and are counts that cannot be found?
#include "test/runtime/sim/KernelRun.h"

using namespace attune::sim;
using namespace attune::sim::test;

namespace {

/// Warps from 4 on take registers, the four before give them back.
std::string exchange(const std::string &given, const std::string &taken) {
  return "setp.lt.u32 %p0, %r0, 128;\n@%p0 bra.uni GIVE;\n" + taken + "bra.uni END;\nGIVE:\n" +
         given + "END:\nst.global.b32 [%rd2], 1;\n";
}

std::string decrease(int count) {
  return "setmaxnreg.dec.sync.aligned.u32 " + std::to_string(count) + ";\n";
}
std::string increase(int count) {
  return "setmaxnreg.inc.sync.aligned.u32 " + std::to_string(count) + ";\n";
}

KernelRun kernel(const std::string &body, const std::string &directives = ".reqntid 384") {
  KernelRun run{body};
  run.directives = directives;
  run.threads = 384;
  return run;
}

/// 384 threads have 168 registers each: 3 * 168 = 24 + 2 * 240.
TEST(RegisterCounts, TakesWhatOthersGiveBack) {
  for (const Options &options : everyOrder()) {
    KernelRun run = kernel(exchange(decrease(24), increase(240)));
    run.options = options;
    EXPECT_EQ(runKernel(run).kinds(), "");
  }
}

TEST(RegisterCounts, WaitsForEverWhenThereAreTooFew) {
  for (const std::string &body :
       {exchange(decrease(32), increase(240)), exchange(decrease(24), increase(248)),
        exchange("", increase(240))}) {
    KernelOutcome outcome = runKernel(kernel(body));
    EXPECT_EQ(outcome.kinds(), "deadlock") << body;
    EXPECT_NE(outcome.report.find("that a setmaxnreg.inc waits for"), std::string::npos)
        << outcome.report;
  }
}

TEST(RegisterCounts, FindsCountsInTheWrongDirection) {
  EXPECT_EQ(runKernel(kernel(decrease(176))).kinds(), "barrier misuse");
  EXPECT_EQ(runKernel(kernel(increase(160))).kinds(), "barrier misuse");
  EXPECT_EQ(runKernel(kernel(decrease(24) + increase(24))).kinds(), "");
}

TEST(RegisterCounts, StartsWithWhatDirectivesSay) {
  EXPECT_EQ(runKernel(kernel(decrease(128), ".maxntid 384 .maxnreg 128")).kinds(), "");
  EXPECT_EQ(runKernel(kernel(decrease(136), ".maxntid 384 .maxnreg 128")).kinds(),
            "barrier misuse");
  EXPECT_EQ(runKernel(kernel(decrease(80), ".maxntid 384 .minnctapersm 2")).kinds(), "");
  EXPECT_EQ(runKernel(kernel(decrease(88), ".maxntid 384 .minnctapersm 2")).kinds(),
            "barrier misuse");
}

TEST(RegisterCounts, AreNotCountedWhenNoDirectiveSaysHowManyThereAre) {
  EXPECT_EQ(runKernel(kernel(exchange("", increase(240)), "")).kinds(), "");
}

} // namespace
