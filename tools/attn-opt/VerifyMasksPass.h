// SPDX-License-Identifier: Apache-2.0
// The pass behind `attn-opt --verify-masks`.
#ifndef ATTUNE_TOOLS_ATTN_OPT_VERIFYMASKSPASS_H
#define ATTUNE_TOOLS_ATTN_OPT_VERIFYMASKSPASS_H

#include "mlir/Pass/Pass.h"

namespace attune {

/// Verifies the masks of every kernel of a module, at the sizes and for the tiles that `options`
/// names (see parseVerifyOptions), and fails where a claim is wrong. Prints to standard output.
std::unique_ptr<mlir::Pass> createVerifyMasksPass(std::string options);

} // namespace attune

#endif // ATTUNE_TOOLS_ATTN_OPT_VERIFYMASKSPASS_H
