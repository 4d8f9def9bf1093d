// SPDX-License-Identifier: Apache-2.0
// The host levels, as the table of targets has them.
#include "compiler/target/host/HostLevel.h"

#include "compiler/target/Target.h"
#include "llvm/ADT/SmallVector.h"

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

std::optional<HostLevel> findHostLevel(llvm::StringRef target) {
  for (const HostFacts &facts : getHostLevels())
    if (target == facts.name)
      return facts.level;
  return std::nullopt;
}

} // namespace attune
