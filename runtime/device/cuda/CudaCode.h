// SPDX-License-Identifier: Apache-2.0
// How does PTX or a cubin become a function that can be launched?
#pragma once

#include "runtime/device/cuda/CudaDevice.h"

namespace attune::device::cuda {

/// Loads a variant into the context and finds its entry point. Throws StatusError; when the driver
/// refuses PTX the message has the log of its compiler.
std::unique_ptr<Code> loadCode(std::shared_ptr<const PrimaryContext> primary,
                               const bundle::Variant &variant, const std::string &blob);

} // namespace attune::device::cuda
