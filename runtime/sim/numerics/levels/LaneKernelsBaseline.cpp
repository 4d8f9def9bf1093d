// SPDX-License-Identifier: Apache-2.0
// Kernels for any processor.
#include "runtime/sim/numerics/LaneKernels.h"

#define ATTUNE_LANE_NAMESPACE lanesBaseline
#define ATTUNE_LANE_LEVEL 1
#include "runtime/sim/numerics/LaneKernels.inc"
