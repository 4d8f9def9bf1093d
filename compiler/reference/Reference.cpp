// SPDX-License-Identifier: Apache-2.0
#include "compiler/reference/Reference.h"
#include "compiler/ElementTypes.h"
#include "compiler/reference/Evaluator.h"

#include "llvm/ADT/SetVector.h"

#include <atomic>
#include <mutex>
#include <thread>

using namespace mlir;
using llvm::createStringError;
using llvm::Error;

namespace attune::reference {
namespace {

/// Tasks of an evaluation, on all threads. A task returns why it failed, or nothing.
class Tasks {
public:
  Tasks(const Options &options) : options(options) {}

  /// Runs task 0 to count - 1; `makeWorker` makes a thread's own function of a task. Fails with
  /// the message of the first task that fails, in the order of tasks.
  Error run(int64_t count, llvm::function_ref<std::function<std::string(int64_t)>()> makeWorker);

private:
  const Options &options;
};

Error Tasks::run(int64_t count,
                 llvm::function_ref<std::function<std::string(int64_t)>()> makeWorker) {
  std::atomic<int64_t> next = 0;
  std::mutex mutex;
  int64_t done = 0, failedTask = count;
  std::string failure;
  auto work = [&] {
    std::function<std::string(int64_t)> worker;
    {
      std::lock_guard lock(mutex);
      worker = makeWorker();
    }
    for (int64_t task = next++; task < count; task = next++) {
      std::string why = worker(task);
      std::lock_guard lock(mutex);
      if (!why.empty()) {
        if (task < failedTask) {
          failedTask = task;
          failure = why;
        }
        next = count;
      }
      ++done;
      if (options.progress)
        options.progress(double(done) / double(count));
    }
  };
  unsigned wanted = options.threads ? options.threads : std::thread::hardware_concurrency();
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < wanted && int64_t(i) < count; ++i)
    threads.emplace_back(work);
  work();
  for (std::thread &thread : threads)
    thread.join();
  if (failedTask < count)
    return createStringError(failure);
  return Error::success();
}

//===--- Cols ---------------------------------------------------------------------------------===//

class ColsEvaluator {
public:
  ColsEvaluator(Evaluation &evaluation, const Options &options)
      : evaluation(evaluation), tasks(options) {}

  /// Evaluates all cols of the kernel, in program order.
  Error run();

private:
  Error map(attn::MapOp map);
  Error reduceQueries(attn::ReduceOp reduce);
  void reduceHeads(attn::ReduceOp reduce);
  void concat(attn::ConcatOp concat);
  void layOutByLane(Value cols);
  Tokens emptyTokens(Value value);

  Evaluation &evaluation;
  Tasks tasks;
};

Tokens ColsEvaluator::emptyTokens(Value value) {
  Type element = attn::getPlaceElementType(value.getType());
  const ValueInfo &info = evaluation.info(value);
  Tokens tokens;
  tokens.batch = info.batch;
  tokens.heads = info.heads;
  tokens.length =
      evaluation.problem->length(cast<attn::ColsType>(value.getType()).getAxis().getValue());
  tokens.values.integer = isInteger(element);
  tokens.values.width = widthOf(element);
  size_t size = size_t(tokens.batch * tokens.heads * tokens.length * tokens.values.width);
  tokens.values.reals.resize(tokens.values.integer ? 0 : size);
  tokens.values.integers.resize(tokens.values.integer ? size : 0);
  return tokens;
}

/// Overwrites the values from `place` on with those of `lanes`, `count` places.
void store(Lanes &to, int64_t place, const Lanes &lanes, int64_t count) {
  auto copy = [&]<typename T>(T) {
    for (int64_t i = 0; i < count; ++i)
      std::copy_n(lanes.values<T>().data() + i * lanes.stride(), to.width,
                  to.values<T>().data() + (place + i) * to.width);
  };
  to.integer ? copy(int64_t()) : copy(double());
}

Error ColsEvaluator::map(attn::MapOp map) {
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
        store(tokens.values, tokens.place(b, h, begin), lanes, end - begin);
      return evaluator->error;
    };
  };
  if (Error error = tasks.run(tokens.batch * tokens.heads * pieces, makeWorker))
    return error;
  evaluation.problem->tokens[map.getResult()] = std::move(tokens);
  return Error::success();
}

