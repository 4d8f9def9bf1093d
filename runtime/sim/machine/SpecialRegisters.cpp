// SPDX-License-Identifier: Apache-2.0
// Indices come from the launch, masks from the lane, clocks from the instructions executed.
#include "runtime/sim/machine/SpecialRegisters.h"

#include "runtime/sim/machine/Block.h"

namespace attune::sim {

using ptx::Special;

static std::array<uint32_t, 3> threadIndex(const Warp &warp, unsigned lane) {
  const auto &threads = warp.block.launch.threads;
  uint32_t flat = warp.index * warpSize + lane;
  return {flat % threads[0], flat / threads[0] % threads[1], flat / threads[0] / threads[1]};
}

/// The index of the block in its cluster, of the cluster in the grid, or the number of clusters.
static uint32_t clusterValue(const Launch &launch, const Block &block, Special special) {
  auto at = [&](Special first) { return size_t(special) - size_t(first); };
  if (special >= Special::ClusterIdX && special <= Special::ClusterIdZ) {
    size_t axis = at(Special::ClusterIdX);
    return block.index[axis] / launch.cluster[axis];
  }
  if (special >= Special::NclusterIdX && special <= Special::NclusterIdZ) {
    size_t axis = at(Special::NclusterIdX);
    return launch.grid[axis] / launch.cluster[axis];
  }
  if (special >= Special::ClusterCtaidX && special <= Special::ClusterCtaidZ) {
    size_t axis = at(Special::ClusterCtaidX);
    return block.index[axis] % launch.cluster[axis];
  }
  return launch.cluster[at(Special::ClusterNctaidX)];
}

static uint64_t laneMask(Special special, unsigned lane) {
  Mask here = Mask(1) << lane, below = here - 1;
  switch (special) {
  case Special::LanemaskEq: return here;
  case Special::LanemaskLe: return here | below;
  case Special::LanemaskLt: return below;
  case Special::LanemaskGe: return ~below;
  default: return Mask(~(here | below));
  }
}

bool changes(Special special) {
  switch (special) {
  case Special::Clock:
  case Special::ClockHi:
  case Special::Clock64:
  case Special::GlobalTimer:
  case Special::GlobalTimerLo:
  case Special::GlobalTimerHi: return true;
  default: return false;
  }
}

uint64_t specialValue(const Warp &warp, Special special, unsigned lane) {
  const Block &block = warp.block;
  const Launch &launch = block.launch;
  size_t number = size_t(special);
  auto among = [&](Special first) { return special >= first && number < size_t(first) + 3; };
  if (among(Special::TidX))
    return threadIndex(warp, lane)[number - size_t(Special::TidX)];
  if (among(Special::NtidX))
    return launch.threads[number - size_t(Special::NtidX)];
  if (among(Special::CtaidX))
    return block.index[number - size_t(Special::CtaidX)];
  if (among(Special::NctaidX))
    return launch.grid[number - size_t(Special::NctaidX)];
  if (special >= Special::ClusterIdX && special <= Special::ClusterNctaidZ)
    return clusterValue(launch, block, special);
  if (special >= Special::LanemaskEq && special <= Special::LanemaskGt)
    return laneMask(special, lane);
  uint64_t clock = block.cluster.instructionsExecuted();
  switch (special) {
  case Special::LaneId: return lane;
  case Special::WarpId: return warp.index;
  case Special::NwarpId: return block.warps.size();
  case Special::ClusterCtarank: return block.rank;
  case Special::ClusterNctarank:
    return uint64_t(launch.cluster[0]) * launch.cluster[1] * launch.cluster[2];
  case Special::IsExplicitCluster: return clusterValue(launch, block, Special::ClusterNctaidX) > 1;
  case Special::NsmId: return 1;
  case Special::Clock:
  case Special::GlobalTimerLo: return uint32_t(clock);
  case Special::ClockHi:
  case Special::GlobalTimerHi: return clock >> 32;
  case Special::Clock64:
  case Special::GlobalTimer: return clock;
  case Special::DynamicSharedSize: return launch.dynamicSharedBytes;
  case Special::TotalSharedSize: return block.shared.end() - block.shared.begin();
  default: return 0; // %smid, %gridid
  }
}

} // namespace attune::sim
