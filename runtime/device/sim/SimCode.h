// SPDX-License-Identifier: Apache-2.0
// What is a variant's PTX once it is loaded for the simulator?
#pragma once

#include "runtime/device/sim/SimDevice.h"

namespace attune::device {

/// The device has to live as long as the code.
std::unique_ptr<Code> loadSimCode(SimDevice &device, const bundle::Variant &variant,
                                  const std::string &blob);

} // namespace attune::device
