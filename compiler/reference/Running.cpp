// SPDX-License-Identifier: Apache-2.0
// Running values and neighbours: what are `scan` along the keys, `fold` and `stencil`, one row of a
// matrix at a time?
#include "compiler/reference/Evaluator.h"

using namespace mlir;

namespace attune::reference {

//===--- States -------------------------------------------------------------------------------===//

Running::Running(const Evaluation &evaluation, Operation *op, Frame *frame)
    : evaluation(evaluation), op(op), frame(frame) {}

void Running::start() {
  auto scan = dyn_cast<attn::ScanOp>(op);
  if (scan && scan.getKind()) {
    reduction.emplace(*scan.getKind(), attn::getPlaceElementType(scan.getInputs()[0].getType()),
                      evaluation.eager());
    return;
  }
  combined.clear();
  for (Value identity : scan ? scan.getIdentities() : cast<attn::FoldOp>(op).getIdentities())
    combined.push_back(evaluation.problem->environment.scalars.find(identity)->second);
}

/// Joins the values at one place, which come before the state or after it.
bool Running::join(ArrayRef<const Lanes *> values, int64_t place, bool before) {
  if (reduction) {
    reduction->join(*values[0], place);
    return true;
  }
  std::vector<Lanes> own;
  for (const Lanes *lanes : values) {
    Lanes &one = own.emplace_back();
    one.integer = lanes->integer;
    one.width = lanes->width;
    one.append(*lanes, place);
  }
  std::vector<Lanes> &first = before ? own : combined, &second = before ? combined : own;
  std::vector<Lanes> arguments(first);
  arguments.insert(arguments.end(), second.begin(), second.end());
  const Program &program = evaluation.programs.find(op)->second;
  if (!program.run(*frame, 1, arguments))
    return false;
  for (auto [lanes, result] : llvm::zip(combined, program.results))
    lanes = frame->registers[result];
  return true;
}

std::vector<Lanes> Running::state() const {
  if (reduction)
    return {Reduction(*reduction).finish()};
  return combined;
}

std::vector<Lanes> Running::scan(ArrayRef<const Lanes *> values, int64_t places, bool reverse,
                                 bool exclusive) {
  std::vector<std::vector<Lanes>> states(static_cast<size_t>(places));
  start();
  for (int64_t step = 0; step < places; ++step) {
    int64_t place = reverse ? places - 1 - step : step;
    if (exclusive)
      states[size_t(place)] = state();
    if (!join(values, place, reverse))
      return {};
    if (!exclusive)
      states[size_t(place)] = state();
  }
  std::vector<Lanes> results(values.size());
  for (auto [number, lanes] : llvm::enumerate(results)) {
    lanes.integer = values[number]->integer;
    lanes.width = values[number]->width;
    for (const std::vector<Lanes> &at : states)
      lanes.append(at[number], 0);
  }
  return results;
}

std::vector<Lanes> Running::fold(ArrayRef<const Lanes *> values, int64_t places) {
  start();
  for (int64_t place = 0; place < places; ++place)
    if (!join(values, place, /*before=*/false))
      return {};
  return state();
}

//===--- scan, fold ---------------------------------------------------------------------------===//

std::vector<MatrixRow> RowEvaluator::bindRows(Operation *op, int64_t head) {
  Keys keys = commonKeys(op, head);
  std::vector<MatrixRow> rows;
  for (Value input : boundOperands(op)) {
    MatrixRow &row = rows.emplace_back();
    row.keys = keys;
    bindAtKeys(row.values, input, op, head, *keys);
  }
  return rows;
}

static SmallVector<const Lanes *> valuesOf(ArrayRef<MatrixRow> rows) {
  return llvm::map_to_vector(rows, [](const MatrixRow &row) { return &row.values; });
}

MatrixRow RowEvaluator::scan(attn::ScanOp op, OpResult result, int64_t head) {
  std::vector<MatrixRow> inputs = bindRows(op, head);
  Frame *frame = op.getKind() ? nullptr : &frameOf(op);
  MatrixRow row = inputs[result.getResultNumber()];
  auto results = Running(evaluation, op, frame)
                     .scan(valuesOf(inputs), row.numKeys(), op.getReverse(), op.getExclusive());
  if (results.empty())
    error = frame->error;
  else
    row.values = std::move(results[result.getResultNumber()]);
  return row;
}

Lanes RowEvaluator::fold(attn::FoldOp op, OpResult result, int64_t head) {
  std::vector<MatrixRow> inputs = bindRows(op, head);
  Frame &frame = frameOf(op);
  auto results = Running(evaluation, op, &frame).fold(valuesOf(inputs), inputs[0].numKeys());
  Lanes last;
  if (results.empty()) {
    error = frame.error;
    Type element = attn::getPlaceElementType(result.getType());
    last.integer = isInteger(element);
    last.width = widthOf(element);
    last.reals.resize(last.integer ? 0 : size_t(last.width));
    last.integers.resize(last.integer ? size_t(last.width) : 0);
    return last;
  }
  last = std::move(results[result.getResultNumber()]);
  last.uniform = false;
  return last;
}

//===--- stencil ------------------------------------------------------------------------------===//

/// The row of `value` that stands `distance` tokens behind the current one; null beyond the ends.
const MatrixRow *RowEvaluator::neighbour(Value value, int64_t head, int64_t distance) {
  if (distance == 0)
    return &matrix(value, head);
  StringRef rowAxis = cast<attn::MatrixType>(value.getType()).getRowAxis().getValue();
  int64_t length = evaluation.problem->length(rowAxis), i = tokenOn(rowAxis) + distance;
  if (i < 0 || i >= length)
    return nullptr;
  const auto &stored = evaluation.storedMatrices.find(value)->second;
  int64_t heads = evaluation.info(value).heads;
  return &stored[size_t((sequenceOf(value) * heads + head) * length + i)];
}

MatrixRow RowEvaluator::stencil(attn::StencilOp op, int64_t head) {
  Value input = op.getInput();
  Type element = attn::getPlaceElementType(input.getType());
  int64_t heads = op.getHeads().value_or(1), width = widthOf(element);
  int64_t centreHead = op.getHeads() ? head * heads : headOf(input, op.getResult(), head);
  auto rangeOf = [](std::optional<ArrayRef<int64_t>> range) {
    return range ? std::pair((*range)[0], (*range)[1]) : std::pair<int64_t, int64_t>(0, 0);
  };
  auto [firstQuery, lastQuery] = rangeOf(op.getQueries());
  auto [firstKey, lastKey] = rangeOf(op.getKeys());

  std::vector<int64_t> keys;
  for (int64_t n = 0; n < heads; ++n) {
    std::vector<int64_t> both;
    const Keys &more = matrix(input, centreHead + n).keys;
    std::set_union(keys.begin(), keys.end(), more->begin(), more->end(), std::back_inserter(both));
    keys = std::move(both);
  }
  MatrixRow row;
  row.keys = std::make_shared<const std::vector<int64_t>>(keys);
  row.values.integer = isInteger(element);
  row.values.width = widthOf(attn::getPlaceElementType(op.getType()));
  size_t size = keys.size() * size_t(row.values.width);
  row.values.reals.resize(row.values.integer ? 0 : size);
  row.values.integers.resize(row.values.integer ? size : 0);

  int64_t numQueries = lastQuery - firstQuery + 1, numKeys = lastKey - firstKey + 1;
  for (int64_t n = 0; n < heads; ++n)
    for (int64_t a = 0; a < numQueries; ++a) {
      const MatrixRow *from = neighbour(input, centreHead + n, firstQuery + a);
      for (size_t centre = 0; from && centre < keys.size(); ++centre)
        for (int64_t c = 0; c < numKeys; ++c) {
          int64_t key = keys[centre] + firstKey + c;
          auto found = std::lower_bound(from->keys->begin(), from->keys->end(), key);
          if (found == from->keys->end() || *found != key)
            continue;
          int64_t place = found - from->keys->begin();
          int64_t to =
              int64_t(centre) * row.values.width + ((n * numQueries + a) * numKeys + c) * width;
          auto copy = [&]<typename T>(T) {
            std::copy_n(from->values.values<T>().data() + place * from->values.stride(), width,
                        row.values.values<T>().data() + to);
          };
          row.values.integer ? copy(int64_t()) : copy(double());
        }
    }
  return row;
}

} // namespace attune::reference
