// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: which tiles does a sweep visit? The schedules of a kernel's masks, as regions of
// its sweeps, and the pass before the kernel that summarises what they read of each key.
#ifndef ATTUNE_COMPILER_PASSES_LOWERTOTILESCHEDULE_H
#define ATTUNE_COMPILER_PASSES_LOWERTOTILESCHEDULE_H

#include "compiler/mask/Schedule.h"
#include "compiler/passes/LowerToTileProgram.h"
#include <deque>

namespace attune {

/// The masks of one kernel, each once.
class MaskSchedules {
public:
  struct Mask {
    Domain domain;
    mlir::StringAttr keyAxis;
    mask::MaskFormula formula;
    mask::Schedule schedule;
    /// Where its summaries begin among those of the kernel.
    int64_t firstSummary = 0;
  };

  MaskSchedules(const SweepPlan &plan, tile::ConfigAttr config);

  const Mask &find(const Domain &domain, mlir::StringAttr keyAxis) const;
  mask::FormulaBuilder &builder(mlir::StringAttr keyAxis);
  /// The axis of keys of which a kernel before this one has to find numbers; null if there is none.
  mlir::StringAttr getSummaryAxis() const { return summaryAxis; }
  /// Numbers that the kernel needs of each tile of keys, for each batch and head if they differ.
  int64_t countSummaries() const { return summaries; }
  bool onBatch() const { return batched; }
  bool onHead() const { return headed; }

  /// (batches, heads, tiles, summaries) of i64.
  mlir::MemRefType workspaceType(mlir::MLIRContext *context) const;
  /// What a bundle says of the masks that hide anything: a dictionary each.
  mlir::ArrayAttr describe(mlir::MLIRContext *context) const;
  /// Emits the body of the kernel that fills the workspace, the last argument of `kernel`.
  void emitSummaries(const SweepPlan &plan, tile::KernelOp kernel, mlir::StringAttr axis) const;

private:
  void add(const Domain &domain, mlir::StringAttr keyAxis, const mask::ScheduleOptions &options);

  const SweepPlan &plan;
  tile::ConfigAttr config;
  /// For each axis of keys.
  std::deque<std::pair<mlir::StringAttr, mask::FormulaBuilder>> formulas;
  std::deque<Mask> masks;
  int64_t summaries = 0;
  mlir::StringAttr summaryAxis;
  bool batched = false, headed = false;
};

/// Emits what one sweep asks of its masks.
class SweepSchedule {
public:
  using Value = mlir::Value;

  SweepSchedule(TileScope &scope, const MaskSchedules &schedules,
                llvm::ArrayRef<const MaskSchedules::Mask *> masks, const TileGrid &keys);

  /// The first tile, and behind the last one: code of the block.
  std::pair<Value, Value> emitEnds();
  bool hasSeek() const;
  Value emitSeek(mlir::OpBuilder &builder, Value tile);
  /// Does the tile count, and does it need masking?
  std::pair<Value, Value> emitClasses(mlir::OpBuilder &builder, Value tile);

private:
  /// One mask with the block's place, where what does not depend on the tile is emitted.
  struct Emitted {
    Emitted(TileScope &scope, const MaskSchedules::Mask &mask, mlir::OpBuilder &top)
        : mask(mask), root(top), program(scope, mask.schedule.program, root) {}
    const MaskSchedules::Mask &mask;
    ProgramPlace root;
    ProgramEmitter program;
  };
  struct Piece {
    Value first, last;
  };

  Value readSummary(mlir::OpBuilder &builder, Value tile, int64_t number);
  TilePlace bindTile(ProgramPlace &place, Value tile);
  std::pair<Value, Value> emitTest(Emitted &mask, ProgramPlace &place);
  std::pair<Value, Value> emitPieces(Emitted &mask, ProgramPlace &place);
  using PieceBody =
      llvm::function_ref<std::pair<Value, Value>(ProgramPlace &, std::pair<Value, Value>)>;
  std::pair<Value, Value> eachPiece(Emitted &mask, ProgramPlace &outer, mask::Side side,
                                    llvm::ArrayRef<mask::Cut> cuts, const Piece &whole,
                                    std::pair<Value, Value> found, PieceBody body);

  TileScope &scope;
  const MaskSchedules &schedules;
  mlir::Location loc;
  TileGrid keys;
  std::deque<Emitted> masks;
};

} // namespace attune

#endif // ATTUNE_COMPILER_PASSES_LOWERTOTILESCHEDULE_H
