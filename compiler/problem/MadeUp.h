// SPDX-License-Identifier: Apache-2.0
// Which numbers stand for a table that nobody gave? Ones that respect its declared facts, and that
// suit what masks do with it: ids come in documents, positions lie among the tokens.
#ifndef ATTUNE_COMPILER_PROBLEM_MADEUP_H
#define ATTUNE_COMPILER_PROBLEM_MADEUP_H

#include "compiler/analysis/Sweeps.h"
#include "compiler/reference/Tensor.h"
#include "llvm/ADT/DenseMap.h"

namespace attune {

/// What masks do with the entries of a table or the elements of integer rows and cols.
enum class TableUse {
  Identity, // compares them with one another
  Position, // compares them with tokens or lengths
  Bits,     // takes them apart
  Index,    // reads another table there
};

/// The operands that the predicates read, in the order of the kernel, and the use of each.
llvm::SmallVector<std::pair<unsigned, TableUse>> findTables(attn::KernelOp kernel,
                                                            llvm::ArrayRef<Domain> domains);

/// Numbers for operand `index` of the kernel. The same `seed` gives the same numbers; seed 0 is what
/// pictures show, others vary how long runs are and how large numbers get. `tokens`: the longer
/// axis; `entries`: of the table that an Index reads.
reference::Tensor makeUp(attn::KernelOp kernel, unsigned index, std::vector<int64_t> shape,
                         TableUse use, int64_t tokens, int64_t entries, uint64_t seed);

} // namespace attune

#endif // ATTUNE_COMPILER_PROBLEM_MADEUP_H
