// SPDX-License-Identifier: Apache-2.0
// The definitions of the ops whose value one row of their operands does not determine.
#include "compiler/reference/Stored.h"
#include "compiler/reference/Tasks.h"

using namespace mlir;
using llvm::Error;

namespace attune::reference {
namespace {

class Store {
public:
  Store(Evaluation &evaluation, const Options &options) : evaluation(evaluation), tasks(options) {}

  Error run();

private:
  Error store(Operation *op);
  Error map(attn::MapOp map);
  void concat(attn::ConcatOp concat);
  Error reduce(attn::ReduceOp reduce);
  void reduceHeads(attn::ReduceOp reduce);
  Error reduceColumns(attn::ReduceOp reduce);
  Error reduceTokens(attn::ReduceOp reduce);
  Error reduceQueries(attn::ReduceOp reduce);
  Error transpose(attn::TransposeOp transpose);
  Error transposeRows(attn::TransposeOp transpose);
  Error transposeMatrix(attn::TransposeOp transpose);
  Error product(attn::ContractOp contract);
  void layOutByLane(Value cols);

  Tokens emptyTokens(Value value);
  std::vector<MatrixRow> emptyMatrix(Value value);
  void keepMatrix(Value value, std::vector<MatrixRow> rows);
  void keep(Value value, Tokens tokens) { evaluation.problem->tokens[value] = std::move(tokens); }
  int64_t lengthOf(StringAttr axis) { return evaluation.problem->length(axis.getValue()); }
  /// Calls `visit` for each sequence and head of `value`, on all threads.
  Error forEachPlane(Value value,
                     llvm::function_ref<void(RowEvaluator &, int64_t b, int64_t h)> visit);
  std::vector<Reduction> startReductions(attn::ReduceOp reduce, int64_t count);

