// SPDX-License-Identifier: Apache-2.0
// attn-lower-to-tile: one sweep of the plan as a loop over key tiles.
#ifndef ATTUNE_COMPILER_PASSES_LOWERTOTILESWEEP_H
#define ATTUNE_COMPILER_PASSES_LOWERTOTILESWEEP_H

#include "compiler/passes/LowerToTileMask.h"

namespace attune {

/// What a join of this kind starts from.
double identityOf(attn::ReduceKind kind);

/// What sweeps end with before rows are finished: the state that others go on with.
struct CarriedState {
  llvm::DenseMap<unsigned, mlir::Value> frames, accumulators;
};

/// Emits the loop of `sweep` and makes its frames and scalar accumulators known to the scope as
/// finished rows; vectors are returned by `getVector`.
class SweepEmitter {
public:
  SweepEmitter(TileScope &scope, const SweepPlan &plan, const Sweep &sweep,
               MaskSchedules &schedules, CarriedState &carried);
  void emit();
  /// The final vectors of a contraction of this sweep.
  mlir::Value getVector(unsigned accumulator) { return vectors.lookup(accumulator); }

private:
  using Value = mlir::Value;

  /// A matrix of which hidden pairs are replaced on partial tiles, by `identity`, or by `hidden`.
  struct Source {
    Value matrix;
    unsigned mask;
    double identity;
    Value hidden = {};
  };
  /// What a frame's rows become in one step. All in units of the bare score.
  struct FrameStep {
    const Node *score = nullptr; // the exponent without its constant factor `unit`
    double unit = 1;
    bool hasPivot = false;
    Value before, after;
  };
  /// exp2 or, of f32 scores (`single`), exp of a difference times `factor`.
  struct Exponential {
    double factor;
    Value scale;
    bool single;
  };
  /// What a weight depends on; equal keys are one matrix.
  struct Weight {
    const Node *coefficient;
    int frame;
    double rate;
    unsigned power;
    unsigned mask;
    Value matrix;
  };

  const Frame &frame(unsigned position) { return plan.frames[sweep.frames[position]]; }
  const Accumulator &accumulator(unsigned id) { return plan.accumulators[id]; }
  unsigned positionOf(int frame);
  static tile::JoinKind joinOf(attn::ReduceKind kind);
  unsigned maskOf(const Domain &domain);
  unsigned sourceOf(Value matrix, unsigned mask, double identity);

  void findFrames();
  void findTiles();
  llvm::SmallVector<Value> emitInitial();
  void emitBody(Value isPartial, mlir::ValueRange state, llvm::SmallVectorImpl<Value> &next);
  void collectSources();
  void emitMasks(Value isPartial);
  llvm::SmallVector<Value> emitBranch(Value isPartial, llvm::ArrayRef<Source> sources);
  Value emitMasked(mlir::OpBuilder &builder, const Source &source);
  void emitFrameSteps(mlir::ValueRange state);
  Value emitAlpha(unsigned position, double rate);
  Value emitDelta(unsigned position);
  Value emitOrigin(unsigned position, double factor);
  Value emitWeight(const Accumulator &accumulator);
  Exponential prepareExponential(unsigned position, double rate);
  Value emitExponential(PlaceEmitter &at, Value difference, const Exponential &exponential);
  Value emitFramedWeight(const Accumulator &accumulator, Value score);
  Value emitCoefficient(const Node *node);
  Value emitRescaled(unsigned id, mlir::ValueRange state);
  Value emitAccumulated(unsigned id, mlir::ValueRange state);
  Value emitAppended(unsigned id, Value count);
  void finish(mlir::ValueRange results);

  // Running values (LowerToTileScans.cpp).
  Value emitIdentity(const Node *scan, unsigned state);
  void emitInitialScans(llvm::SmallVectorImpl<Value> &initial);
  Value emitPairs(const Node *node);
  llvm::SmallVector<Value> emitScanned(const Node *scan, Value isPartial);
  void emitScans(Value isPartial, mlir::ValueRange carried, llvm::SmallVectorImpl<Value> &next);
  void finishFolds(mlir::ValueRange carried);

  TileScope &scope;
  const SweepPlan &plan;
  const Sweep &sweep;
  mlir::Location loc;
  mlir::OpBuilder body;
  MaskSchedules &schedules;
  CarriedState &carried;
  PredicateEmitter predicates;
  TileGrid keyTiles;
  /// The sets of visible pairs that occur.
  llvm::SmallVector<const MaskSchedules::Mask *, 2> masks;
  llvm::SmallVector<FrameStep, 2> frames;
  llvm::SmallVector<Source, 4> sources;
  /// The masked matrices of the current tile, in the order of `sources`.
  llvm::SmallVector<Value, 4> masked;
  /// Which source each frame (by position) and accumulator (by id) reads.
  llvm::SmallVector<unsigned, 2> sourceOfFrame;
  llvm::DenseMap<unsigned, unsigned> sourceOfAccumulator;
  /// What lists (by id) have beside keys.
  llvm::DenseMap<unsigned, Value> listedElements;
  llvm::SmallVector<Weight, 4> weights;
  llvm::DenseMap<std::pair<unsigned, uint64_t>, Value> alphas, origins;
  llvm::DenseMap<unsigned, Value> deltas;
  llvm::DenseMap<unsigned, Value> vectors;
};

} // namespace attune

#endif // ATTUNE_COMPILER_PASSES_LOWERTOTILESWEEP_H
