// SPDX-License-Identifier: Apache-2.0
// Kernels for x86-64-v3; on other processors there are none.
#if defined(__x86_64__)
#include "runtime/sim/numerics/LaneKernels.h"

#define ATTUNE_LANE_NAMESPACE lanesV3
#define ATTUNE_LANE_LEVEL 3
#include "runtime/sim/numerics/LaneKernels.inc"
#endif
