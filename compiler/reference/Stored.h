// SPDX-License-Identifier: Apache-2.0
// Which values of a kernel are evaluated whole, before the rows that read them?
#ifndef ATTUNE_COMPILER_REFERENCE_STORED_H
#define ATTUNE_COMPILER_REFERENCE_STORED_H

#include "compiler/reference/Evaluator.h"

namespace attune::reference {

/// Evaluates what one row of an operand does not determine, in program order: all cols, reductions
/// over queries and transposes.
llvm::Error storeValues(Evaluation &evaluation, const Options &options);

} // namespace attune::reference

#endif // ATTUNE_COMPILER_REFERENCE_STORED_H
