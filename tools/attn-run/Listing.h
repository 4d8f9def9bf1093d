// SPDX-License-Identifier: Apache-2.0
// What is in a bundle, in words?
#ifndef ATTUNE_TOOLS_ATTN_RUN_LISTING_H
#define ATTUNE_TOOLS_ATTN_RUN_LISTING_H

#include <string>

namespace attune::run {

/// Kernels, their operands and conditions, their code for each target, how that finds the tiles that
/// masks leave, and what runs before it. Throws a Failure where `bytes` are no bundle.
std::string listBundle(const std::string &bytes);

} // namespace attune::run

#endif // ATTUNE_TOOLS_ATTN_RUN_LISTING_H