Error ColsEvaluator::reduceQueries(attn::ReduceOp reduce) {
  Tokens tokens = emptyTokens(reduce.getResult());
  auto type = cast<attn::MatrixType>(reduce.getInput().getType());
  StringRef rowAxis = type.getRowAxis().getValue();
  int64_t queries = evaluation.problem->length(rowAxis);
  Type element = attn::getPlaceElementType(reduce.getType());
  auto makeWorker = [&]() -> std::function<std::string(int64_t)> {
    auto evaluator = std::make_shared<RowEvaluator>(evaluation);
    return [&, evaluator](int64_t plane) {
      int64_t b = plane / tokens.heads, h = plane % tokens.heads;
      std::vector<Reduction> sums(size_t(tokens.length),
                                  Reduction(reduce.getKind(), element, evaluation.eager()));
      for (int64_t i = 0; i < queries && evaluator->error.empty(); ++i) {
        evaluator->moveTo(rowAxis, b, i);
        const MatrixRow &row = evaluator->matrix(reduce.getInput(), h);
        for (int64_t place = 0; place < row.numKeys(); ++place)
          sums[size_t((*row.keys)[size_t(place)])].join(row.values, place);
      }
      for (int64_t j = 0; j < tokens.length; ++j)
        store(tokens.values, tokens.place(b, h, j), sums[size_t(j)].finish(), 1);
      return evaluator->error;
    };
  };
  if (Error error = tasks.run(tokens.batch * tokens.heads, makeWorker))
    return error;
  evaluation.problem->tokens[reduce.getResult()] = std::move(tokens);
  return Error::success();
}

void ColsEvaluator::reduceHeads(attn::ReduceOp reduce) {
  Tokens tokens = emptyTokens(reduce.getResult());
  const Tokens &from = evaluation.problem->tokens.find(reduce.getInput())->second;
  Type element = attn::getPlaceElementType(reduce.getType());
  for (int64_t b = 0; b < tokens.batch; ++b)
    for (int64_t n = 0; n < tokens.length; ++n) {
      Reduction reduction(reduce.getKind(), element, evaluation.eager());
      for (int64_t h = 0; h < from.heads; ++h)
        reduction.join(from.values, from.place(b, h, n));
      store(tokens.values, tokens.place(b, 0, n), reduction.finish(), 1);
    }
  evaluation.problem->tokens[reduce.getResult()] = std::move(tokens);
}

void ColsEvaluator::concat(attn::ConcatOp concat) {
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
          store(tokens.values, tokens.place(b, h, before + n), one, 1);
        }
      }
    before += from.length;
  }
  evaluation.problem->tokens[concat.getResult()] = std::move(tokens);
}

void ColsEvaluator::layOutByLane(Value cols) {
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

Error ColsEvaluator::run() {
  for (Operation &op : evaluation.problem->kernel.getBody().front().without_terminator()) {
    if (auto dot = dyn_cast<attn::DotOp>(op))
      layOutByLane(dot.getCols());
    if (isa<attn::ScanOp, attn::StencilOp>(op)) {
      if (Error error = evaluateWhole(evaluation, &op))
        return error;
      continue;
    }
    if (op.getNumResults() != 1 || !isa<attn::ColsType>(op.getResult(0).getType()))
      continue;
    if (auto map = dyn_cast<attn::MapOp>(op)) {
      if (Error error = this->map(map))
        return error;
      continue;
    }
    if (auto segments = dyn_cast<attn::ConcatOp>(op)) {
      concat(segments);
      continue;
    }
    auto reduce = cast<attn::ReduceOp>(op);
    if (reduce.getOver() == attn::ReduceOver::Heads)
      reduceHeads(reduce);
    else if (Error error = reduceQueries(reduce))
      return error;
  }
  return Error::success();
}

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
  if (Error error = ColsEvaluator(*evaluation, options).run())
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
