// SPDX-License-Identifier: Apache-2.0
// How is a kernel evaluated, one row of its matrices at a time?
//
// Every value is a function of a place, and is evaluated by its definition. Rows and matrices are
// evaluated on demand, for one query token and all heads at once, and forgotten when the next query
// token begins, so that no matrix is stored. What one row does not determine is evaluated whole, in
// program order, before any row that reads it (Stored.h): cols, reductions over queries, transposes.
#ifndef ATTUNE_COMPILER_REFERENCE_EVALUATOR_H
#define ATTUNE_COMPILER_REFERENCE_EVALUATOR_H

#include "compiler/reference/Problem.h"

#include <map>

namespace attune::reference {

using Keys = std::shared_ptr<const std::vector<int64_t>>;

/// One row of a matrix: its visible keys in ascending order, and the values there.
struct MatrixRow {
  Keys keys;
  Lanes values;

  int64_t numKeys() const { return int64_t(keys->size()); }
};

/// What is known of a virtual value before any number is.
struct ValueInfo {
  int64_t batch = 1, heads = 1;
  unsigned facts = NoFacts;
};

/// A kernel that is ready to be evaluated: values measured, regions translated, cols at hand.
/// Immutable once prepared.
struct Evaluation {
  std::unique_ptr<Problem> problem;
  llvm::DenseMap<mlir::Value, ValueInfo> infos;
  llvm::DenseMap<mlir::Operation *, Program> programs;
  /// Cols operands of `dot` with number `lane` of all tokens side by side: [b][h][lane][n].
  llvm::DenseMap<mlir::Value, std::vector<double>> byLane;
  /// Matrices that are read at other tokens than the current one: row i of head h of sequence b is
  /// at (b * heads + h) * length + i.
  llvm::DenseMap<mlir::Value, std::vector<MatrixRow>> storedMatrices;
  /// All keys of an axis.
  llvm::StringMap<Keys> allKeys;
  /// What an eager framework keeps a matrix of floats in: the narrowest type of an operand.
  ElementType matrixType = ElementType::F64;

  bool eager() const { return problem->environment.mode == Mode::Eager; }
  const ValueInfo &info(mlir::Value value) const { return infos.find(value)->second; }
};

/// Measures values and translates regions (Prepare.cpp). Cols are still missing.
llvm::Expected<Evaluation> prepare(std::unique_ptr<Problem> problem);

/// Evaluates what a `scan` or `stencil` gives that depends on other tokens than the current one:
/// cols and rows whole, and the rows of a matrix that it needs side by side. (RunningWhole.cpp)
llvm::Error evaluateWhole(Evaluation &evaluation, mlir::Operation *op);

/// The operands whose elements the region of `op` receives.
mlir::ValueRange boundOperands(mlir::Operation *op);

/// The type of the values at whose places the region of `op` is evaluated.
mlir::Type placeTypeOf(mlir::Operation *op);

/// Joins numbers as `reduce` does, and starts from the value over nothing (Reduce.cpp).
class Reduction {
public:
  /// Of values of element type `element`; eager sums are f32 (f64 for f64).
  Reduction(attn::ReduceKind kind, mlir::Type element, bool eager);
  /// Joins the value of `lanes` at `place`.
  void join(const Lanes &lanes, int64_t place);
  /// The result, rounded once if eager.
  Lanes finish();

private:
  attn::ReduceKind kind;
  mlir::Type element;
  bool eager;
  int64_t count = 0;
  Lanes state;
};

/// The reductions that are one row of a matrix: a key that nothing joins is hidden.
class Groups {
public:
  Groups(attn::ReduceOp reduce, bool eager)
      : nothing(reduce.getKind(), attn::getPlaceElementType(reduce.getType()), eager) {}
  void join(int64_t key, const Lanes &lanes, int64_t place) {
    atKey.try_emplace(key, nothing).first->second.join(lanes, place);
  }
  MatrixRow finish();

private:
  Reduction nothing;
  std::map<int64_t, Reduction> atKey;
};

/// A visible pair of a matrix that is reduced, and the group it belongs to: the number of the block
/// of keys or queries, or of the bucket, 0 where there is but one.
struct ReducedPair {
  int64_t group, key;
  const Lanes *values;
  int64_t place;
};

/// Evaluates rows and matrices at one query token of one sequence.
class RowEvaluator {
public:
  explicit RowEvaluator(const Evaluation &evaluation) : evaluation(evaluation) {}

  /// Goes to token `token` of axis `axis` in sequence `sequence`.
  void moveTo(llvm::StringRef axis, int64_t sequence, int64_t token);

  /// The values of rows and of a matrix at this token, in head `head` of the value's own heads.
  /// Valid until moveTo. After an error they are of the right kind and size, but arbitrary.
  const Lanes &rows(mlir::Value value, int64_t head);
  const MatrixRow &matrix(mlir::Value value, int64_t head);

  /// Evaluates the region of an op of cols at tokens [begin, end) of one sequence and head.
  Lanes evaluateCols(mlir::Operation *op, int64_t sequence, int64_t head, int64_t begin,
                     int64_t end);

  /// Calls `visit` for each pair of the current row that `reduce`, over keys or queries of a matrix,
  /// joins in head `head` of its result. (Gather.cpp)
  void forEachReduced(attn::ReduceOp reduce, int64_t head,
                      llvm::function_ref<void(const ReducedPair &)> visit);
  /// Joins the current token of rows or cols to that of `groups` which it belongs to. (Gather.cpp)
  void reduceToken(attn::ReduceOp reduce, int64_t head, std::vector<Reduction> &groups);

  /// The operands of the `scan` or `fold` `op` at the keys that all of them see.
  std::vector<MatrixRow> bindRows(mlir::Operation *op, int64_t head);

