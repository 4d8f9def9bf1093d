// SPDX-License-Identifier: Apache-2.0
// Are results right? Prints the errors, what an eager evaluation would make, and the verdict.
#ifndef ATTUNE_TOOLS_ATTN_RUN_CHECK_H
#define ATTUNE_TOOLS_ATTN_RUN_CHECK_H

#include "compiler/reference/Reference.h"
#include "runtime/bundle/Manifest.h"

namespace attune::run {

/// The results of the kernel by its meaning, with a progress bar. Throws where it has none.
std::vector<reference::Tensor> evaluate(attn::KernelOp kernel,
                                        const std::vector<reference::Argument> &inputs,
                                        reference::Mode mode);

/// Prints a verdict for each result and returns whether all pass.
bool check(attn::KernelOp kernel, const bundle::KernelInfo &info,
           const std::vector<reference::Argument> &inputs,
           const std::vector<reference::Tensor> &results);

} // namespace attune::run

#endif // ATTUNE_TOOLS_ATTN_RUN_CHECK_H
