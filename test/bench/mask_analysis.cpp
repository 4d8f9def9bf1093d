// SPDX-License-Identifier: Apache-2.0
// How long does the analysis of a mask take: the choice of boxes, and from expressions to a schedule
// with its level chosen? Prints a line a kernel, and the longest of all.
//
//   build/dev/bin/mask-analysis FILE.mlir...
#include "compiler/Compile.h"
#include "compiler/Dialects.h"
#include "compiler/plan/BoxChoice.h"
#include "compiler/problem/Prediction.h"

#include <cstdio>
#include <ctime>

using namespace attune;

namespace {

/// Of the processor, in the best of some runs: what else runs on the machine counts little.
double milliseconds(llvm::function_ref<void()> work) {
  double best = 1e9;
  for (int run = 0; run < 5; ++run) {
    std::clock_t begin = std::clock();
    work();
    best = std::min(best, 1e3 * double(std::clock() - begin) / CLOCKS_PER_SEC);
  }
  return best;
}

} // namespace

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  registerDialects(registry);
  mlir::MLIRContext context(registry, mlir::MLIRContext::Threading::DISABLED);
  context.loadDialect<tile::TileDialect>(); // of the configuration
  double longest = 0;
  for (int file = 1; file < argc; ++file) {
    auto module = parseFile(argv[file], context);
    if (!module)
      return 1;
    for (auto kernel : module->getOps<attn::KernelOp>()) {
      auto primitives = runPasses(kernel, Stage::Attn, "", {});
      if (failed(primitives))
        return 1;
      attn::KernelOp planned = *(**primitives).getOps<attn::KernelOp>().begin();
      auto plan = planSweeps(planned);
      if (failed(plan))
        return 1;
      KernelShape shape = getKernelShape(*plan, planned);
      tile::ConfigAttr config = chooseTiles(&context, *Target::find("sm_80"), shape), chosen;
      double boxes = milliseconds([&] { chosen = chooseBoxes(config, *plan, shape); });
      TilePair tiles = getTiles(chosen);
      mask::Level level = mask::Level::All;
      double took = milliseconds([&] { level = scheduleMask(*plan, tiles).schedule.level; });
      longest = std::max(longest, took + boxes);
      std::printf("%s: %.2f ms, level %s; tiles of %s queries, %s keys chosen in %.2f ms\n",
                  kernel.getSymName().str().c_str(), took, spell(level).str().c_str(),
                  spell(tiles.queries).c_str(), spell(tiles.keys).c_str(), boxes);
    }
  }
  std::printf("longest: %.2f ms\n", longest);
  return 0;
}
