// SPDX-License-Identifier: Apache-2.0
// How large are the grids and workspaces of a launch, and do the kernel's conditions hold?
#include "runtime/device/Launch.h"

#include <algorithm>

namespace attune::device {

using namespace bundle;

namespace {

/// The arguments of a launch that have passed the checks of their own.
class CheckedValues final : public LaunchValues {
public:
  explicit CheckedValues(const LaunchState &state) : state(state) {}

  int64_t size(size_t argument, int64_t dimension) const override {
    return state.tensors[argument].sizes[dimension];
  }
  int64_t scalar(size_t argument) const override { return state.arguments[argument].value.integer; }

private:
  const LaunchState &state;
};

} // namespace

int64_t LaunchPlan::evaluate(const SizeExpression &size, const LaunchState &state) const {
  CheckedValues values(state);
  const char *problem = nullptr;
  std::optional<int64_t> value = bundle::evaluate(size.steps, values, problem);
  if (value && *value >= 0 && *value < size.limit)
    return *value;
  std::string found = value ? "it is " + std::to_string(*value) : problem;
  std::string because = describeValues(size.steps, kernel, values);
  failArgument("expected " + size.what + " to be from 0 to " + std::to_string(size.limit - 1) +
               ", but " + found + (because.empty() ? "" : ": " + because));
}

bool LaunchPlan::isEmpty(const LaunchState &state) const {
  for (size_t pass = 0; pass < passes.size(); ++pass)
    if (passes[pass].hasResult && !hasZero(state.grids[pass]))
      return false;
  return true;
}

void LaunchPlan::sizeWorkspaces(LaunchState &state) const {
  // More than any element needs, and a boundary that caches like. Nothing is added at the end, where
  // a simulated device sees a write that goes too far.
  constexpr int64_t alignment = 256;
  state.workspaceBytes = 0;
  for (size_t i = 0; i < workspaces.size(); ++i) {
    const BoundWorkspace &workspace = workspaces[i];
    Tensor &tensor = state.tensors[arguments.size() + i];
    bool overflow = false;
    tensor.data = nullptr;
    tensor.elements = 1;
    for (size_t dim = workspace.shape.size(); dim-- > 0;) {
      tensor.sizes[dim] = evaluate(workspace.shape[dim], state);
      tensor.strides[dim] = tensor.elements;
      overflow |= __builtin_mul_overflow(tensor.elements, tensor.sizes[dim], &tensor.elements);
    }
    int64_t bytes = 0;
    overflow |= __builtin_mul_overflow(tensor.elements, byteSize(workspace.dtype), &bytes);
    if (overflow || bytes > maxWorkspaceBytes)
      failArgument("expected workspace '" + workspace.name + "' to take at most " +
                   std::to_string(maxWorkspaceBytes) + " bytes, but " +
                   (overflow ? "its size overflows 64 bits" : "got " + std::to_string(bytes)));
    // Strides of a tensor map are multiples of 16 bytes.
    int64_t row = tensor.elements && workspace.isMapped
                      ? tensor.sizes[workspace.shape.size() - 1] * byteSize(workspace.dtype)
                      : 0;
    if (row % 16)
      failArgument("expected the innermost dimension of workspace '" + workspace.name +
                   "', which has a tensor map, to take a multiple of 16 bytes, but got " +
                   std::to_string(row));
    state.workspaceOffsets[i] = (state.workspaceBytes + alignment - 1) / alignment * alignment;
    state.workspaceBytes = state.workspaceOffsets[i] + bytes;
  }
  if (isEmpty(state))
    state.workspaceBytes = 0;
}

void LaunchPlan::checkConditions(const LaunchState &state) const {
  CheckedValues values(state);
  for (size_t i = 0; i < conditions.size(); ++i) {
    std::string failure = explainFailure(kernel.conditions[i], conditions[i], kernel, values);
    if (!failure.empty())
      failArgument(failure);
  }
  for (size_t i = 0; i < ownConditions.size(); ++i) {
    std::string failure = explainFailure(variant.when[i], ownConditions[i], kernel, values);
    if (!failure.empty())
      failArgument("the code for " + variant.target + " cannot run this: " + failure);
  }
}

bool LaunchPlan::suits(const LaunchState &state) const {
  CheckedValues values(state);
  return std::all_of(ownConditions.begin(), ownConditions.end(), [&](const Steps &steps) {
    const char *problem = nullptr;
    std::optional<int64_t> value = bundle::evaluate(steps, values, problem);
    return value && *value;
  });
}

int64_t LaunchPlan::countPairs(const LaunchState &state) const {
  int64_t pairs = variant.rows;
  bool fits = !__builtin_mul_overflow(pairs, evaluate(keys, state), &pairs);
  for (const SizeExpression &size : passes.back().grid)
    fits = fits && !__builtin_mul_overflow(pairs, evaluate(size, state), &pairs);
  return fits ? pairs : INT64_MAX;
}

} // namespace attune::device
