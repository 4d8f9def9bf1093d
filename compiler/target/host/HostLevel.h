// SPDX-License-Identifier: Apache-2.0
// What does each level of x86-64 offer to vector code? Read from the table of targets (Target.h), which
// has them in this order.
#ifndef ATTUNE_COMPILER_TARGET_HOST_HOSTLEVEL_H
#define ATTUNE_COMPILER_TARGET_HOST_HOSTLEVEL_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include <cstdint>
#include <optional>

namespace attune {

/// The levels of the x86-64 psABI supplement that we compile for.
enum class HostLevel { X86_64, V3, V4 };

struct HostFacts {
  HostLevel level;
  /// The bundle's target name, which is also LLVM's name of the processor.
  const char *name;
  /// f32 lanes of a vector register, and the number of vector registers.
  int64_t lanes, registers;
  /// Fused multiply-add, and conversions of f16, in hardware (v3).
  bool fused;
  /// Rounding to integral values in hardware (SSE4.1; v3).
  bool rounds;
  /// `vscalefps` (v4).
  bool scales;
};

/// All levels, the plainest first.
llvm::ArrayRef<HostFacts> getHostLevels();

const HostFacts &getHostFacts(HostLevel level);

/// The best level that this processor has; the plainest where it is no x86-64.
HostLevel detectHostLevel();

/// The level that a bundle calls `target` ("x86-64-v3").
std::optional<HostLevel> findHostLevel(llvm::StringRef target);

} // namespace attune

#endif // ATTUNE_COMPILER_TARGET_HOST_HOSTLEVEL_H
