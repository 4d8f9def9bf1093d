// SPDX-License-Identifier: Apache-2.0
// What can this processor do, and how many threads may run on it?
#pragma once

#include <string_view>

namespace attune::device {

/// Instruction sets of x86-64, each including the ones before it, as the psABI defines the levels.
enum class HostIsa { Baseline, V3, V4 };

inline constexpr std::string_view hostIsaNames[] = {"x86-64", "x86-64-v3", "x86-64-v4"};

/// The richest level that the processor has and the operating system saves the registers of.
HostIsa detectHostIsa();

/// "x86-64-v3" and the like; false when it is none of them.
bool parseHostIsa(std::string_view name, HostIsa &isa);

/// Cores that this process may use; at least 1.
int usableCores();

} // namespace attune::device
