// SPDX-License-Identifier: Apache-2.0
#include "compiler/reference/Reference.h"
#include "compiler/ElementTypes.h"
#include "compiler/reference/Evaluator.h"
#include "compiler/reference/Stored.h"
#include "compiler/reference/Tasks.h"

#include "llvm/ADT/SetVector.h"

using namespace mlir;
using llvm::Error;

namespace attune::reference {
namespace {

//===--- Results ------------------------------------------------------------------------------===//

/// The results as tensors: (batch, heads, tokens, T) or (batch, heads, queries, keys, T).
Tensor allocate(const Evaluation &evaluation, Value value) {
  const ValueInfo &info = evaluation.info(value);
  Type element = attn::getPlaceElementType(value.getType());
  std::vector<int64_t> shape = {info.batch, info.heads};
  for (StringAttr axis : attn::getAxes(value.getType()))
    shape.push_back(evaluation.problem->length(axis.getValue()));
  llvm::append_range(shape, placeShape(element));
  return Tensor::zeros(isInteger(element) ? *elementTypeOf(element) : ElementType::F64, shape);
}

void write(Tensor &tensor, int64_t offset, const Lanes &lanes, int64_t place) {
  for (int64_t lane = 0; lane < lanes.width; ++lane) {
    size_t from = size_t(place * lanes.stride() + lane);
    if (lanes.integer)
      tensor.set(offset + lane, lanes.integers[from]);
    else
      tensor.set(offset + lane, lanes.reals[from]);
  }
}

/// Rows and matrices on one axis are evaluated together, one token after another.
void evaluateToken(RowEvaluator &evaluator, const Evaluation &evaluation, StringRef axis,
                   int64_t sequence, int64_t token, ArrayRef<Value> values,
                   std::vector<Tensor> &results) {
  evaluator.moveTo(axis, sequence, token);
  for (auto [value, tensor] : llvm::zip(values, results)) {
    if (isa<attn::ColsType>(value.getType()) || attn::getAxes(value.getType())[0] != axis ||
        sequence >= tensor.shape[0])
      continue;
    for (int64_t head = 0; head < tensor.shape[1] && evaluator.error.empty(); ++head) {
      int64_t at[] = {sequence, head, token};
      if (isa<attn::RowsType>(value.getType())) {
        write(tensor, tensor.offset(at), evaluator.rows(value, head), 0);
        continue;
      }
      const MatrixRow &row = evaluator.matrix(value, head);
      for (int64_t place = 0; place < row.numKeys() && evaluator.error.empty(); ++place)
        write(tensor, tensor.offset(at) + (*row.keys)[size_t(place)] * tensor.strides[3],
              row.values, place);
    }
  }
}

Error evaluateAxis(const Evaluation &evaluation, StringRef axis, ArrayRef<Value> values,
                   std::vector<Tensor> &results, const Options &options) {
  int64_t batch = 1, tokens = evaluation.problem->length(axis);
  for (const Tensor &tensor : results)
    batch = std::max(batch, tensor.shape[0]);
  constexpr int64_t tokensAtOnce = 8;
  int64_t pieces = (tokens + tokensAtOnce - 1) / tokensAtOnce;
  auto makeWorker = [&]() -> std::function<std::string(int64_t)> {
    auto evaluator = std::make_shared<RowEvaluator>(evaluation);
    return [&, evaluator](int64_t task) {
      int64_t begin = task % pieces * tokensAtOnce;
      for (int64_t n = begin; n < std::min(begin + tokensAtOnce, tokens); ++n)
        evaluateToken(*evaluator, evaluation, axis, task / pieces, n, values, results);
      return evaluator->error;
    };
  };
  return Tasks(options).run(batch * pieces, makeWorker);
}

} // namespace

ElementType resultType(attn::KernelOp kernel, unsigned index) {
  return elementTypeOf(attn::getPlaceElementType(kernel.getResultTypes()[index]))
      .value_or(ElementType::F64);
}

llvm::Expected<std::vector<Tensor>> evaluate(attn::KernelOp kernel, ArrayRef<Argument> arguments,
                                             const Options &options) {
  auto problem = bind(kernel, arguments, options.mode);
  if (!problem)
    return problem.takeError();
  auto evaluation = prepare(std::move(*problem));
  if (!evaluation)
    return evaluation.takeError();
  if (Error error = storeValues(*evaluation, options))
    return std::move(error);

  SmallVector<Value> values(kernel.getBody().front().getTerminator()->getOperands());
  std::vector<Tensor> results;
  llvm::SetVector<StringRef> axes;
  for (Value value : values) {
    results.push_back(allocate(*evaluation, value));
    if (!isa<attn::ColsType>(value.getType())) {
      axes.insert(attn::getAxes(value.getType()).front().getValue());
      continue;
    }
    const Lanes &lanes = evaluation->problem->tokens.find(value)->second.values;
    for (int64_t place = 0, end = lanes.numPlaces(); place < end; ++place)
      write(results.back(), place * lanes.width, lanes, place);
  }
  for (StringRef axis : axes)
    if (Error error = evaluateAxis(*evaluation, axis, values, results, options))
      return std::move(error);
  return std::move(results);
}

} // namespace attune::reference
