// SPDX-License-Identifier: Apache-2.0
// What do branches carry beyond their record?
#pragma once

#include "runtime/sim/program/Program.h"

namespace attune::sim {

/// Of brx.idx: where each index goes.
struct BranchTable : Detail {
  std::vector<uint32_t> targets;
};

} // namespace attune::sim
