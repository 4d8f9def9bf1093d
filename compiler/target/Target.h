// SPDX-License-Identifier: Apache-2.0
// What can the hardware that code is made for do? Every hardware number of the compiler, once.
#ifndef ATTUNE_COMPILER_TARGET_TARGET_H
#define ATTUNE_COMPILER_TARGET_TARGET_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <string>

namespace attune {

enum class TargetKind { Host, Cuda };

struct Target {
  llvm::StringRef name;
  TargetKind kind;

  // Host: what one core offers.
  int64_t vectorBytes = 0;
  int64_t vectorRegisters = 0;
  /// Fused multiply-add and conversions of f16; rounding to integral values (SSE4.1); scaling by
  /// powers of two (`vscalefps`).
  bool fuses = false, rounds = false, scales = false;
  int64_t firstCacheBytes = 0;
  int64_t secondCacheBytes = 0;

  // CUDA: what one multiprocessor offers.
  int64_t warpThreads = 0;
  int64_t blockThreads = 0;
  int64_t threadRegisters = 0;
  int64_t blockRegisters = 0;
  int64_t blockSharedBytes = 0;
  /// Rows of one warp's matrix product; a warp owns a multiple of them.
  int64_t warpQueries = 0;
  /// Components of a row's result that its threads' registers carry, beside scores; 0: any.
  int64_t valueComponents = 0;
  /// Rows of a warpgroup's matrix product, whose operands lie in shared memory; 0 where there is none.
  int64_t warpgroupQueries = 0;
  /// Keys of that product at most, and vector components of a product that adds values.
  int64_t warpgroupKeys = 0;
  /// With 1, 2, .. multiplying warpgroups in a block: registers of their threads, and of those of the
  /// warpgroup that copies; and where that one also finds out which tiles there are.
  struct RegisterSplit {
    int64_t multiplying = 0, copying = 0;
  };
  static constexpr int64_t greatestWarpgroups = 3;
  RegisterSplit registerSplits[greatestWarpgroups] = {}, scanningSplits[greatestWarpgroups] = {};

  bool isHost() const { return kind == TargetKind::Host; }

  /// The target of that name, or null.
  static const Target *find(llvm::StringRef name);
  /// All targets; hosts from the least to the most demanding.
  static llvm::ArrayRef<Target> all();
  /// "x86-64, x86-64-v3, ...", for messages.
  static std::string names();
};

} // namespace attune

#endif // ATTUNE_COMPILER_TARGET_TARGET_H
