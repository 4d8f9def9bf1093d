// SPDX-License-Identifier: Apache-2.0
// Which tensors and numbers is the kernel run on, and what shape have its results?
#ifndef ATTUNE_TOOLS_ATTN_RUN_INPUTS_H
#define ATTUNE_TOOLS_ATTN_RUN_INPUTS_H

#include "compiler/reference/Tensor.h"
#include "tools/attn-run/Program.h"

namespace attune::run {

/// An argument for every operand, in order: from files, made up, or numbers. Throws where one is
/// missing, unknown, or of another type than the operand and --convert is not given.
std::vector<reference::Argument> gatherInputs(const Flags &flags, Program &program);

/// Zeros in the shape of each result: the tokens of its axis, the largest batch and head counts. `lengths`:
/// of axes that no operand is on.
std::vector<reference::Tensor> makeResults(const bundle::KernelInfo &info,
                                           const std::map<std::string, int64_t> &lengths,
                                           const std::vector<reference::Argument> &inputs);

} // namespace attune::run

#endif // ATTUNE_TOOLS_ATTN_RUN_INPUTS_H