  Evaluation &evaluation;
  Tasks tasks;
};

Tokens Store::emptyTokens(Value value) {
  Type element = attn::getPlaceElementType(value.getType());
  const ValueInfo &info = evaluation.info(value);
  Tokens tokens;
  tokens.batch = info.batch;
  tokens.heads = info.heads;
  tokens.length = lengthOf(attn::getAxes(value.getType()).front());
  tokens.values.integer = isInteger(element);
  tokens.values.width = widthOf(element);
  size_t size = size_t(tokens.batch * tokens.heads * tokens.length * tokens.values.width);
  tokens.values.reals.resize(tokens.values.integer ? 0 : size);
  tokens.values.integers.resize(tokens.values.integer ? size : 0);
  return tokens;
}

std::vector<MatrixRow> Store::emptyMatrix(Value value) {
  const ValueInfo &info = evaluation.info(value);
  return std::vector<MatrixRow>(
      size_t(info.batch * info.heads * lengthOf(attn::getAxes(value.getType()).front())));
}

/// An eager framework keeps a matrix of floats in the type of the operands.
void Store::keepMatrix(Value value, std::vector<MatrixRow> rows) {
  Type element = attn::getPlaceElementType(value.getType());
  if (evaluation.eager() && getElementTypeOrSelf(element).isF32())
    for (MatrixRow &row : rows)
      roundTo(evaluation.matrixType, row.values.reals);
  evaluation.storedMatrices[value] = std::move(rows);
}

Error Store::forEachPlane(Value value,
                          llvm::function_ref<void(RowEvaluator &, int64_t, int64_t)> visit) {
  const ValueInfo &info = evaluation.info(value);
  auto makeWorker = [&]() -> std::function<std::string(int64_t)> {
    auto evaluator = std::make_shared<RowEvaluator>(evaluation);
    return [&, evaluator](int64_t plane) {
      visit(*evaluator, plane / info.heads, plane % info.heads);
      return evaluator->error;
    };
  };
  return tasks.run(info.batch * info.heads, makeWorker);
}

std::vector<Reduction> Store::startReductions(attn::ReduceOp reduce, int64_t count) {
  Type element = attn::getPlaceElementType(reduce.getType());
  return std::vector<Reduction>(size_t(count),
                                Reduction(reduce.getKind(), element, evaluation.eager()));
}

/// Overwrites the values from `place` on with those of `lanes`, `count` places.
void overwrite(Lanes &to, int64_t place, const Lanes &lanes, int64_t count) {
  auto copy = [&]<typename T>(T) {
    for (int64_t i = 0; i < count; ++i)
      std::copy_n(lanes.values<T>().data() + i * lanes.stride(), to.width,
                  to.values<T>().data() + (place + i) * to.width);
  };
  to.integer ? copy(int64_t()) : copy(double());
}

//===--- Cols ---------------------------------------------------------------------------------===//

Error Store::map(attn::MapOp map) {
  Tokens tokens = emptyTokens(map.getResult());
  constexpr int64_t tokensAtOnce = 256;
  int64_t pieces = (tokens.length + tokensAtOnce - 1) / tokensAtOnce;
  auto makeWorker = [&]() -> std::function<std::string(int64_t)> {
    auto evaluator = std::make_shared<RowEvaluator>(evaluation);
    return [&, evaluator](int64_t task) {
      int64_t begin = task % pieces * tokensAtOnce, plane = task / pieces;
      int64_t end = std::min(begin + tokensAtOnce, tokens.length);
      int64_t b = plane / tokens.heads, h = plane % tokens.heads;
      Lanes lanes = evaluator->evaluateCols(map, b, h, begin, end);
      if (evaluator->error.empty())
        overwrite(tokens.values, tokens.place(b, h, begin), lanes, end - begin);
      return evaluator->error;
    };
  };
  if (Error error = tasks.run(tokens.batch * tokens.heads * pieces, makeWorker))
    return error;
  keep(map.getResult(), std::move(tokens));
  return Error::success();
}

void Store::concat(attn::ConcatOp concat) {
  Tokens tokens = emptyTokens(concat.getResult());
  int64_t before = 0;
  for (Value segment : concat.getSegments()) {
    const Tokens &from = evaluation.problem->tokens.find(segment)->second;
    for (int64_t b = 0; b < tokens.batch; ++b)
      for (int64_t h = 0; h < tokens.heads; ++h) {
        int64_t own = from.place(from.batch == 1 ? 0 : b, h / (tokens.heads / from.heads), 0);
        for (int64_t n = 0; n < from.length; ++n) {
          Lanes one;
          one.integer = from.values.integer;
          one.width = from.values.width;
          one.append(from.values, own + n);
          overwrite(tokens.values, tokens.place(b, h, before + n), one, 1);
        }
      }
    before += from.length;
  }
  keep(concat.getResult(), std::move(tokens));
}

void Store::layOutByLane(Value cols) {
  std::vector<double> &byLane = evaluation.byLane[cols];
  if (!byLane.empty())
    return;
  const Tokens &tokens = evaluation.problem->tokens.find(cols)->second;
  int64_t width = tokens.values.width, length = tokens.length;
  byLane.resize(size_t(tokens.batch * tokens.heads * length * width));
  for (int64_t plane = 0; plane < tokens.batch * tokens.heads; ++plane)
    for (int64_t n = 0; n < length; ++n)
      for (int64_t lane = 0; lane < width; ++lane) {
        size_t from = size_t((plane * length + n) * width + lane);
        byLane[size_t((plane * width + lane) * length + n)] =
            tokens.values.integer ? double(tokens.values.integers[from])
                                  : tokens.values.reals[from];
      }
}

//===--- Reductions ---------------------------------------------------------------------------===//

Error Store::reduce(attn::ReduceOp reduce) {
  if (reduce.getOver() == attn::ReduceOver::Heads) {
    reduceHeads(reduce);
    return Error::success();
  }
  if (!isa<attn::MatrixType>(reduce.getInput().getType()))
    return reduceTokens(reduce);
  return reduce.isWhole() ? reduceColumns(reduce) : reduceQueries(reduce);
}

void Store::reduceHeads(attn::ReduceOp reduce) {
  Tokens tokens = emptyTokens(reduce.getResult());
  const Tokens &from = evaluation.problem->tokens.find(reduce.getInput())->second;
  Type element = attn::getPlaceElementType(reduce.getType());
  int64_t joined = from.heads / tokens.heads;
  for (int64_t b = 0; b < tokens.batch; ++b)
    for (int64_t h = 0; h < tokens.heads; ++h)
      for (int64_t n = 0; n < tokens.length; ++n) {
        Reduction reduction(reduce.getKind(), element, evaluation.eager());
        for (int64_t own = h * joined; own < (h + 1) * joined; ++own)
          reduction.join(from.values, from.place(b, own, n));
        overwrite(tokens.values, tokens.place(b, h, n), reduction.finish(), 1);
      }
  keep(reduce.getResult(), std::move(tokens));
}

/// A matrix over its queries: one number a key.
Error Store::reduceColumns(attn::ReduceOp reduce) {
  Tokens tokens = emptyTokens(reduce.getResult());
  StringAttr rowAxis = attn::getAxes(reduce.getInput().getType()).front();
  auto visit = [&](RowEvaluator &evaluator, int64_t b, int64_t h) {
    std::vector<Reduction> sums = startReductions(reduce, tokens.length);
    for (int64_t i = 0; i < lengthOf(rowAxis) && evaluator.error.empty(); ++i) {
      evaluator.moveTo(rowAxis.getValue(), b, i);
      evaluator.forEachReduced(reduce, h, [&](const ReducedPair &pair) {
        sums[size_t(pair.key)].join(*pair.values, pair.place);
      });
    }
    for (int64_t j = 0; j < tokens.length; ++j)
      overwrite(tokens.values, tokens.place(b, h, j), sums[size_t(j)].finish(), 1);
  };
  if (Error error = forEachPlane(reduce.getResult(), visit))
    return error;
  keep(reduce.getResult(), std::move(tokens));
  return Error::success();
}

/// Rows over queries or cols over keys, by blocks or by buckets of tokens.
Error Store::reduceTokens(attn::ReduceOp reduce) {
  Tokens tokens = emptyTokens(reduce.getResult());
  StringAttr axis = attn::getAxes(reduce.getInput().getType()).front();
  auto visit = [&](RowEvaluator &evaluator, int64_t b, int64_t h) {
    std::vector<Reduction> sums = startReductions(reduce, tokens.length);
    for (int64_t n = 0; n < lengthOf(axis) && evaluator.error.empty(); ++n) {
      evaluator.moveTo(axis.getValue(), b, n);
      evaluator.reduceToken(reduce, h, sums);
    }
    for (int64_t n = 0; n < tokens.length; ++n)
      overwrite(tokens.values, tokens.place(b, h, n), sums[size_t(n)].finish(), 1);
  };
  if (Error error = forEachPlane(reduce.getResult(), visit))
    return error;
  keep(reduce.getResult(), std::move(tokens));
  return Error::success();
}

/// A matrix over its queries, by blocks or by buckets: a row for each of them.
Error Store::reduceQueries(attn::ReduceOp reduce) {
  std::vector<MatrixRow> rows = emptyMatrix(reduce.getResult());
  StringAttr rowAxis = attn::getAxes(reduce.getInput().getType()).front();
  int64_t length = lengthOf(attn::getAxes(reduce.getType()).front());
  auto visit = [&](RowEvaluator &evaluator, int64_t b, int64_t h) {
    std::vector<Groups> groups(size_t(length), Groups(reduce, evaluation.eager()));
    for (int64_t i = 0; i < lengthOf(rowAxis) && evaluator.error.empty(); ++i) {
      evaluator.moveTo(rowAxis.getValue(), b, i);
      evaluator.forEachReduced(reduce, h, [&](const ReducedPair &pair) {
        groups[size_t(pair.group)].join(pair.key, *pair.values, pair.place);
      });
    }
    MatrixRow *own = rows.data() + (b * evaluation.info(reduce.getResult()).heads + h) * length;
    for (int64_t i = 0; i < length; ++i)
      own[i] = groups[size_t(i)].finish();
  };
  if (Error error = forEachPlane(reduce.getResult(), visit))
    return error;
  keepMatrix(reduce.getResult(), std::move(rows));
  return Error::success();
}

//===--- Transposes ---------------------------------------------------------------------------===//

Error Store::transpose(attn::TransposeOp transpose) {
  Type type = transpose.getInput().getType();
  if (isa<attn::MatrixType>(type))
    return transposeMatrix(transpose);
  if (isa<attn::RowsType>(type))
    return transposeRows(transpose);
  keep(transpose.getResult(), evaluation.problem->tokens.find(transpose.getInput())->second);
  return Error::success();
}

Error Store::transposeRows(attn::TransposeOp transpose) {
  Tokens tokens = emptyTokens(transpose.getResult());
  StringAttr axis = attn::getAxes(transpose.getInput().getType()).front();
  auto visit = [&](RowEvaluator &evaluator, int64_t b, int64_t h) {
    for (int64_t n = 0; n < tokens.length && evaluator.error.empty(); ++n) {
      evaluator.moveTo(axis.getValue(), b, n);
      overwrite(tokens.values, tokens.place(b, h, n), evaluator.rows(transpose.getInput(), h), 1);
    }
  };
  if (Error error = forEachPlane(transpose.getResult(), visit))
    return error;
  keep(transpose.getResult(), std::move(tokens));
  return Error::success();
}

Error Store::transposeMatrix(attn::TransposeOp transpose) {
  std::vector<MatrixRow> rows = emptyMatrix(transpose.getResult());
  Type type = transpose.getType(), element = attn::getPlaceElementType(type);
  int64_t length = lengthOf(attn::getAxes(type).front());
  StringAttr from = attn::getAxes(type).back(); // the row axis of the operand
  auto visit = [&](RowEvaluator &evaluator, int64_t b, int64_t h) {
    MatrixRow *own = rows.data() + (b * evaluation.info(transpose.getResult()).heads + h) * length;
    std::vector<std::vector<int64_t>> keys(static_cast<size_t>(length));
    for (int64_t j = 0; j < length; ++j) {
      own[j].values.integer = isInteger(element);
      own[j].values.width = widthOf(element);
    }
    for (int64_t i = 0; i < lengthOf(from) && evaluator.error.empty(); ++i) {
      evaluator.moveTo(from.getValue(), b, i);
      const MatrixRow &row = evaluator.matrix(transpose.getInput(), h);
      for (int64_t place = 0; place < row.numKeys(); ++place) {
        int64_t j = (*row.keys)[size_t(place)];
        keys[size_t(j)].push_back(i);
        own[j].values.append(row.values, place);
      }
    }
    for (int64_t j = 0; j < length; ++j)
      own[j].keys = std::make_shared<const std::vector<int64_t>>(std::move(keys[size_t(j)]));
  };
  if (Error error = forEachPlane(transpose.getResult(), visit))
    return error;
  keepMatrix(transpose.getResult(), std::move(rows));
  return Error::success();
}

//===--- Products of matrices -----------------------------------------------------------------===//

/// Rows of the second matrix, weighed by a row of the first.
Error Store::product(attn::ContractOp contract) {
  Value weights = contract.getWeights(), values = contract.getValues(),
        result = contract.getResult();
  std::vector<MatrixRow> rows = emptyMatrix(result);
  auto axes = attn::getAxes(result.getType());
  StringAttr inner = attn::getAxes(weights.getType()).back();
  const Keys &keys = evaluation.allKeys.find(axes.back().getValue())->second;
  bool f32 = evaluation.eager() && attn::getPlaceElementType(result.getType()).isF32();
  auto visit = [&](RowEvaluator &evaluator, int64_t b, int64_t h) {
    int64_t heads = evaluation.info(result).heads, length = lengthOf(axes.front());
    MatrixRow *own = rows.data() + (b * heads + h) * length;
    auto headOf = [&](Value value) { return h / (heads / evaluation.info(value).heads); };
    std::vector<MatrixRow> factors;
    for (int64_t e = 0; e < lengthOf(inner) && evaluator.error.empty(); ++e) {
      evaluator.moveTo(inner.getValue(), b, e);
      factors.push_back(evaluator.matrix(values, headOf(values)));
    }
    for (int64_t i = 0; i < length && evaluator.error.empty(); ++i) {
      evaluator.moveTo(axes.front().getValue(), b, i);
      const MatrixRow &row = evaluator.matrix(weights, headOf(weights));
      own[i].keys = keys;
      own[i].values.reals.assign(keys->size(), 0);
      for (int64_t place = 0; place < row.numKeys(); ++place) {
        const MatrixRow &factor = factors[size_t((*row.keys)[size_t(place)])];
        double weight = row.values.reals[size_t(place * row.values.stride())];
        for (int64_t other = 0; other < factor.numKeys(); ++other)
          accumulate(&own[i].values.reals[size_t((*factor.keys)[size_t(other)])],
                     &factor.values.reals[size_t(other * factor.values.stride())], weight, 1, f32);
      }
    }
  };
  if (Error error = forEachPlane(result, visit))
    return error;
  keepMatrix(result, std::move(rows));
  return Error::success();
}

//===--- All ----------------------------------------------------------------------------------===//

/// Is the value of `op` not determined by one row of its operands?
bool isStored(Operation *op) {
  if (op->getNumResults() != 1 || !attn::isVirtual(op->getResult(0).getType()))
    return false;
  auto reduce = dyn_cast<attn::ReduceOp>(op);
  auto contract = dyn_cast<attn::ContractOp>(op);
  if (contract && contract.isProduct())
    return true;
  return isa<attn::ColsType>(op->getResult(0).getType()) || isa<attn::TransposeOp>(op) ||
         (reduce && reduce.getOver() == attn::ReduceOver::Queries);
}

Error Store::store(Operation *op) {
  if (auto map = dyn_cast<attn::MapOp>(op))
    return this->map(map);
  if (auto transpose = dyn_cast<attn::TransposeOp>(op))
    return this->transpose(transpose);
  if (auto reduce = dyn_cast<attn::ReduceOp>(op))
    return this->reduce(reduce);
  if (auto contract = dyn_cast<attn::ContractOp>(op))
    return product(contract);
  concat(cast<attn::ConcatOp>(op));
  return Error::success();
}

Error Store::run() {
  for (Operation &op : evaluation.problem->kernel.getBody().front().without_terminator()) {
    if (auto dot = dyn_cast<attn::DotOp>(op))
      layOutByLane(dot.getCols());
    if (isa<attn::ScanOp, attn::StencilOp>(op)) {
      if (Error error = evaluateWhole(evaluation, &op))
        return error;
    } else if (isStored(&op)) {
      if (Error error = store(&op))
        return error;
    }
  }
  return Error::success();
}

} // namespace

Error storeValues(Evaluation &evaluation, const Options &options) {
  return Store(evaluation, options).run();
}

} // namespace attune::reference
