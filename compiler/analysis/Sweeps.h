// SPDX-License-Identifier: Apache-2.0
// In how many passes over the keys can a kernel be computed, and which state does each pass carry?
#ifndef ATTUNE_COMPILER_ANALYSIS_SWEEPS_H
#define ATTUNE_COMPILER_ANALYSIS_SWEEPS_H

#include "compiler/analysis/Expression.h"
#include <string>

namespace attune {

/// A scale frame: a running origin m(i) = max over the domain of `exponent` (-inf while no pair was seen).
/// Any origin that keeps exponents in range gives the same results, except where a node reads the exact
/// maximum: `exact` says that one does. The origin is finished when its sweep is.
struct Frame {
  const Node *exponent; // P(i, j), evaluated as written
  Domain domain;
  bool exact = false;
  /// The frame of an earlier sweep whose origin this one starts from: of the segment of keys before.
  int continues = -1;
};

/// One carried value of a row: the join over the domain's keys of
///   coefficient(i, j) * exp(rate * (P - m)) * (P - m)^centredPower [* values(j)]
/// with P, m those of the frame, or coefficient [* values] alone when there is no frame.
/// Changing m by delta = m_old - m_new multiplies by exp(rate * delta) (and mixes the family, below).
struct Accumulator {
  attn::ReduceKind kind = attn::ReduceKind::Sum; // Sum, Max or Min
  const Node *coefficient = nullptr;             // closed; null = 1
  int frame = -1;
  double rate = 0;
  unsigned centredPower = 0;
  /// Accumulators T_0 .. T_(centredPower - 1) of the same family; T_k' = e^(rate d) sum_l C(k,l) d^(k-l) T_l.
  llvm::SmallVector<unsigned, 2> family;
  Domain domain;
  mlir::Value values; // attn cols of vectors (a contraction), or null
  /// Somebody divides by it or takes its logarithm.
  bool relative = false;
  /// Null, or what it counts and appends to a list in memory: the keys of the domain, and `coefficient` there.
  attn::VisibleKeysOp listed = {};
  /// The accumulator of an earlier sweep whose state this one starts from, in a frame that starts from
  /// that one's.
  int continues = -1;
  /// Of a fold alone: what it is over no pair. Its value is the last one of `coefficient`, a Scan.
  const Node *identity = nullptr;
};

/// One loop over key tiles with per-row state. Indices in AccumulatorRef and FrameRef nodes count
/// through `SweepPlan::accumulators` and `SweepPlan::frames` over all sweeps.
struct Sweep {
  llvm::SmallVector<unsigned> frames;
  llvm::SmallVector<unsigned> accumulators;
  /// Accumulators that are folds: the final carry of a scan.
  llvm::SmallVector<unsigned, 0> folds;
  /// Running values, in an order in which they can be made: the Scan nodes that are states of one.
  llvm::SmallVector<llvm::SmallVector<const Node *, 1>, 0> scans;
  /// Tiles are visited from the last one to the first.
  bool reverse = false;
  /// The axis of the keys that are walked.
  mlir::StringAttr keyAxis = {};
};

struct SweepPlan;
/// The sets of visible pairs that a sweep reduces or scans, each at least once.
llvm::SmallVector<Domain> domainsOf(const SweepPlan &plan, const Sweep &sweep);

/// A per-row number computed between sweeps, or at the end, from finished accumulators and frames,
/// earlier row values, captured rows and scalars. Later sweeps read it as RowRef.
struct RowValue {
  const Node *finish;
  unsigned sweep;   // computable after this sweep
  std::string name; // for --explain
};

/// One result. Scalar: the node `scalar`. Vector: the sum over terms of factor(i) * accumulator's vector, then
/// `epilogue`. All nodes are over finished accumulators and frames, row values, captured rows, scalars.
/// Rows without a visible pair are already taken care of: factors and scalars are guarded by Select on
/// NotEqual(m, -inf), so a code generator only evaluates them.
struct ResultPlan {
  struct Term {
    const Node *factor; // null = 1
    unsigned accumulator;
  };
  const Node *scalar = nullptr;
  llvm::SmallVector<Term, 2> terms;
  llvm::SmallVector<EpilogueStep, 1> epilogue;
  /// Of a result of a list: the accumulator that appends to it.
  std::optional<unsigned> listing = {};
};

/// Why a reduction could not join an earlier sweep: the subexpression and the unfinished row value.
struct SweepReason {
  unsigned reduction;
  std::string text;
};

struct SweepPlan {
  std::unique_ptr<ExpressionGraph> graph;
  llvm::SmallVector<Frame> frames;
  llvm::SmallVector<Accumulator> accumulators;
  llvm::SmallVector<Sweep> sweeps;
  llvm::SmallVector<RowValue> rowValues;
  llvm::SmallVector<ResultPlan> results; // in the kernel's result order
  llvm::SmallVector<SweepReason> reasons;
};

/// The plan with the fewest sweeps that the separation rules find. Deterministic. Fails, having emitted
/// why, when the kernel needs what is not supported yet (column reductions, reductions over heads).
/// `headsOnRows`: rows are of several heads, so that what depends on the head differs from row to row.
mlir::FailureOr<SweepPlan> planSweeps(attn::KernelOp kernel, bool headsOnRows = false);

/// The plan in words: one line a sweep with its carried state, then row values, results and reasons.
std::string explain(const SweepPlan &plan);

/// The same of a kernel of tokens (`attn.tokens`), which has no sweeps: one line.
std::string explainTokens(attn::KernelOp kernel);

} // namespace attune

#endif // ATTUNE_COMPILER_ANALYSIS_SWEEPS_H
