// SPDX-License-Identifier: Apache-2.0
// What do the steps of planning share? Reductions with their terms and stages, and the state being built.
#ifndef ATTUNE_COMPILER_ANALYSIS_SWEEPPLANNER_H
#define ATTUNE_COMPILER_ANALYSIS_SWEEPPLANNER_H

#include "compiler/analysis/Facts.h"
#include "compiler/analysis/RowNumber.h"
#include "compiler/analysis/Sweeps.h"
#include "llvm/ADT/MapVector.h"

namespace attune {

/// How one reduction is computed.
struct ReductionPlan {
  unsigned stage = 0;             // the sweep that carries it
  unsigned finished = 0;          // the sweep after which its value is known
  llvm::SmallVector<Term> terms;  // of a sum
  const Node *extremum = nullptr; // of a max or min: a row expression of finished extrema
  /// Does somebody use its value other than as a plain sum, so that its scale may cancel?
  bool relative = false;
  /// Is it divided by, or is its logarithm taken?
  bool divides = false;
  /// Does a later sweep read its value?
  bool readLater = false;

  /// The sum as `factor * accumulator`, once the state is made.
  struct Carried {
    const Node *factor;
    unsigned accumulator;
  };
  llvm::SmallVector<Carried> carried;
};

/// An accumulator while frames are not chosen. Nodes are those of the graph: closed reductions stand for themselves.
struct DraftAccumulator {
  attn::ReduceKind kind = attn::ReduceKind::Sum;
  mlir::Value values;
  Domain domain;
  unsigned stage = 0;
  /// Without a frame: what is summed, or compared.
  const Node *whole = nullptr;
  /// In a frame: the sum of weight * exp(exponent); its value is `scale` times that of the accumulator.
  Factors weight;
  const Node *exponent = nullptr;
  unsigned centredPower = 0;
  double scale = 1;
  int frame = -1;
  double rate = 0;
  llvm::SmallVector<unsigned, 2> family;
  bool divides = false;
  attn::VisibleKeysOp listed = {};
  /// An extremum of a frame's exponent is `aliasRatio` times its origin.
  int alias = -1;
  double aliasRatio = 0;
  /// Of a fold alone.
  const Node *identity = nullptr;
};

struct DraftFrame {
  const Node *exponent;
  Domain domain;
  unsigned stage;
  bool exact = false;
};

class SweepPlanner {
public:
  SweepPlanner(ExpressionGraph &graph, SweepPlan &plan);
  mlir::LogicalResult run();

private:
  // Stages (SweepStages.cpp).
  mlir::LogicalResult assignStage(unsigned reduction);
  bool tryStage(unsigned reduction, unsigned stage, std::string &failure);
  bool goesTheWayOf(unsigned stage, unsigned reduction, std::string &failure);
  void markUses();
  void markClosed(unsigned reader);
  void markRelative(const Node *node, bool relative, bool divides);
  void markOperands(const Node *node, bool relative, bool divides);

  // State (SweepState.cpp).
  void makeState(unsigned stage);
  void makeSum(unsigned reduction);
  void makeFold(unsigned reduction);
  void makeGroup(unsigned reduction, llvm::ArrayRef<Term> group);
  void makeFramed(unsigned reduction, llvm::ArrayRef<Term> sameExponent);
  void makePlain(unsigned reduction, llvm::ArrayRef<Term> group);
  void makeExtremum(unsigned reduction);
  void makeList(unsigned reduction);
  DraftAccumulator draftOf(unsigned reduction) const;
  std::optional<unsigned> find(const DraftAccumulator &draft) const;
  unsigned findOrAdd(DraftAccumulator draft);
  void boundByRowFactors(Term &term);
  bool joinFrame(unsigned accumulator);
  bool joinDominatingFrame(unsigned accumulator);
  void openFrame(unsigned accumulator);
  void centre(unsigned accumulator);
  void aliasExtrema(unsigned stage);

