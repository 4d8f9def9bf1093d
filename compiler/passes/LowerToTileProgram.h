// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: a mask's program as scalar code of the block, each value where it varies least.
#ifndef ATTUNE_COMPILER_PASSES_LOWERTOTILEPROGRAM_H
#define ATTUNE_COMPILER_PASSES_LOWERTOTILEPROGRAM_H

#include "compiler/mask/Schedule.h"
#include "compiler/passes/LowerToTileScope.h"
#include <map>

namespace attune {

/// Where code is emitted, and which inputs have a value there. Places nest: what does not depend on the
/// inputs of an inner place is emitted in an outer one.
class ProgramPlace {
public:
  /// `builder` is the outer place's builder moved inside; it must outlive the place.
  ProgramPlace(mlir::OpBuilder &builder, ProgramPlace *outer = nullptr)
      : builder(builder), outer(outer) {}

  void bind(mask::Input input, unsigned dim, mlir::Value value) { inputs[{input, dim}] = value; }
  /// The `dim` under which a token's number is bound, beside its coordinates if it has some.
  static constexpr unsigned TokenNumber = ~0u;

  /// The value of an input here.
  mlir::Value lookup(mask::Input input, unsigned dim) const;

  mlir::OpBuilder &builder;
  ProgramPlace *const outer;

private:
  friend class ProgramEmitter;
  std::map<std::pair<mask::Input, unsigned>, mlir::Value> inputs;
  llvm::DenseMap<int, mlir::Value> values;
  llvm::DenseMap<int, ProgramPlace *> homes;
};

class ProgramEmitter {
public:
  /// `root` is the block's own place. `folds` and `summary` give the numbers of tiles: results of
  /// `tile.fold`, and a read of the workspace at a column tile.
  ProgramEmitter(TileScope &scope, const mask::Program &program, ProgramPlace &root)
      : scope(scope), program(program), root(root) {}

  void setFolds(mlir::ValueRange values) { folds.assign(values.begin(), values.end()); }
  using Summary = std::function<mlir::Value(mlir::OpBuilder &, mlir::Value tile, int64_t number)>;
  void setSummary(Summary read) { summary = std::move(read); }

  /// The value as index, or as i1.
  mlir::Value number(mask::Value value, ProgramPlace &place);
  mlir::Value truth(mask::Value value, ProgramPlace &place);
  /// Where the middle and the last part of [first, last] begin (see mask::cutRange).
  std::pair<mlir::Value, mlir::Value> emitCut(const mask::Cut &cut, ProgramPlace &place,
                                              mlir::Value first, mlir::Value last);

private:
  using Instruction = mask::Instruction;

  ProgramPlace &homeOf(mask::Value value, ProgramPlace &place);
  ProgramPlace &findHome(const Instruction &instruction, ProgramPlace &place);
  ProgramPlace &homeOfInput(mask::Input input, unsigned dim, ProgramPlace &place);
  mlir::Value emit(mask::Value value, ProgramPlace &place);
  mlir::Value emitOnce(const Instruction &instruction, ProgramPlace &place);
  mlir::Value emitLeaf(const Instruction &instruction, ProgramPlace &place);
  mlir::Value emitTruth(const Instruction &instruction, ProgramPlace &place);
  mlir::Value emitArithmetic(const Instruction &instruction, ProgramPlace &place);
  mlir::Value emitBisection(const Instruction &instruction, ProgramPlace &place);

  TileScope &scope;
  const mask::Program &program;
  ProgramPlace &root;
  llvm::SmallVector<mlir::Value> folds;
  Summary summary;
};

} // namespace attune

#endif // ATTUNE_COMPILER_PASSES_LOWERTOTILEPROGRAM_H
