// SPDX-License-Identifier: Apache-2.0
// Which of the levels' kernels does this processor run?
#include "runtime/sim/numerics/LaneKernels.h"

namespace attune::sim {

const LaneKernels *laneKernels(LaneLevel level) {
  if (level == LaneLevel::Baseline)
    return &lanesBaseline::kernels;
#if defined(__x86_64__)
  __builtin_cpu_init();
  // What compilers use of each level; the rest of it is on every processor that has these.
  bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
            __builtin_cpu_supports("bmi") && __builtin_cpu_supports("bmi2");
  bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
            __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
            __builtin_cpu_supports("avx512vl");
  if (level == LaneLevel::V3)
    return v3 ? &lanesV3::kernels : nullptr;
  return v4 ? &lanesV4::kernels : nullptr;
#else
  return nullptr;
#endif
}

static const LaneKernels &chooseKernels() {
  if (const LaneKernels *v4 = laneKernels(LaneLevel::V4))
    return *v4;
  if (const LaneKernels *v3 = laneKernels(LaneLevel::V3))
    return *v3;
  return lanesBaseline::kernels;
}

const LaneKernels &laneKernels() {
  static const LaneKernels &best = chooseKernels();
  return best;
}

} // namespace attune::sim
