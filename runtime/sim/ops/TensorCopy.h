// SPDX-License-Identifier: Apache-2.0
// How are boxes of tensors copied?
#pragma once

#include "runtime/sim/program/Decoder.h"

namespace attune::sim {

/// cp.async.bulk.tensor, cp.reduce.async.bulk.tensor and cp.async.bulk.prefetch.tensor, from the
/// part behind "tensor" on.
void decodeTensorCopy(Decoder &decoder);
void decodeTensorReduction(Decoder &decoder);
void decodeTensorPrefetch(Decoder &decoder);

/// prefetch{.tensormap, .param.tensormap, .const.tensormap}, from the part "tensormap" on.
void decodeTensorMapPrefetch(Decoder &decoder);

} // namespace attune::sim
