// SPDX-License-Identifier: Apache-2.0
// The definitions of the ops whose value is a matrix, one row at a time.
#include "compiler/reference/Evaluator.h"

#include <cmath>
#include <map>

using namespace mlir;

namespace attune::reference {

const MatrixRow &RowEvaluator::matrix(Value value, int64_t head) {
  if (auto stored = evaluation.storedMatrices.find(value);
      stored != evaluation.storedMatrices.end()) {
    StringRef rowAxis = cast<attn::MatrixType>(value.getType()).getRowAxis().getValue();
    int64_t row = (sequenceOf(value) * evaluation.info(value).heads + head) *
                      evaluation.problem->length(rowAxis) +
                  tokenOn(rowAxis);
    return stored->second[size_t(row)];
  }
  if (auto known = knownMatrices.find({value, head}); known != knownMatrices.end())
    return *known->second;
  auto row = std::make_unique<MatrixRow>(evaluateMatrix(value, head));
  // An eager framework keeps a matrix of floats in the type of the operands.
  Type element = attn::getPlaceElementType(value.getType());
  if (evaluation.eager() && getElementTypeOrSelf(element).isF32())
    roundTo(evaluation.matrixType, row->values.reals);
  return *(knownMatrices[{value, head}] = std::move(row));
}

MatrixRow RowEvaluator::evaluateMatrix(Value value, int64_t head) {
  Operation *op = value.getDefiningOp();
  if (auto product = dyn_cast<attn::DotOp>(op))
    return dot(product, head);
  if (auto weights = dyn_cast<attn::SoftmaxOp>(op))
    return softmax(weights, head);
  if (auto reduce = dyn_cast<attn::ReduceOp>(op))
    return reduceMatrix(reduce, head);
  if (auto gather = dyn_cast<attn::TakeOp>(op))
    return take(gather, head);
  if (auto segments = dyn_cast<attn::ConcatOp>(op))
    return concat(segments, head);
  if (auto weights = dyn_cast<attn::EntmaxOp>(op))
    return entmax(weights, head);
  if (auto best = dyn_cast<attn::SelectOp>(op))
    return select(best, head);
  if (auto listed = dyn_cast<attn::VisibleKeysOp>(op))
    return visibleKeys(listed, head, /*keys=*/value == listed.getKeys());
  if (auto running = dyn_cast<attn::ScanOp>(op))
    return scan(running, cast<OpResult>(value), head);
  if (auto neighbours = dyn_cast<attn::StencilOp>(op))
    return stencil(neighbours, head);
  return mapOrWhere(op, head);
}

/// s_j = F * sum_t q[t] k_j[t], summed in the order of t.
MatrixRow RowEvaluator::dot(attn::DotOp dot, int64_t head) {
  Value rowsValue = dot.getRows(), cols = dot.getCols();
  const Lanes &query = rows(rowsValue, headOf(rowsValue, dot.getResult(), head));
  const Tokens &keys = evaluation.problem->tokens.find(cols)->second;
  int64_t keyHead = headOf(cols, dot.getResult(), head);
  int64_t width = keys.values.width;
  const double *byLane = evaluation.byLane.find(cols)->second.data() +
                         keys.place(sequenceOf(cols), keyHead, 0) * width;
  Type element = attn::getPlaceElementType(dot.getType());
  bool f32 = evaluation.eager() && element.isF32();

  std::vector<double> sums(size_t(keys.length), 0);
  for (int64_t lane = 0; lane < width; ++lane) {
    double factor =
        query.integer ? double(query.integers[size_t(lane)]) : query.reals[size_t(lane)];
    accumulate(sums.data(), byLane + lane * keys.length, factor, keys.length, f32);
  }
  MatrixRow row;
  row.keys =
      evaluation.allKeys.find(cast<attn::ColsType>(cols.getType()).getAxis().getValue())->second;
  row.values.integer = isInteger(element);
  if (row.values.integer) {
    for (double sum : sums)
      row.values.integers.push_back(wrap(bitsOf(element), int64_t(sum)));
    return row;
  }
  if (dot.getScale()) {
    double scale = dot.getScale()->convertToDouble();
    for (double &sum : sums)
      sum = f32 ? double(float(sum * double(float(scale)))) : sum * scale;
  }
  row.values.reals = std::move(sums);
  return row;
}

MatrixRow RowEvaluator::emptyRow(Type element) {
  MatrixRow row;
  row.keys = std::make_shared<const std::vector<int64_t>>();
  row.values.integer = isInteger(element);
  row.values.width = widthOf(element);
  return row;
}

Keys RowEvaluator::keysOn(StringRef axis, Value input, int64_t head) {
  const Keys &own = matrix(input, head).keys;
  StringRef ownAxis = cast<attn::MatrixType>(input.getType()).getColAxis().getValue();
  int64_t ratio = attn::getAxisBlock(ownAxis) / attn::getAxisBlock(axis);
  if (ratio == 1)
    return own;
  std::vector<int64_t> keys;
  int64_t length = evaluation.problem->length(axis);
  for (int64_t block : *own)
    for (int64_t key = block * ratio; key < std::min((block + 1) * ratio, length); ++key)
      keys.push_back(key);
  return std::make_shared<const std::vector<int64_t>>(std::move(keys));
}

Keys RowEvaluator::commonKeys(Operation *op, int64_t head) {
  StringRef keyAxis = cast<attn::MatrixType>(placeTypeOf(op)).getColAxis().getValue();
  Keys common;
  for (Value input : boundOperands(op)) {
    if (!isa<attn::MatrixType>(input.getType()))
      continue;
    Keys keys = keysOn(keyAxis, input, headOf(input, op->getResult(0), head));
    if (!common || common == keys) {
      common = keys;
      continue;
    }
    std::vector<int64_t> both;
    std::set_intersection(common->begin(), common->end(), keys->begin(), keys->end(),
                          std::back_inserter(both));
    common = std::make_shared<const std::vector<int64_t>>(std::move(both));
  }
  return common ? common : evaluation.allKeys.find(keyAxis)->second;
}

/// Fills `lanes` with what a bound operand of `op` is at some keys of the current row.
void RowEvaluator::bindAtKeys(Lanes &lanes, Value input, Operation *op, int64_t head,
                              ArrayRef<int64_t> keys) {
  int64_t inputHead = headOf(input, op->getResult(0), head);
  if (isa<attn::RowsType>(input.getType())) {
    lanes = rows(input, inputHead);
    lanes.uniform = true;
    return;
  }
  int64_t ratio = attn::getAxisBlock(attn::getAxes(input.getType()).back().getValue()) /
                  attn::getAxisBlock(attn::getAxes(placeTypeOf(op)).back().getValue());
  if (isa<attn::ColsType>(input.getType())) {
    const Tokens &tokens = evaluation.problem->tokens.find(input)->second;
    int64_t first = tokens.place(sequenceOf(input), inputHead, 0);
    lanes.integer = tokens.values.integer;
    lanes.width = tokens.values.width;
    for (int64_t key : keys)
      lanes.append(tokens.values, first + key / ratio);
    return;
  }
  const MatrixRow &row = matrix(input, inputHead);
  lanes.integer = row.values.integer;
  lanes.width = row.values.width;
  // The row has these keys, or their blocks, and maybe others between them.
  auto at = row.keys->begin();
  if (!keys.empty())
    at = std::lower_bound(at, row.keys->end(), keys.front() / ratio);
  for (int64_t key : keys) {
    while (*at != key / ratio)
      ++at;
    lanes.append(row.values, at - row.keys->begin());
  }
}

void RowEvaluator::bindPlaces(std::vector<Lanes> &arguments, Operation *op, int64_t head,
                              ArrayRef<int64_t> keys) {
  for (Value input : boundOperands(op))
    bindAtKeys(arguments.emplace_back(), input, op, head, keys);
  int64_t i = tokenOn(cast<attn::MatrixType>(placeTypeOf(op)).getRowAxis().getValue());
  for (int64_t index : {sequence, head, i})
    arguments.push_back(Lanes::ofInteger(index));
  Lanes &j = arguments.emplace_back();
  j.integer = true;
  j.integers.assign(keys.begin(), keys.end());
}

bool RowEvaluator::runAtKeys(
    Operation *op, int64_t head, ArrayRef<int64_t> keys,
    llvm::function_ref<void(ArrayRef<int64_t>, const Lanes *, const Lanes &)> visit) {
  const Program &program = evaluation.programs.find(op)->second;
  Frame &frame = frameOf(op);
  constexpr size_t placesAtOnce = 1024; // the registers of a region then stay in the cache
  for (size_t begin = 0; begin < keys.size(); begin += placesAtOnce) {
    ArrayRef<int64_t> some = keys.slice(begin, std::min(placesAtOnce, keys.size() - begin));
    std::vector<Lanes> arguments;
    bindPlaces(arguments, op, head, some);
    if (!program.run(frame, int64_t(some.size()), arguments)) {
      error = frame.error;
      return false;
    }
    // No step writes to an argument.
    bool isBound = !boundOperands(op).empty();
    const Lanes *first = isBound ? &frame.registers[program.arguments.front()] : nullptr;
    visit(some, first, frame.registers[program.results.front()]);
  }
  return true;
}

/// Evaluates the region at the keys that all inputs see: a map gives the values there, a where
/// keeps the first input at the keys for which the region says yes.
MatrixRow RowEvaluator::mapOrWhere(Operation *op, int64_t head) {
  Keys keys = commonKeys(op, head);
  Type element = attn::getPlaceElementType(op->getResult(0).getType());
  MatrixRow row = emptyRow(element);
  std::vector<int64_t> kept;
  bool isMap = isa<attn::MapOp>(op);
  auto visit = [&](ArrayRef<int64_t> some, const Lanes *first, const Lanes &yielded) {
    for (size_t place = 0; place < some.size(); ++place) {
      if (isMap) {
        row.values.append(yielded, int64_t(place));
      } else if (yielded.integers[place * size_t(yielded.stride())]) {
        row.values.append(*first, int64_t(place));
        kept.push_back(some[place]);
      }
    }
  };
  if (!runAtKeys(op, head, *keys, visit))
    return emptyRow(element);
  row.keys = isMap || kept.size() == keys->size()
                 ? keys
                 : std::make_shared<const std::vector<int64_t>>(std::move(kept));
  return row;
}

/// m = max s, e = exp(s - m), l = sum e, each with the sink. Where all are -inf, e and l are 0.
RowEvaluator::Normaliser RowEvaluator::normalise(const MatrixRow &scores, Value sink, Operation *op,
                                                 int64_t head, std::vector<double> &exponentials) {
  double maximum = -std::numeric_limits<double>::infinity();
  auto include = [&](double score) {
    maximum = std::isnan(score) || std::isnan(maximum) ? score + maximum : std::max(maximum, score);
  };
  llvm::for_each(scores.values.reals, include);
  std::optional<double> sinkScore;
  if (sink) {
    sinkScore = rows(sink, headOf(sink, op->getResult(0), head)).reals[0];
    include(*sinkScore);
  }
  double sum = 0;
  auto weigh = [&](double score) {
    if (maximum == -std::numeric_limits<double>::infinity())
      return 0.0;
    double weight = roundF32(std::exp(roundF32(score - maximum)));
    sum = roundF32(sum + weight);
    return weight;
  };
  for (double score : scores.values.reals)
    exponentials.push_back(weigh(score));
  if (sinkScore)
    weigh(*sinkScore);
  return {maximum, sum};
}

MatrixRow RowEvaluator::softmax(attn::SoftmaxOp op, int64_t head) {
  const MatrixRow &scores = matrix(op.getScores(), headOf(op.getScores(), op.getResult(), head));
  MatrixRow row;
  row.keys = scores.keys;
  Normaliser n = normalise(scores, op.getSink(), op, head, row.values.reals);
  for (double &weight : row.values.reals)
    weight = n.sum == 0 ? 0 : roundF32(weight / n.sum);
  return row;
}

/// The visible keys of each segment, behind all keys of those before it.
MatrixRow RowEvaluator::concat(attn::ConcatOp concat, int64_t head) {
  MatrixRow row;
  Type element = attn::getPlaceElementType(concat.getType());
  row.values.integer = isInteger(element);
  row.values.width = widthOf(element);
  std::vector<int64_t> keys;
  int64_t before = 0;
  for (Value segment : concat.getSegments()) {
    const MatrixRow &own = matrix(segment, headOf(segment, concat.getResult(), head));
    for (int64_t place = 0; place < own.numKeys(); ++place) {
      keys.push_back(before + (*own.keys)[size_t(place)]);
      row.values.append(own.values, place);
    }
    before += evaluation.problem->length(attn::getAxes(segment.getType()).back().getValue());
  }
  row.keys = std::make_shared<const std::vector<int64_t>>(std::move(keys));
  return row;
}

} // namespace attune::reference
