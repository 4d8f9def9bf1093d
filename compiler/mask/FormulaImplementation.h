// SPDX-License-Identifier: Apache-2.0
// What does a FormulaBuilder own?
#ifndef ATTUNE_COMPILER_MASK_FORMULAIMPLEMENTATION_H
#define ATTUNE_COMPILER_MASK_FORMULAIMPLEMENTATION_H

#include "compiler/mask/NodeReader.h"

namespace attune::mask {

struct FormulaBuilder::Implementation {
  Implementation(const ExpressionGraph &graph, TokenGrid queries, TokenGrid keys)
      : reader(algebra, graph, std::move(queries), std::move(keys)) {
    for (const GraphReduction &reduction : graph.reductions())
      reader.noteDivisors(reduction.domain);
    // First of all atoms, whatever masks read first: so texts and orders are theirs alone.
    reader.token(Side::Query);
    reader.token(Side::Key);
  }

  Algebra algebra;
  NodeReader reader;
};

} // namespace attune::mask

#endif // ATTUNE_COMPILER_MASK_FORMULAIMPLEMENTATION_H
