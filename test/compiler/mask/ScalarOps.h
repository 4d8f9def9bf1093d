// SPDX-License-Identifier: Apache-2.0
// What does one op of a mask compute from numbers? By the definition of the op; integers wrap to their
// width, an i1 is 0 or 1.
#ifndef ATTUNE_TEST_COMPILER_MASK_SCALAROPS_H
#define ATTUNE_TEST_COMPILER_MASK_SCALAROPS_H

#include "compiler/analysis/Expression.h"

namespace attune::mask::test {

int64_t evaluateInteger(const Node *node, llvm::ArrayRef<int64_t> x, llvm::ArrayRef<double> reals);
double evaluateReal(const Node *node, llvm::ArrayRef<int64_t> x, llvm::ArrayRef<double> reals);

} // namespace attune::mask::test

#endif // ATTUNE_TEST_COMPILER_MASK_SCALAROPS_H
