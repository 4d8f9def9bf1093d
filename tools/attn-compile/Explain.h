// SPDX-License-Identifier: Apache-2.0
// What will a kernel do, in words and in a drawing?
#ifndef ATTUNE_TOOLS_ATTN_COMPILE_EXPLAIN_H
#define ATTUNE_TOOLS_ATTN_COMPILE_EXPLAIN_H

#include "compiler/Compile.h"
#include "llvm/Support/raw_ostream.h"
#include <map>

namespace attune {

/// The problem that pairs are counted for and the mask is drawn for.
struct ProblemSizes {
  /// Token lengths by axis; 1024 where absent.
  std::map<std::string, double> axes;
  /// Values of scalar operands by name.
  std::map<std::string, double> scalars;
};

/// Prints sweeps, carried state, tiles, shared memory, threads, predicted pairs and the mask of every
/// kernel for every target of `options`.
mlir::LogicalResult explainModule(mlir::ModuleOp module, const CompileOptions &options,
                                  const ProblemSizes &sizes, llvm::raw_ostream &stream);

/// The mask of the (first chosen) kernel as SVG text, tiles of the first target.
mlir::FailureOr<std::string> drawModule(mlir::ModuleOp module, const CompileOptions &options,
                                        const ProblemSizes &sizes);

} // namespace attune

#endif // ATTUNE_TOOLS_ATTN_COMPILE_EXPLAIN_H
