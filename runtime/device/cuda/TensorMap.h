// SPDX-License-Identifier: Apache-2.0
// How is a tensor described to the GPU's tile copy engine?
#pragma once

#include "runtime/device/Device.h"
#include "runtime/device/cuda/CudaDriver.h"

namespace attune::device::cuda {

/// Fills in the map of a tensor that has elements. Throws StatusError.
void encodeTensorMap(const Driver &driver, const TensorMapRequest &request, TensorMapObject *map);

} // namespace attune::device::cuda
