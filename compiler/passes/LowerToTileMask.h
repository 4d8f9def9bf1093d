// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: is a pair visible? A predicate of the mask as code of a map's region.
#ifndef ATTUNE_COMPILER_PASSES_LOWERTOTILEMASK_H
#define ATTUNE_COMPILER_PASSES_LOWERTOTILEMASK_H

#include "compiler/passes/LowerToTileSchedule.h"

namespace attune {

/// Emits predicates. One that is read as inequalities has its numbers of the block gathered on the
/// right side, outside of the map, so that indices alone are computed at each pair (i - j <= w,
/// which fits 32 bits where i - j - w need not); any other is emitted as it is written.
class PredicateEmitter {
public:
  PredicateEmitter(TileScope &scope, mask::FormulaBuilder &formulas)
      : scope(scope), formulas(formulas) {}

  /// Makes `map` read what `emit` takes.
  void read(MapBuilder &map, const Node *predicate);
  mlir::Value emit(PlaceEmitter &at, const Node *predicate);

private:
  struct Prepared {
    mask::Formula formula;
    bool isRead = false;
  };
  const Prepared &prepare(const Node *predicate);
  void readForm(const mask::LinearForm &form);
  void readUniforms(const mask::Formula &formula);
  mlir::Value fixed(const mask::Atom &atom);
  mlir::Value emitFormula(PlaceEmitter &at, const mask::Formula &formula);
  mlir::Value emitLiteral(PlaceEmitter &at, const mask::Formula &formula);
  mlir::Value emitForm(PlaceEmitter &at, const mask::LinearForm &form);
  mlir::Value emitAtom(PlaceEmitter &at, const mask::Atom &atom);

  TileScope &scope;
  mask::FormulaBuilder &formulas;
  llvm::DenseMap<const Node *, Prepared> prepared;
};

} // namespace attune

#endif // ATTUNE_COMPILER_PASSES_LOWERTOTILEMASK_H
