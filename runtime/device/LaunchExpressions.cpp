// SPDX-License-Identifier: Apache-2.0
// How large are the grids and workspaces of a launch, and do the kernel's conditions hold?
#include "runtime/device/Launch.h"

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

void LaunchPlan::checkConditions(const LaunchState &state) const {
  CheckedValues values(state);
  for (size_t i = 0; i < conditions.size(); ++i) {
    std::string failure = explainFailure(kernel.conditions[i], conditions[i], kernel, values);
    if (!failure.empty())
      failArgument(failure);
  }
}

} // namespace attune::device
