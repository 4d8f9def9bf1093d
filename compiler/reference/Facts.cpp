// SPDX-License-Identifier: Apache-2.0
// Are the facts that a kernel states of an integer operand (sorted, contiguous, range) true of it?
// All are about the last index: the tokens of rows and cols, the last dimension of a table.
#include "compiler/reference/Failure.h"
#include "compiler/reference/Problem.h"

#include <unordered_set>

using namespace mlir;
using llvm::Error;

namespace attune::reference {
namespace {

/// Calls `visit` with the numbers of each run along the last dimension; stops at the first error.
Error forEachRun(const Tensor &dense, llvm::function_ref<Error(ArrayRef<int64_t>)> visit) {
  int64_t length = dense.shape.empty() ? 1 : dense.shape.back();
  int64_t count = dense.numElements();
  std::vector<int64_t> run(static_cast<size_t>(length));
  for (int64_t begin = 0; begin < count; begin += length) {
    for (int64_t i = 0; i < length; ++i)
      run[size_t(i)] = dense.integer(begin + i);
    if (Error error = visit(run))
      return error;
  }
  return Error::success();
}

Error checkSorted(const std::string &who, ArrayRef<int64_t> run) {
  for (size_t i = 1; i < run.size(); ++i)
    if (run[i] < run[i - 1])
      return makeError(
          "{0}: expected sorted numbers (its attribute attn.sorted), found {1} after {2} "
          "at index {3}",
          who, run[i], run[i - 1], i);
  return Error::success();
}

Error checkContiguous(const std::string &who, ArrayRef<int64_t> run) {
  std::unordered_set<int64_t> seen;
  for (size_t i = 0; i < run.size(); ++i)
    if ((i == 0 || run[i] != run[i - 1]) && !seen.insert(run[i]).second)
      return makeError(
          "{0}: expected equal numbers to be adjacent (its attribute attn.contiguous), "
          "found {1} again at index {2}",
          who, run[i], i);
  return Error::success();
}

Error checkRange(const std::string &who, int64_t low, int64_t high, ArrayRef<int64_t> run) {
  for (size_t i = 0; i < run.size(); ++i)
    if (run[i] < low || run[i] > high)
      return makeError(
          "{0}: expected numbers from {1} to {2} (its attribute attn.range), found {3} at "
          "index {4}",
          who, low, high, run[i], i);
  return Error::success();
}

} // namespace

std::optional<std::pair<int64_t, int64_t>> rangeOf(Attribute attribute) {
  if (auto dense = dyn_cast_or_null<DenseI64ArrayAttr>(attribute); dense && dense.size() == 2)
    return std::pair(dense[0], dense[1]);
  if (auto array = dyn_cast_or_null<ArrayAttr>(attribute); array && array.size() == 2)
    return std::pair(cast<IntegerAttr>(array[0]).getInt(), cast<IntegerAttr>(array[1]).getInt());
  return std::nullopt;
}

Error checkFacts(attn::KernelOp kernel, unsigned index, const Tensor &tensor) {
  bool sorted = bool(kernel.getArgAttr(index, "attn.sorted"));
  bool contiguous = bool(kernel.getArgAttr(index, "attn.contiguous"));
  auto range = rangeOf(kernel.getArgAttr(index, "attn.range"));
  if (!sorted && !contiguous && !range)
    return Error::success();
  std::string who = operandName(kernel, index);
  return forEachRun(convert(tensor, tensor.type), [&](ArrayRef<int64_t> run) -> Error {
    if (sorted)
      if (Error error = checkSorted(who, run))
        return error;
    if (contiguous)
      if (Error error = checkContiguous(who, run))
        return error;
    if (range)
      return checkRange(who, range->first, range->second, run);
    return Error::success();
  });
}

} // namespace attune::reference
