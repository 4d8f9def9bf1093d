// SPDX-License-Identifier: Apache-2.0
// membar and fence. Strong accesses order what stands around them in any case (see SharedMemory),
// so of the fences only those between proxies have something to do.
#include "runtime/sim/machine/Block.h"
#include "runtime/sim/ops/Mbarrier.h"
#include "runtime/sim/ops/Ops.h"

#include <atomic>

namespace attune::sim {

namespace {

Outcome runThreadFence(Warp &, const Instruction &, Mask) {
  std::atomic_thread_fence(std::memory_order_seq_cst);
  return Outcome::Next;
}

Outcome runNothing(Warp &, const Instruction &, Mask) { return Outcome::Next; }

Outcome runProxyFence(Warp &warp, const Instruction &, Mask) {
  warp.block.cluster.clocks.fenceProxy(warp.agent);
  return Outcome::Next;
}

Outcome runMbarrierInitFence(Warp &warp, const Instruction &, Mask) {
  fenceMbarrierInit(warp);
  return Outcome::Next;
}

/// What is behind fence.proxy. PTX ISA, "membar/fence".
void decodeProxyFence(Decoder &decoder) {
  int kind = decoder.expectOneOf(
      {"alias", "async", "tensormap::generic", "async::generic"},
      "a proxy that the simulator knows: alias, async, tensormap::generic, async::generic");
  size_t operands = 0;
  if (kind == 0) {
    decoder.require(70);
    decoder.instruction().run = runNothing;
  } else if (kind == 1) {
    decoder.require(90);
    // Global memory has no shadow of proxies.
    bool global = decoder.takeOneOf({"global", "shared::cta", "shared::cluster"}) == 0;
    decoder.instruction().run = global ? runNothing : runProxyFence;
  } else {
    decoder.require(90);
    bool acquires = decoder.expectOneOf({"acquire", "release"}, "'acquire' or 'release'") == 0;
    if (kind == 2) {
      decoder.expectOneOf({"cta", "cluster", "gpu", "sys"}, "a scope");
      operands = acquires ? 2 : 0;
      decoder.instruction().run = runNothing;
    } else {
      decoder.expectOneOf({"sync_restrict::shared::cta", "sync_restrict::shared::cluster"},
                          "'sync_restrict::shared::cta' or 'sync_restrict::shared::cluster'");
      decoder.expectOneOf({"cluster"}, "'cluster'");
      decoder.instruction().run = runProxyFence;
    }
  }
  decoder.endModifiers();
  decoder.expectOperands(operands);
  if (operands == 2) {
    decoder.address(decoder.operand(0));
    decoder.constant(decoder.operand(1), 128, 128, "the size of a tensor map");
  }
}

void decodeFence(Decoder &decoder) {
  decoder.instruction().kind = InstructionClass::Synchronize;
  if (decoder.take("proxy"))
    return decodeProxyFence(decoder);
  if (decoder.take("mbarrier_init")) {
    decoder.require(90);
    decoder.expectOneOf({"release"}, "'release'");
    decoder.expectOneOf({"cluster"}, "'cluster'");
    decoder.instruction().run = runMbarrierInitFence;
  } else {
    decoder.require(70);
    int ordering = decoder.takeOneOf({"sc", "acq_rel", "acquire", "release"});
    if (ordering >= 2)
      decoder.takeOneOf({"sync_restrict::shared::cta", "sync_restrict::shared::cluster"});
    if (decoder.expectOneOf({"cta", "gpu", "sys", "cluster"}, "a scope") == 3)
      decoder.require(90);
    decoder.instruction().run = runThreadFence;
  }
  decoder.endModifiers();
  decoder.expectOperands(0);
}

void decodeMembar(Decoder &decoder) {
  decoder.instruction().kind = InstructionClass::Synchronize;
  if (decoder.take("proxy"))
    return decodeProxyFence(decoder);
  decoder.expectOneOf({"cta", "gl", "sys"}, "'cta', 'gl' or 'sys'");
  decoder.endModifiers();
  decoder.expectOperands(0);
  decoder.instruction().run = runThreadFence;
}

} // namespace

void addFences(InstructionSet &set) {
  set["fence"] = decodeFence;
  set["membar"] = decodeMembar;
}

} // namespace attune::sim
