// SPDX-License-Identifier: Apache-2.0
// The table of host levels.
#include "compiler/target/host/HostLevel.h"

namespace attune {

llvm::ArrayRef<HostFacts> getHostLevels() {
  static const HostFacts levels[] = {
      {HostLevel::X86_64, "x86-64", 4, 16, false, false, false},
      {HostLevel::V3, "x86-64-v3", 8, 16, true, true, false},
      {HostLevel::V4, "x86-64-v4", 16, 32, true, true, true},
  };
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
