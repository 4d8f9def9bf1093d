// SPDX-License-Identifier: Apache-2.0
// What will a kernel do, in words and in a drawing?
#ifndef ATTUNE_COMPILER_EXPLAIN_EXPLAIN_H
#define ATTUNE_COMPILER_EXPLAIN_EXPLAIN_H

#include "compiler/Compile.h"
#include "compiler/problem/Problem.h"
#include "llvm/Support/raw_ostream.h"

namespace attune {

/// Prints sweeps, carried state, the mask's normal form, tiles, shared memory, threads, predicted pairs,
/// how tiles are found and what that costs, advice and the mask of every kernel for every target of
/// `options`.
mlir::LogicalResult explainModule(mlir::ModuleOp module, const CompileOptions &options,
                                  const ProblemSizes &sizes, llvm::raw_ostream &stream);

/// The mask of the (first chosen) kernel as SVG text, tiles of the first target.
mlir::FailureOr<std::string> drawModule(mlir::ModuleOp module, const CompileOptions &options,
                                        const ProblemSizes &sizes);

} // namespace attune

#endif // ATTUNE_COMPILER_EXPLAIN_EXPLAIN_H
