// SPDX-License-Identifier: Apache-2.0
// One launch as a line of text: "tokens=4096,heads=8,w=256".
#ifndef ATTUNE_COMPILER_EXPLAIN_PROBLEMTEXT_H
#define ATTUNE_COMPILER_EXPLAIN_PROBLEMTEXT_H

#include "compiler/problem/Problem.h"

namespace attune {

/// Reads NAME=NUMBER separated by commas. A name is a number among the operands of `kernels`, else
/// "tokens" or "kv-tokens" (the latter as many as the former where only that is given and nothing else
/// says how many keys there are), an axis of a kernel, "batch" or "heads". Of a tensor among the
/// operands the numbers are read from a file: NAME=FILE.npy. Fails with a sentence.
llvm::Expected<ProblemSizes> parseProblem(llvm::StringRef text,
                                          llvm::ArrayRef<attn::KernelOp> kernels);

} // namespace attune

#endif // ATTUNE_COMPILER_EXPLAIN_PROBLEMTEXT_H
