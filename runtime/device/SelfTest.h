// SPDX-License-Identifier: Apache-2.0
// Does code that was made elsewhere compute here what the compiler says it does? A small problem is
// tried when a kernel is loaded.
#pragma once

#include "runtime/bundle/Bundle.h"
#include "runtime/device/Device.h"

#include <functional>

namespace attune::device {

/// Launches with these arguments, on the default stream.
using SelfTestLaunch = std::function<void(const attune_argument *arguments, size_t count)>;

/// Runs the kernel's self-test; `data` is its blob. Throws StatusError where a result is wrong.
void runSelfTest(Device &device, const bundle::KernelInfo &kernel, const bundle::Variant &variant,
                 const std::string &data, const SelfTestLaunch &launch);

/// Whether the self-test of this code has to run: on devices that ask for it, once in a process for
/// each device, driver and code; with ATTUNE_SELF_TEST=on on all, with =off on none. `bundle` has
/// the code. `key` then is what to tell selfTestPassed.
bool needsSelfTest(const Device &device, const bundle::Bundle &bundle,
                   const bundle::KernelInfo &kernel, const bundle::Variant &variant,
                   std::string &key);
void selfTestPassed(const std::string &key);

} // namespace attune::device
