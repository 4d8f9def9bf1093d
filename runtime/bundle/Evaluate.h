// SPDX-License-Identifier: Apache-2.0
// What does an expression of a manifest come to with given operands, and why does a condition fail?
#pragma once

#include "runtime/bundle/Manifest.h"

namespace attune::bundle {

/// The operands and results of a launch by number, results after operands.
class LaunchValues {
public:
  virtual int64_t size(size_t argument, int64_t dimension) const = 0;
  /// Of an operand of an integer type.
  virtual int64_t scalar(size_t argument) const = 0;

protected:
  ~LaunchValues() = default;
};

/// A number or an operator of an expression.
struct Step {
  Expression::Kind kind;
  int64_t number;
  size_t argument;
};

/// An expression in postfix order: evaluating it allocates nothing.
using Steps = std::vector<Step>;

/// The steps of an expression of `kernel`, which checkManifest has passed.
Steps toSteps(const Expression &expression, const KernelInfo &kernel);

/// What `steps` come to; where they have no value, null and in `problem` why.
std::optional<int64_t> evaluate(const Steps &steps, const LaunchValues &values,
                                const char *&problem);

/// "n is 4, size q is 10": what the steps read, each once; "" when they read nothing.
std::string describeValues(const Steps &steps, const KernelInfo &kernel,
                           const LaunchValues &values);

/// "expected 'w > 0', but w is -1", where the condition of these steps does not hold; else empty.
std::string explainFailure(const Condition &condition, const Steps &steps, const KernelInfo &kernel,
                           const LaunchValues &values);

} // namespace attune::bundle
