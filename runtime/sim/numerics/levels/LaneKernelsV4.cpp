// SPDX-License-Identifier: Apache-2.0
// Kernels for x86-64-v4; on other processors there are none.
#if defined(__x86_64__)
#include "runtime/sim/numerics/LaneKernels.h"

#define ATTUNE_LANE_NAMESPACE lanesV4
#define ATTUNE_LANE_LEVEL 4
#include "runtime/sim/numerics/LaneKernels.inc"
#endif
