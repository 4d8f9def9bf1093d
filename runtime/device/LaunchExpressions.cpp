// SPDX-License-Identifier: Apache-2.0
// How many tasks does a launch have, and do the kernel's conditions hold?
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

int64_t LaunchPlan::evaluateGrid(const Steps &steps, const LaunchState &state) const {
  // The manifest's checker saw to it that divisors are positive constants.
  const char *problem = nullptr;
  std::optional<int64_t> value = evaluate(steps, CheckedValues(state), problem);
  if (!value)
    failArgument("the launch size overflows 64 bits");
  return *value;
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