  int64_t headOf(mlir::Value operand, mlir::Value result, int64_t head) const;
  Frame &frameOf(mlir::Operation *op);

  /// Why an evaluation failed; empty while all is well.
  std::string error;

private:
  Lanes evaluateRows(mlir::Value value, int64_t head);
  MatrixRow evaluateMatrix(mlir::Value value, int64_t head);
  Lanes evaluateRowsRegion(mlir::Operation *op, int64_t head);
  Lanes reduceKeys(attn::ReduceOp reduce, int64_t head);
  Lanes reduceHeadsOfRows(attn::ReduceOp reduce, int64_t head);
  Lanes contract(attn::ContractOp contract, int64_t head);
  Lanes logsumexp(attn::LogsumexpOp logsumexp, int64_t head);
  MatrixRow dot(attn::DotOp dot, int64_t head);
  MatrixRow mapOrWhere(mlir::Operation *op, int64_t head);
  MatrixRow softmax(attn::SoftmaxOp softmax, int64_t head);
  MatrixRow reduceMatrix(attn::ReduceOp reduce, int64_t head);
  MatrixRow take(attn::TakeOp take, int64_t head);
  MatrixRow concat(attn::ConcatOp concat, int64_t head);
  Lanes solve(attn::SolveOp solve, int64_t head);
  MatrixRow entmax(attn::EntmaxOp entmax, int64_t head);
  MatrixRow select(attn::SelectOp select, int64_t head);
  Lanes list(attn::ListOp list, int64_t head, bool keys);
  MatrixRow visibleKeys(attn::VisibleKeysOp op, int64_t head, bool keys);
  Lanes entries(attn::EntriesOp op, int64_t head);
  MatrixRow scan(attn::ScanOp scan, mlir::OpResult result, int64_t head);
  Lanes fold(attn::FoldOp fold, mlir::OpResult result, int64_t head);
  MatrixRow stencil(attn::StencilOp stencil, int64_t head);
  const MatrixRow *neighbour(mlir::Value value, int64_t head, int64_t distance);

  /// The largest score of a row with its sink, and the sum of exponentials relative to it.
  struct Normaliser {
    double maximum, sum;
  };
  Normaliser normalise(const MatrixRow &scores, mlir::Value sink, mlir::Operation *op, int64_t head,
                       std::vector<double> &exponentials);

  static MatrixRow emptyRow(mlir::Type element);
  int64_t tokenOn(llvm::StringRef axis) const;
  int64_t sequenceOf(mlir::Value value) const;
  /// The heads that head `head` of the result of `reduce` over heads joins: [first, end).
  std::pair<int64_t, int64_t> joinedHeads(attn::ReduceOp reduce, int64_t head) const;
  /// The keys of the current row that all matrices among the bound operands of `op` see; all keys of
  /// the axis if there is none.
  Keys commonKeys(mlir::Operation *op, int64_t head);
  /// The visible keys of a matrix on axis `axis`, of which its own may be blocks.
  Keys keysOn(llvm::StringRef axis, mlir::Value input, int64_t head);
  void bindAtKeys(Lanes &lanes, mlir::Value input, mlir::Operation *op, int64_t head,
                  llvm::ArrayRef<int64_t> keys);
  /// Appends the arguments of a region at some keys of the current row: elements, then indices.
  void bindPlaces(std::vector<Lanes> &arguments, mlir::Operation *op, int64_t head,
                  llvm::ArrayRef<int64_t> keys);
  /// Evaluates the region of `op` at `keys` of the current row, some at a time, and gives them to
  /// `visit` with the first bound element (null if there is none) and what the region yields there.
  /// Returns whether it succeeded.
  bool runAtKeys(mlir::Operation *op, int64_t head, llvm::ArrayRef<int64_t> keys,
                 llvm::function_ref<void(llvm::ArrayRef<int64_t> some, const Lanes *first,
                                         const Lanes &yielded)>
                     visit);
  double roundF32(double value) const;

  const Evaluation &evaluation;
  llvm::StringRef axis;
  int64_t sequence = 0, token = 0;
  std::map<mlir::Operation *, Frame> frames; // whose elements stay where they are
  llvm::DenseMap<std::pair<mlir::Value, int64_t>, std::unique_ptr<Lanes>> knownRows;
  llvm::DenseMap<std::pair<mlir::Value, int64_t>, std::unique_ptr<MatrixRow>> knownMatrices;
};

/// Combines values in order as the `scan` or `fold` `op` says; `values` are its operands at places in
/// the order of the scan. (Running.cpp)
class Running {
public:
  /// `frame` is one of the op's region, if it has one.
  Running(const Evaluation &evaluation, mlir::Operation *op, Frame *frame);
  /// The result of a scan at each place, one an operand; empty after an error.
  std::vector<Lanes> scan(llvm::ArrayRef<const Lanes *> values, int64_t places, bool reverse,
                          bool exclusive);
  /// The last state; empty after an error.
  std::vector<Lanes> fold(llvm::ArrayRef<const Lanes *> values, int64_t places);

private:
  void start();
  bool join(llvm::ArrayRef<const Lanes *> values, int64_t place, bool before);
  std::vector<Lanes> state() const;

  const Evaluation &evaluation;
  mlir::Operation *op;
  Frame *frame;
  std::vector<Lanes> combined;
  std::optional<Reduction> reduction;
};

/// out[i] += factor * in[i]; in f32 arithmetic if eager (Accumulate.cpp).
void accumulate(double *out, const double *in, double factor, int64_t count, bool eager);

} // namespace attune::reference

#endif // ATTUNE_COMPILER_REFERENCE_EVALUATOR_H
