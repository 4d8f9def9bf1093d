// SPDX-License-Identifier: Apache-2.0
// How is a tensor told to whoever makes tensor maps: the CUDA driver, or the simulator?
#pragma once

#include "runtime/device/Device.h"

namespace attune::device {

/// Dimensions innermost first, strides in bytes.
struct TensorMapLayout {
  /// The number of a CUtensorMapDataType (CudaTypes.h), which the simulator's elements have too.
  int dataType;
  uint64_t sizes[5] = {}, strides[5] = {};
  uint32_t box[5] = {};
};

/// Of a tensor of at most 5 dimensions. Throws StatusError for a negative stride.
TensorMapLayout layOut(const TensorMapRequest &request);

} // namespace attune::device
