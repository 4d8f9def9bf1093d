// SPDX-License-Identifier: Apache-2.0
// The definitions of the ops whose value is rows or cols, and how places are addressed.
#include "compiler/reference/Evaluator.h"

#include <cmath>

using namespace mlir;

namespace attune::reference {

void RowEvaluator::moveTo(StringRef newAxis, int64_t newSequence, int64_t newToken) {
  axis = newAxis;
  sequence = newSequence;
  token = newToken;
  knownRows.clear();
  knownMatrices.clear();
}

/// The token of another axis of the same root that holds the current one.
int64_t RowEvaluator::tokenOn(StringRef other) const {
  return token / (attn::getAxisBlock(other) / attn::getAxisBlock(axis));
}

int64_t RowEvaluator::headOf(Value operand, Value result, int64_t head) const {
  return head / (evaluation.info(result).heads / evaluation.info(operand).heads);
}

int64_t RowEvaluator::sequenceOf(Value value) const {
  return evaluation.info(value).batch == 1 ? 0 : sequence;
}

Frame &RowEvaluator::frameOf(Operation *op) {
  auto [frame, isNew] = frames.try_emplace(op);
  if (isNew)
    frame->second = evaluation.programs.find(op)->second.makeFrame();
  return frame->second;
}

double RowEvaluator::roundF32(double value) const {
  return evaluation.eager() ? double(float(value)) : value;
}

const Lanes &RowEvaluator::rows(Value value, int64_t head) {
  if (auto known = knownRows.find({value, head}); known != knownRows.end())
    return *known->second;
  auto lanes = std::make_unique<Lanes>(evaluateRows(value, head));
  return *(knownRows[{value, head}] = std::move(lanes));
}

Lanes RowEvaluator::evaluateRows(Value value, int64_t head) {
  if (auto tokens = evaluation.problem->tokens.find(value);
      tokens != evaluation.problem->tokens.end()) {
    Lanes lanes;
    lanes.integer = tokens->second.values.integer;
    lanes.width = tokens->second.values.width;
    int64_t n = tokenOn(cast<attn::RowsType>(value.getType()).getAxis().getValue());
    lanes.append(tokens->second.values, tokens->second.place(sequenceOf(value), head, n));
    return lanes;
  }
  Operation *op = value.getDefiningOp();
  if (isa<attn::MapOp>(op))
    return evaluateRowsRegion(op, head);
  if (auto product = dyn_cast<attn::ContractOp>(op))
    return contract(product, head);
  if (auto log = dyn_cast<attn::LogsumexpOp>(op))
    return logsumexp(log, head);
  if (auto threshold = dyn_cast<attn::SolveOp>(op))
    return solve(threshold, head);
  if (auto best = dyn_cast<attn::ListOp>(op))
    return list(best, head, /*keys=*/value == best.getKeys());
  if (auto listed = dyn_cast<attn::VisibleKeysOp>(op))
    return Lanes::ofInteger(visibleKeys(listed, head, /*keys=*/true).numKeys());
  if (auto stored = dyn_cast<attn::EntriesOp>(op))
    return entries(stored, head);
  if (auto combine = dyn_cast<attn::FoldOp>(op))
    return fold(combine, cast<OpResult>(value), head);
  auto reduce = cast<attn::ReduceOp>(op);
  return reduce.getOver() == attn::ReduceOver::Heads ? reduceHeadsOfRows(reduce, head)
                                                     : reduceKeys(reduce, head);
}

/// What the region of an op of rows yields at the current token.
Lanes RowEvaluator::evaluateRowsRegion(Operation *op, int64_t head) {
  std::vector<Lanes> arguments;
  for (Value input : boundOperands(op)) {
    arguments.push_back(rows(input, headOf(input, op->getResult(0), head)));
    arguments.back().uniform = true;
  }
  int64_t n = tokenOn(cast<attn::RowsType>(placeTypeOf(op)).getAxis().getValue());
  for (int64_t index : {sequence, head, n})
    arguments.push_back(Lanes::ofInteger(index));
  const Program &program = evaluation.programs.find(op)->second;
  Frame &frame = frameOf(op);
  Type element = op->getRegion(0).front().getTerminator()->getOperand(0).getType();
  Register yielded = program.results.front();
  if (!program.run(frame, 1, arguments)) {
    error = frame.error;
    frame.define(yielded, isInteger(element), widthOf(element), false);
  }
  Lanes result = frame.registers[yielded];
  result.uniform = false;
  return result;
}

Lanes RowEvaluator::reduceKeys(attn::ReduceOp reduce, int64_t head) {
  const MatrixRow &row = matrix(reduce.getInput(), head);
  Reduction reduction(reduce.getKind(), attn::getPlaceElementType(reduce.getType()),
                      evaluation.eager());
  for (int64_t place = 0; place < row.numKeys(); ++place)
    reduction.join(row.values, place);
  Lanes result = reduction.finish();
  result.uniform = false;
  return result;
}

std::pair<int64_t, int64_t> RowEvaluator::joinedHeads(attn::ReduceOp reduce, int64_t head) const {
  int64_t joined =
      evaluation.info(reduce.getInput()).heads / evaluation.info(reduce.getResult()).heads;
  return {head * joined, (head + 1) * joined};
}

Lanes RowEvaluator::reduceHeadsOfRows(attn::ReduceOp reduce, int64_t head) {
  Reduction reduction(reduce.getKind(), attn::getPlaceElementType(reduce.getType()),
                      evaluation.eager());
  auto [first, end] = joinedHeads(reduce, head);
  for (int64_t own = first; own < end; ++own)
    reduction.join(rows(reduce.getInput(), own), 0);
  Lanes result = reduction.finish();
  result.uniform = false;
  return result;
}

Lanes RowEvaluator::contract(attn::ContractOp contract, int64_t head) {
  Value weights = contract.getWeights(), values = contract.getValues();
  const MatrixRow &row = matrix(weights, headOf(weights, contract.getResult(), head));
  const Tokens &tokens = evaluation.problem->tokens.find(values)->second;
  int64_t first = tokens.place(sequenceOf(values), headOf(values, contract.getResult(), head), 0);
  Lanes sum;
  sum.width = tokens.values.width;
  sum.reals.assign(size_t(sum.width), 0);
  ElementType type = floatTypeOf(attn::getPlaceElementType(contract.getType()));
  bool f32 = evaluation.eager() && type != ElementType::F64;
  for (int64_t place = 0; place < row.numKeys(); ++place) {
    const double *value =
        tokens.values.reals.data() + (first + (*row.keys)[size_t(place)]) * sum.width;
    double weight = row.values.reals[size_t(place * row.values.stride())];
    accumulate(sum.reals.data(), value, weight, sum.width, f32);
  }
  if (evaluation.eager())
    roundTo(type, sum.reals);
  return sum;
}

/// m + log l, and -inf where there is nothing to add.
Lanes RowEvaluator::logsumexp(attn::LogsumexpOp op, int64_t head) {
  const MatrixRow &scores = matrix(op.getScores(), headOf(op.getScores(), op.getResult(), head));
  std::vector<double> exponentials;
  Normaliser n = normalise(scores, op.getSink(), op, head, exponentials);
  Lanes result;
  result.reals = {n.sum == 0 ? -std::numeric_limits<double>::infinity()
                             : roundF32(n.maximum + roundF32(std::log(n.sum)))};
  if (evaluation.eager())
    roundTo(floatTypeOf(attn::getPlaceElementType(op.getType())), result.reals);
  return result;
}

Lanes RowEvaluator::evaluateCols(Operation *op, int64_t sequence, int64_t head, int64_t begin,
                                 int64_t end) {
  StringRef placeAxis = cast<attn::ColsType>(placeTypeOf(op)).getAxis().getValue();
  std::vector<Lanes> arguments;
  for (Value input : boundOperands(op)) {
    const Tokens &tokens = evaluation.problem->tokens.find(input)->second;
    StringRef inputAxis = cast<attn::ColsType>(input.getType()).getAxis().getValue();
    int64_t ratio = attn::getAxisBlock(inputAxis) / attn::getAxisBlock(placeAxis);
    int64_t b = evaluation.info(input).batch == 1 ? 0 : sequence;
    int64_t first = tokens.place(b, headOf(input, op->getResult(0), head), 0);
    Lanes &lanes = arguments.emplace_back();
    lanes.integer = tokens.values.integer;
    lanes.width = tokens.values.width;
    for (int64_t n = begin; n < end; ++n)
      lanes.append(tokens.values, first + n / ratio);
  }
  arguments.push_back(Lanes::ofInteger(sequence));
  arguments.push_back(Lanes::ofInteger(head));
  Lanes &tokens = arguments.emplace_back();
  tokens.integer = true;
  for (int64_t n = begin; n < end; ++n)
    tokens.integers.push_back(n);

  const Program &program = evaluation.programs.find(op)->second;
  Frame &frame = frameOf(op);
  if (!program.run(frame, end - begin, arguments))
    error = frame.error;
  return frame.registers[program.results.front()];
}

} // namespace attune::reference
