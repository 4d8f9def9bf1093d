// SPDX-License-Identifier: Apache-2.0
// The host levels, as the table of targets has them.
#include "compiler/target/host/HostLevel.h"

#include "compiler/target/Target.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/TargetParser/Host.h"

namespace attune {

static llvm::SmallVector<HostFacts, 3> readLevels() {
  llvm::SmallVector<HostFacts, 3> levels;
  for (const Target &target : Target::all())
    if (target.isHost())
      levels.push_back({HostLevel(levels.size()), target.name.data(),
                        target.vectorBytes / int64_t(sizeof(float)), target.vectorRegisters,
                        target.fuses, target.rounds, target.scales});
  return levels;
}

llvm::ArrayRef<HostFacts> getHostLevels() {
  static const llvm::SmallVector<HostFacts, 3> levels = readLevels();
  return levels;
}

const HostFacts &getHostFacts(HostLevel level) { return getHostLevels()[unsigned(level)]; }

HostLevel detectHostLevel() {
  llvm::StringMap<bool> features = llvm::sys::getHostCPUFeatures();
  auto hasAll = [&](std::initializer_list<llvm::StringRef> names) {
    return llvm::all_of(names, [&](llvm::StringRef name) { return features.lookup(name); });
  };
  if (!hasAll({"avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe"}))
    return HostLevel::X86_64;
  return hasAll({"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}) ? HostLevel::V4
                                                                             : HostLevel::V3;
}

std::optional<HostLevel> findHostLevel(llvm::StringRef target) {
  for (const HostFacts &facts : getHostLevels())
    if (target == facts.name)
      return facts.level;
  return std::nullopt;
}

} // namespace attune
