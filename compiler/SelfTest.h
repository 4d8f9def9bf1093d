// SPDX-License-Identifier: Apache-2.0
// Which small problem tells whether compiled code is right, and what are its results by the reference?
#ifndef ATTUNE_COMPILER_SELFTEST_H
#define ATTUNE_COMPILER_SELFTEST_H

#include "dialects/attn/AttnOps.h"
#include "runtime/bundle/Bundle.h"

namespace attune {

/// Gives the kernel a self-test, whose numbers become a blob of `result`. `primitives` is the kernel
/// after its helpers are inlined and its sugar is expanded. False, and nothing is added, where no
/// problem can be made up: a table whose shape nobody knows, demands that no sizes meet.
bool addSelfTest(attn::KernelOp primitives, bundle::KernelInfo &info, bundle::Bundle &result);

} // namespace attune

#endif // ATTUNE_COMPILER_SELFTEST_H
