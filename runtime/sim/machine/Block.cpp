// SPDX-License-Identifier: Apache-2.0
// A block's memories and warps at its start.
#include "runtime/sim/machine/Block.h"

#include <algorithm>
#include <atomic>

namespace attune::sim {

static uint32_t sharedBytes(const Launch &launch) {
  return uint32_t(launch.program.staticSharedBytes) + launch.dynamicSharedBytes;
}

Block::Block(Cluster &cluster, std::array<uint32_t, 3> index, uint32_t rank)
    : cluster(cluster), launch(cluster.launch), index(index), rank(rank),
      shared(*this, sharedBase(), sharedBytes(cluster.launch)) {
  uint32_t threads = launch.threads[0] * launch.threads[1] * launch.threads[2];
  local.assign(launch.program.localBytes * threads, 0xff);
  for (uint32_t first = 0; first < threads; first += warpSize) {
    uint32_t lanes = std::min(threads - first, uint32_t(warpSize));
    Mask mask = lanes == warpSize ? allLanes : (Mask(1) << lanes) - 1;
    warps.emplace_back(*this, first / warpSize, mask);
    warps.back().agent = cluster.clocks.add();
  }
}

Block::~Block() = default;

uint8_t *Block::localOf(const Warp &warp, unsigned lane) {
  return local.data() + launch.program.localBytes * (warp.index * warpSize + lane);
}

unsigned Block::nextUnitNumber() {
  static std::atomic<unsigned> next{0};
  return next++;
}

} // namespace attune::sim
