// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: is a pair visible? A predicate of the mask as code of a map's region.
#ifndef ATTUNE_COMPILER_PASSES_LOWERTOTILEMASK_H
#define ATTUNE_COMPILER_PASSES_LOWERTOTILEMASK_H

#include "compiler/analysis/MaskBounds.h"
#include "compiler/passes/LowerToTileScope.h"

namespace attune {

/// Emits predicates. One that is read as inequalities has its numbers of the block gathered on the
/// right side, outside of the map, so that indices alone are computed at each pair (i - j <= w,
/// which fits 32 bits where i - j - w need not); any other is emitted as it is written.
class PredicateEmitter {
public:
  PredicateEmitter(TileScope &scope, MaskFormulas &formulas) : scope(scope), formulas(formulas) {}

  /// Makes `map` read what `emit` takes.
  void read(MapBuilder &map, const Node *predicate);
  mlir::Value emit(PlaceEmitter &at, const Node *predicate);

private:
  struct Prepared {
    Formula formula;
    bool isRead = false;
  };
  const Prepared &prepare(const Node *predicate);
  void readForm(const LinearForm &form);
  void readUniforms(const Formula &formula);
  mlir::Value uniform(const MaskAtom &atom);
  mlir::Value emitFormula(PlaceEmitter &at, const Formula &formula);
  mlir::Value emitLiteral(PlaceEmitter &at, const LinearForm &form);
  mlir::Value emitForm(PlaceEmitter &at, const LinearForm &form);
  mlir::Value emitAtom(PlaceEmitter &at, const MaskAtom &atom);

  TileScope &scope;
  MaskFormulas &formulas;
  llvm::DenseMap<const Node *, Prepared> prepared;
};

} // namespace attune

#endif // ATTUNE_COMPILER_PASSES_LOWERTOTILEMASK_H
