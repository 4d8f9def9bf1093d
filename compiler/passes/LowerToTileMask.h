// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: is a pair visible? A predicate of the mask as code of a map's region.
#ifndef ATTUNE_COMPILER_PASSES_LOWERTOTILEMASK_H
#define ATTUNE_COMPILER_PASSES_LOWERTOTILEMASK_H

#include "compiler/passes/LowerToTileSchedule.h"

namespace attune {

/// Emits predicates. One that is read as inequalities has its numbers of the block gathered on the
/// right side, outside of the map, so that indices alone are computed at each pair (i - j <= w,
/// which fits 32 bits where i - j - w need not). One that costs more has f(i) + g(j) <= 0 split: f is
/// computed once a row of the block, g once a key of a tile that is masked, and pairs compare. Any
/// other is emitted as it is written.
class PredicateEmitter {
public:
  PredicateEmitter(TileScope &scope, mask::FormulaBuilder &formulas)
      : scope(scope), formulas(formulas) {}

  /// Makes `map` read what `emit` takes. What is computed of keys alone is computed by `keys`; not at
  /// all where that is null, which makes the rest ready outside of a branch.
  void read(MapBuilder &map, const Node *predicate, mlir::OpBuilder *keys);
  /// `elements`: what the map has read.
  mlir::Value emit(PlaceEmitter &at, const Node *predicate, mlir::ValueRange elements);

private:
  using Value = mlir::Value;

  enum class Way { AsWritten, Inequalities, Split };
  struct Prepared {
    mask::Formula formula;
    Way way = Way::AsWritten;
  };
  /// A form of one side, or the negation of one of keys: its tile, and where the map has it.
  struct SideTile {
    mask::LinearForm form;
    Value tile;
    unsigned place = 0;
  };
  using SideTiles = std::vector<SideTile>;

  void readSplit(MapBuilder &map, const mask::Formula &formula, mlir::OpBuilder *keys);
  void readSide(MapBuilder &map, const mask::LinearForm &form, bool ofKeys,
                mlir::OpBuilder &builder, bool isNarrow);
  Value emitSplitLiteral(PlaceEmitter &at, const mask::Formula &formula, mlir::ValueRange elements);
  const Prepared &prepare(const Node *predicate);
  void readForm(const mask::LinearForm &form);
  void readUniforms(const mask::Formula &formula);
  mlir::Value fixed(const mask::Atom &atom);
  mlir::Value emitFormula(PlaceEmitter &at, const mask::Formula &formula,
                          mlir::ValueRange elements = {});
  mlir::Value emitLiteral(PlaceEmitter &at, const mask::Formula &formula);
  mlir::Value emitForm(PlaceEmitter &at, const mask::LinearForm &form);
  mlir::Value emitAtom(PlaceEmitter &at, const mask::Atom &atom);
  mlir::Value emitDivision(PlaceEmitter &at, const mask::Atom &atom);

  TileScope &scope;
  mask::FormulaBuilder &formulas;
  llvm::DenseMap<const Node *, Prepared> prepared;
  SideTiles rowForms, keyForms;
  /// Is what is emitted the one side of a split literal?
  bool isSplitting = false;
};

} // namespace attune

#endif // ATTUNE_COMPILER_PASSES_LOWERTOTILEMASK_H
