// SPDX-License-Identifier: Apache-2.0
// Which tiles do warpgroups multiply (sm_90a), and does a choice fit them?
#include "compiler/plan/WarpgroupChoice.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir;
using namespace attune;
using tile::ConfigAttr;

/// Registers of a thread and shared memory that no tile fills: row state and loop counters, barriers.
static constexpr int64_t OtherRegisters = 24;
static constexpr int64_t OtherSharedBytes = 1024;

/// Scores, or the weights of each carried vector that they become, weights rounded, carried vectors; what is
/// known of a thread's keys, which are a quarter of the tile's, and of its pairs, twice as many.
static int64_t getTileRegisters(ConfigAttr config, const KernelShape &shape) {
  int64_t vectors = std::max<int64_t>(1, shape.accumulatorWidths.size());
  int64_t keys = config.getKeys() / 4, pairs = config.getKeys() / 2;
  // Of reads at pairs some have been asked for, with their addresses, while others have come.
  int64_t reads = shape.pairReads ? pairs + keys * shape.pairReads : 0;
  return pairs * (std::max(shape.matrices, vectors) + shape.comparedTwice + shape.running) + reads +
         keys * (vectors + shape.keyNumbers) + llvm::sum_of(shape.accumulatorWidths) / 2;
}

std::string attune::checkWarpgroups(ConfigAttr config, const Target &target,
                                    const KernelShape &shape) {
  std::string text;
  llvm::raw_string_ostream out(text);
  int64_t groups = config.getWarpgroups(), rows = target.warpgroupQueries;
  int64_t groupThreads = rows / target.warpQueries * target.warpThreads;
  int64_t shared = getSharedBytes(config, target, shape);
  int64_t registers = getTileRegisters(config, shape) + OtherRegisters;
  // Those that copy keep more where they look for the tiles. Long carried vectors are the same in all tiles, and
  // fewer keys than fit would only rescale them more often.
  const auto &splits = shape.hasScatteredKeys && llvm::sum_of(shape.accumulatorWidths) <= 128
                           ? target.scanningSplits
                           : target.registerSplits;
  if (!rows)
    out << "expected warpgroups = 0 on " << target.name << ", which has no products of warpgroups, "
        << "but got " << groups;
  else if (groups < 0 || groups > Target::greatestWarpgroups ||
           config.getQueries() != groups * rows ||
           config.getThreads() != (groups + 1) * groupThreads)
    out << "expected at most " << Target::greatestWarpgroups << " warpgroups with " << rows
        << " queries and " << groupThreads << " threads each, and " << groupThreads
        << " threads more, but got " << groups << " warpgroups, " << config.getQueries()
        << " queries and " << config.getThreads() << " threads";
  else if (config.getKeys() % 16 != 0 || config.getKeys() > target.warpgroupKeys)
    out << "expected keys to be a multiple of 16 up to " << target.warpgroupKeys << ", but got "
        << config.getKeys();
  else if (config.getStages() < 2)
    out << "expected at least 2 stages where one warpgroup copies ahead, but got "
        << config.getStages();
  else if (shared > target.blockSharedBytes - OtherSharedBytes)
    out << "expected at most " << target.blockSharedBytes - OtherSharedBytes
        << " bytes of tiles in shared memory on " << target.name << ", but got " << shared
        << "; use fewer keys or stages";
  else if (registers > splits[groups - 1].multiplying)
    out << "expected at most " << splits[groups - 1].multiplying << " registers a thread on "
        << target.name << ", but the tiles take about " << registers
        << "; use fewer keys or warpgroups";
  for (int64_t width : shape.accumulatorWidths)
    if (text.empty() && (width % 64 != 0 || width > target.warpgroupKeys))
      out << "expected values of a multiple of 64 up to " << target.warpgroupKeys
          << " components where warpgroups multiply, but got " << width << "; use warpgroups=0";
  // A row of a box is one copy, and the permutation in shared memory repeats every 8 tokens.
  for (DenseI64ArrayAttr box : {config.getQueryBox(), config.getKeyBox()})
    if (text.empty() && box && box.asArrayRef().back() % 8 != 0)
      out << "expected boxes whose last size is a multiple of 8 where warpgroups multiply, but got "
          << box.asArrayRef().back() << "; use warpgroups=0";
  return text;
}

ConfigAttr attune::chooseWarpgroups(MLIRContext *context, const Target &target,
                                    const KernelShape &shape) {
  if (!target.warpgroupQueries || shape.keyWidths.empty() || shape.accumulatorWidths.empty())
    return {};
  int64_t groupThreads = target.warpgroupQueries / target.warpQueries * target.warpThreads;
  // With three, a thread has few registers beside its tiles.
  constexpr int64_t mostPairOpsOfThree = 8;
  // What scattered keys are compared with takes registers that long carried vectors, or three
  // warpgroups, do not leave.
  bool crowded = shape.hasScatteredKeys && llvm::sum_of(shape.accumulatorWidths) > 128;
  for (int64_t groups : {3, 2, 1})
    for (int64_t keys : {128, 112, 96, 80, 64, 48, 32}) {
      if (groups == 3 &&
          (shape.pairOps > mostPairOpsOfThree || shape.hasScatteredKeys || keys < 128))
        continue;
      if (crowded && keys > 64)
        continue;
      if (shape.packedHeads && groups * target.warpgroupQueries % (8 * shape.packedHeads) != 0)
        continue; // the least queries of a head that are copied
      auto config = ConfigAttr::get(context, groups * target.warpgroupQueries, keys,
                                    (groups + 1) * groupThreads, 2, {}, {}, groups, 0);
      if (checkWarpgroups(config, target, shape).empty())
        return config;
    }
  return {};
}
