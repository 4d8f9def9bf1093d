// SPDX-License-Identifier: Apache-2.0
// Running values and neighbours along tokens: what are `scan` and `stencil` of cols and rows, and
// `scan` along the queries?
#include "compiler/reference/Evaluator.h"

using namespace mlir;
using llvm::Error;

namespace attune::reference {
namespace {

class WholeEvaluator {
public:
  WholeEvaluator(Evaluation &evaluation, Operation *op)
      : evaluation(evaluation), op(op), rows(evaluation) {}

  Error scanTokens(attn::ScanOp scan);
  Error scanQueries(attn::ScanOp scan);
  Error stencilTokens(attn::StencilOp stencil);
  Error storeMatrix(Value matrix);

private:
  Lanes tokensOf(Value value, int64_t sequence, int64_t head);
  Tokens emptyTokens(Value value) const;
  std::vector<Lanes> runScan(attn::ScanOp scan, ArrayRef<Lanes> values, int64_t places);
  Error finish() const {
    return rows.error.empty() ? Error::success() : llvm::createStringError(rows.error);
  }

  Evaluation &evaluation;
  Operation *op;
  RowEvaluator rows;
};

Lanes emptyLanes(Type element, int64_t places) {
  Lanes lanes;
  lanes.integer = isInteger(element);
  lanes.width = widthOf(element);
  size_t size = size_t(places * lanes.width);
  lanes.reals.resize(lanes.integer ? 0 : size);
  lanes.integers.resize(lanes.integer ? size : 0);
  return lanes;
}

/// Overwrites `count` numbers from number `to` on.
void copyNumbers(Lanes &lanes, int64_t to, const Lanes &from, int64_t first, int64_t count) {
  auto copy = [&]<typename T>(T) {
    std::copy_n(from.values<T>().data() + first, count, lanes.values<T>().data() + to);
  };
  lanes.integer ? copy(int64_t()) : copy(double());
}

/// All tokens of rows or cols in one sequence and head.
Lanes WholeEvaluator::tokensOf(Value value, int64_t sequence, int64_t head) {
  StringRef axis = attn::getAxes(value.getType()).front().getValue();
  int64_t length = evaluation.problem->length(axis);
  Lanes lanes = emptyLanes(attn::getPlaceElementType(value.getType()), 0);
  if (isa<attn::ColsType>(value.getType())) {
    const Tokens &tokens = evaluation.problem->tokens.find(value)->second;
    for (int64_t n = 0; n < length; ++n)
      lanes.append(tokens.values, tokens.place(tokens.batch == 1 ? 0 : sequence, head, n));
    return lanes;
  }
  for (int64_t n = 0; n < length; ++n) {
    rows.moveTo(axis, sequence, n);
    lanes.append(rows.rows(value, head), 0);
  }
  return lanes;
}

Tokens WholeEvaluator::emptyTokens(Value value) const {
  const ValueInfo &info = evaluation.info(value);
  Tokens tokens;
  tokens.batch = info.batch;
  tokens.heads = info.heads;
  tokens.length = evaluation.problem->length(attn::getAxes(value.getType()).front().getValue());
  tokens.values = emptyLanes(attn::getPlaceElementType(value.getType()),
                             tokens.batch * tokens.heads * tokens.length);
  return tokens;
}

std::vector<Lanes> WholeEvaluator::runScan(attn::ScanOp scan, ArrayRef<Lanes> values,
                                           int64_t places) {
  Frame *frame = scan.getKind() ? nullptr : &rows.frameOf(op);
  auto pointers = llvm::map_to_vector(values, [](const Lanes &lanes) { return &lanes; });
  auto results =
      Running(evaluation, op, frame).scan(pointers, places, scan.getReverse(), scan.getExclusive());
  if (results.empty())
    rows.error = frame->error;
  return results;
}

/// Along the tokens of cols or rows.
Error WholeEvaluator::scanTokens(attn::ScanOp scan) {
  std::vector<Tokens> all;
  for (Value result : scan.getResults())
    all.push_back(emptyTokens(result));
  const Tokens &shape = all.front();
  for (int64_t b = 0; b < shape.batch; ++b)
    for (int64_t h = 0; h < shape.heads; ++h) {
      std::vector<Lanes> values;
      for (Value input : scan.getInputs())
        values.push_back(tokensOf(input, b, rows.headOf(input, scan.getResult(0), h)));
      std::vector<Lanes> results = runScan(scan, values, shape.length);
      if (Error error = finish())
        return error;
      for (auto [tokens, lanes] : llvm::zip(all, results))
        copyNumbers(tokens.values, tokens.place(b, h, 0) * lanes.width, lanes, 0,
                    tokens.length * lanes.width);
    }
  for (auto [result, tokens] : llvm::zip(scan.getResults(), all))
    evaluation.problem->tokens[result] = std::move(tokens);
  return Error::success();
}

/// Along the queries of matrices, key by key.
Error WholeEvaluator::scanQueries(attn::ScanOp scan) {
  Value first = scan.getResult(0);
  auto type = cast<attn::MatrixType>(first.getType());
  StringRef rowAxis = type.getRowAxis().getValue();
  const ValueInfo info = evaluation.info(first);
  int64_t queries = evaluation.problem->length(rowAxis);
  int64_t keys = evaluation.problem->length(type.getColAxis().getValue());
  SmallVector<Value> inputs(scan.getInputs());
  size_t count = inputs.size();
  std::vector<std::vector<MatrixRow>> all(count);
  for (int64_t plane = 0; plane < info.batch * info.heads; ++plane) {
    // Of each key: where it is visible, and the values there.
    std::vector<std::vector<std::pair<int64_t, int64_t>>> places(static_cast<size_t>(keys));
    std::vector<std::vector<Lanes>> values(static_cast<size_t>(keys));
    for (auto &own : values)
      for (Value input : inputs)
        own.push_back(emptyLanes(attn::getPlaceElementType(input.getType()), 0));
    size_t before = all.front().size();
    for (int64_t i = 0; i < queries; ++i) {
      rows.moveTo(rowAxis, plane / info.heads, i);
      std::vector<MatrixRow> bound = rows.bindRows(scan, plane % info.heads);
      if (Error error = finish())
        return error;
      for (int64_t place = 0; place < bound.front().numKeys(); ++place) {
        size_t key = size_t((*bound.front().keys)[size_t(place)]);
        places[key].push_back({i, place});
        for (size_t number = 0; number < count; ++number)
          values[key][number].append(bound[number].values, place);
      }
      for (size_t number = 0; number < count; ++number)
        all[number].push_back(std::move(bound[number]));
    }
    for (size_t key = 0; key < size_t(keys); ++key) {
      std::vector<Lanes> results = runScan(scan, values[key], int64_t(places[key].size()));
      if (Error error = finish())
        return error;
      for (size_t number = 0; number < count; ++number)
        for (auto [position, at] : llvm::enumerate(places[key])) {
          Lanes &row = all[number][before + size_t(at.first)].values;
          copyNumbers(row, at.second * row.width, results[number], int64_t(position) * row.width,
                      row.width);
        }
    }
  }
  for (auto [result, stored] : llvm::zip(scan.getResults(), all)) {
    // An eager framework keeps a matrix of floats in the type of the operands.
    Type element = attn::getPlaceElementType(result.getType());
    if (evaluation.eager() && getElementTypeOrSelf(element).isF32())
      for (MatrixRow &row : stored)
        roundTo(evaluation.matrixType, row.values.reals);
    evaluation.storedMatrices[result] = std::move(stored);
  }
  return Error::success();
}

/// Of tokens: those beside it, and in other heads.
Error WholeEvaluator::stencilTokens(attn::StencilOp stencil) {
  Value input = stencil.getInput();
  Tokens tokens = emptyTokens(stencil.getResult());
  int64_t heads = stencil.getHeads().value_or(1), first = 0, size = 1;
  if (auto range = stencil.getQueries() ? stencil.getQueries() : stencil.getKeys()) {
    first = (*range)[0];
    size = (*range)[1] - first + 1;
  }
  int64_t width = widthOf(attn::getPlaceElementType(input.getType()));
  for (int64_t b = 0; b < tokens.batch; ++b)
    for (int64_t h = 0; h < tokens.heads * heads; ++h) {
      int64_t own = stencil.getHeads() ? h : rows.headOf(input, stencil.getResult(), h);
      Lanes from = tokensOf(input, b, own);
      if (Error error = finish())
        return error;
      for (int64_t n = 0; n < tokens.length; ++n)
        for (int64_t a = 0; a < size; ++a) {
          int64_t read = n + first + a;
          int64_t lane = (h % heads * size + a) * width;
          if (read >= 0 && read < tokens.length)
            copyNumbers(tokens.values, tokens.place(b, h / heads, n) * tokens.values.width + lane,
                        from, read * width, width);
        }
    }
  evaluation.problem->tokens[stencil.getResult()] = std::move(tokens);
  return Error::success();
}

/// Keeps all rows of a matrix.
Error WholeEvaluator::storeMatrix(Value matrix) {
  if (evaluation.storedMatrices.contains(matrix))
    return Error::success();
  StringRef rowAxis = cast<attn::MatrixType>(matrix.getType()).getRowAxis().getValue();
  const ValueInfo info = evaluation.info(matrix);
  int64_t length = evaluation.problem->length(rowAxis);
  std::vector<MatrixRow> stored(size_t(info.batch * info.heads * length));
  for (int64_t b = 0; b < info.batch; ++b)
    for (int64_t i = 0; i < length; ++i) {
      rows.moveTo(rowAxis, b, i);
      for (int64_t h = 0; h < info.heads; ++h)
        stored[size_t((b * info.heads + h) * length + i)] = rows.matrix(matrix, h);
      if (Error error = finish())
        return error;
    }
  evaluation.storedMatrices[matrix] = std::move(stored);
  return Error::success();
}

} // namespace

Error evaluateWhole(Evaluation &evaluation, Operation *op) {
  WholeEvaluator evaluator(evaluation, op);
  bool ofMatrix = isa<attn::MatrixType>(op->getResult(0).getType());
  if (auto scan = dyn_cast<attn::ScanOp>(op)) {
    if (!ofMatrix)
      return evaluator.scanTokens(scan);
    return scan.getOver() == attn::ReduceOver::Queries ? evaluator.scanQueries(scan)
                                                       : Error::success();
  }
  auto stencil = cast<attn::StencilOp>(op);
  if (!ofMatrix)
    return evaluator.stencilTokens(stencil);
  return stencil.getQueries() ? evaluator.storeMatrix(stencil.getInput()) : Error::success();
}

} // namespace attune::reference
