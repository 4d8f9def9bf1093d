// SPDX-License-Identifier: Apache-2.0
// What can the hardware that code is made for do?
#include "compiler/target/Target.h"

#include "llvm/ADT/STLExtras.h"

using namespace attune;

/// A level of the x86-64 psABI. Caches are the smallest among cores of that level that matter.
static Target host(llvm::StringRef name, int64_t vectorBytes, int64_t vectorRegisters, bool fuses,
                   bool scales) {
  Target target{name, TargetKind::Host};
  target.fuses = target.rounds = fuses; // both come with v3
  target.scales = scales;
  target.vectorBytes = vectorBytes;
  target.vectorRegisters = vectorRegisters;
  target.firstCacheBytes = 32 << 10;
  target.secondCacheBytes = 512 << 10;
  return target;
}

/// CUDA C++ Programming Guide, "Technical Specifications per Compute Capability", column 8.0; the
/// shape of a warp's product is that of mma.sync.m16n8k16 (PTX ISA, "Matrix multiply-accumulate").
static Target sm80() {
  Target target{"sm_80", TargetKind::Cuda};
  target.warpThreads = 32;
  target.blockThreads = 1024;
  target.threadRegisters = 255;
  target.blockRegisters = 64 << 10;
  target.blockSharedBytes = 163 << 10;
  target.warpQueries = 16;
  target.valueComponents = 256; // 16 rows of them are half of a warp's registers
  return target;
}

/// The same, column 9.0; wgmma.mma_async.m64nNk16 (PTX ISA, "Asynchronous warpgroup level matrix
/// instructions").
static Target sm90a() {
  Target target = sm80();
  target.name = "sm_90a";
  target.blockSharedBytes = 227 << 10;
  target.warpgroupQueries = 64;
  target.warpgroupKeys = 256;
  // Multiples of 8 that together are within the block's registers (setmaxnreg); with one warpgroup
  // every thread has as many as it can address.
  target.registerSplits[0] = {255, 255};
  target.registerSplits[1] = {240, 24};
  target.registerSplits[2] = {160, 32};
  target.scanningSplits[0] = {255, 255};
  target.scanningSplits[1] = {224, 56};
  target.scanningSplits[2] = {152, 56};
  return target;
}

llvm::ArrayRef<Target> Target::all() {
  static const Target targets[] = {host("x86-64", 16, 16, false, false),
                                   host("x86-64-v3", 32, 16, true, false),
                                   host("x86-64-v4", 64, 32, true, true), sm80(), sm90a()};
  return targets;
}

const Target *Target::find(llvm::StringRef name) {
  const auto *found =
      llvm::find_if(all(), [&](const Target &target) { return target.name == name; });
  return found == all().end() ? nullptr : found;
}

std::string Target::names() {
  std::string names;
  for (const Target &target : all())
    names += (names.empty() ? "" : ", ") + target.name.str();
  return names;
}