  // Finishes (SweepFinish.cpp).
  RowNumber reductionValue(unsigned reduction);
  /// The value of an accumulator, as numbers times carried members of its family.
  llvm::SmallVector<std::pair<RowNumber, unsigned>> accumulatorValue(unsigned accumulator);
  std::optional<RowNumber> rowFactor(const Node *factor);
  const Node *guarded(const Node *rowExpression);
  const Node *guard(llvm::function_ref<const Node *()> value, const Node *read,
                    llvm::ArrayRef<Domain> domains);
  const Node *guardGated(llvm::function_ref<const Node *()> value, const Node *read);
  const Node *whileSilent(llvm::function_ref<const Node *()> value, const Node *read,
                          llvm::ArrayRef<Domain> domains);
  bool isGated(int frame) const;
  bool isSilent(int frame) const { return llvm::is_contained(silentFrames, unsigned(frame)); }
  int frameOf(const Node *node) const;
  llvm::SmallVector<const Node *> nonEmpty(const Node *finished, const Domain &domain);
  const Node *anySignOf(const Domain &domain);
  bool isEmpty(const Domain &domain) const;
  bool isSafeOnEmptyRows(const Node *node) const;
  const Node *overEmpty(const Node *node);
  const Node *emptyLeaf(const Node *leaf);
  void collectDomains(const Node *node, llvm::SmallVector<Domain> &domains);
  const Node *rowValue(const Node *finished, const Node *meaning);
  const Node *resolve(const Node *node);
  const Node *resolveProduct(const Node *node);
  const Node *resolveOnce(const Node *node);
  Domain resolve(const Domain &domain);
  void makeResults();
  llvm::MapVector<unsigned, RowNumber> vectorFactors(const GraphResult &result);
  ResultPlan makeVectorResult(const GraphResult &result);

  // Tidying (SweepTidy.cpp).
  void resolveState();
  void settleExtrema();
  void writePlan();

  const Node *aliased(const Node *node);
  const Node *aliasedLeaf(const Node *leaf);
  /// Sums are of the type that the kernel computes in, a fold of its own.
  const Node *accumulatorRef(unsigned index) {
    const Node *fold = accumulators[index].identity ? accumulators[index].whole : nullptr;
    return graph.leaf(NodeKind::AccumulatorRef, fold ? fold->type : graph.floatType(), {}, index);
  }
  const Node *frameRef(unsigned index) {
    return graph.leaf(NodeKind::FrameRef, graph.floatType(), {}, index);
  }

  ExpressionGraph &graph;
  SweepPlan &plan;
  RowArithmetic arithmetic;
  std::vector<ReductionPlan> reductions;
  std::vector<DraftAccumulator> accumulators;
  std::vector<DraftFrame> frames;
  unsigned numStages = 0;
  /// Does the sweep of a stage go from the last key to the first? Only of those that scans ask.
  llvm::DenseMap<unsigned, bool> reverses;
  llvm::DenseMap<const Node *, const Node *> resolved;
  /// Node -> which of (relative, divides) it was marked with, one bit each.
  llvm::DenseMap<const Node *, unsigned> marked;
  /// While a finish is made: the domains that leave the row empty.
  llvm::SmallVector<Domain> emptyDomains;
  /// Likewise: the frames, by number, that no chosen pair of the row has moved from -inf.
  llvm::SmallVector<unsigned> silentFrames;
  /// Likewise: the frames whose silence is decided already.
  llvm::SmallVector<unsigned> decidedFrames;
};

/// Makes each sweep over keys of several axes several sweeps, and names the axis of each (SweepAxes.cpp).
mlir::LogicalResult splitAxes(SweepPlan &plan);
/// Makes each sweep over segments of keys several sweeps (SweepSegments.cpp).
void splitSegments(SweepPlan &plan);
/// Lists the scans that each sweep reads, and its folds (SweepScans.cpp).
void findScans(SweepPlan &plan);
/// Visits the Scan nodes in `node`, those that others are made of first.
void forEachScan(const Node *node, llvm::function_ref<void(const Node *)> visit);
/// Does a scan go from the last key to the first?
bool isReverse(const Node *scan);

} // namespace attune

#endif // ATTUNE_COMPILER_ANALYSIS_SWEEPPLANNER_H
