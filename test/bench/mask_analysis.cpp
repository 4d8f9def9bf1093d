// SPDX-License-Identifier: Apache-2.0
// How long does the analysis of a mask take, from expressions to a schedule with its level chosen?
// Prints a line a file, and ends with 1 if one takes longer than the limit in milliseconds.
//
//   build/dev/bin/mask-analysis LIMIT FILE.mlir...
#include "compiler/Compile.h"
#include "compiler/Dialects.h"
#include "compiler/problem/Prediction.h"

#include <cstdio>
#include <cstdlib>
#include <ctime>

using namespace attune;

namespace {

/// Of the processor, in the best of some runs: what else runs on the machine counts little.
double milliseconds(const SweepPlan &plan, mask::Level &level) {
  double best = 1e9;
  for (int run = 0; run < 5; ++run) {
    std::clock_t begin = std::clock();
    level = scheduleMask(plan, {{128, {}}, {64, {}}}).schedule.level;
    best = std::min(best, 1e3 * double(std::clock() - begin) / CLOCKS_PER_SEC);
  }
  return best;
}

} // namespace

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  double limit = argc > 1 ? std::atof(argv[1]) : 0, longest = 0;
  for (int file = 2; file < argc; ++file) {
    auto module = parseFile(argv[file], context);
    if (!module)
      return 1;
    for (auto kernel : module->getOps<attn::KernelOp>()) {
      auto primitives = runPasses(kernel, Stage::Attn, "", {});
      if (failed(primitives))
        return 1;
      auto plan = planSweeps(*(**primitives).getOps<attn::KernelOp>().begin());
      if (failed(plan))
        return 1;
      mask::Level level = mask::Level::All;
      double took = milliseconds(*plan, level);
      longest = std::max(longest, took);
      std::printf("%s: %.2f ms, level %s\n", kernel.getSymName().str().c_str(), took,
                  spell(level).str().c_str());
    }
  }
  std::printf("longest: %.2f ms\n", longest);
  return longest > limit;
}
