// SPDX-License-Identifier: Apache-2.0
// In a kernel that walks a list of keys rather than all of them: which operands are the list?
#ifndef ATTUNE_COMPILER_ANALYSIS_GATHEREDKEYS_H
#define ATTUNE_COMPILER_ANALYSIS_GATHEREDKEYS_H

#include "dialects/attn/AttnOps.h"

namespace attune {

/// The operand of this name; null if there is none.
mlir::BlockArgument findOperand(attn::KernelOp kernel, llvm::StringRef name);

/// The attribute `attn.gathered` of a kernel. Its keys on `axis` are, for each batch, head and query, those
/// that the first `count` entries of `list` name, in that order: values on the axis are read there, and the
/// index of the key is the entry. `list` is a matrix (queries, entries) of i32 whose visible entries are keys
/// of the axis, `count` rows of i32.
struct GatheredKeys {
  mlir::StringAttr axis;
  mlir::BlockArgument list, count;

  /// Those of a kernel that has the attribute.
  static std::optional<GatheredKeys> find(attn::KernelOp kernel);
  void attachTo(attn::KernelOp kernel) const;
};

} // namespace attune

#endif // ATTUNE_COMPILER_ANALYSIS_GATHEREDKEYS_H
