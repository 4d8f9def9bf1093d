// SPDX-License-Identifier: Apache-2.0
#include "runtime/bundle/Evaluate.h"

#include <algorithm>

namespace attune::bundle {

using Kind = Expression::Kind;

static const OperandInfo &argumentAt(const KernelInfo &kernel, size_t argument) {
  size_t operands = kernel.operands.size();
  return argument < operands ? kernel.operands[argument] : kernel.results[argument - operands];
}

static size_t argumentCalled(const std::string &name, const KernelInfo &kernel) {
  size_t argument = 0;
  while (argumentAt(kernel, argument).name != name)
    ++argument;
  return argument;
}

static void addSteps(const Expression &expression, const KernelInfo &kernel, Steps &steps) {
  for (const Expression &argument : expression.arguments)
    addSteps(argument, kernel, steps);
  size_t argument = expression.operand.empty() ? 0 : argumentCalled(expression.operand, kernel);
  steps.push_back({expression.kind, expression.number, argument});
}

Steps toSteps(const Expression &expression, const KernelInfo &kernel) {
  Steps steps;
  addSteps(expression, kernel, steps);
  return steps;
}

static std::optional<int64_t> divide(Kind kind, int64_t left, int64_t right, const char *&problem) {
  if (right <= 0) {
    problem = "a divisor is not above 0";
    return std::nullopt;
  }
  int64_t quotient = left / right, rest = left % right;
  if (kind == Kind::CeilDiv)
    return quotient + (rest > 0);
  if (kind == Kind::FloorDiv)
    return quotient - (rest < 0);
  return rest < 0 ? rest + right : rest;
}

static std::optional<int64_t> add(Kind kind, int64_t left, int64_t right, const char *&problem) {
  int64_t value = 0;
  bool overflow = kind == Kind::Mul   ? __builtin_mul_overflow(left, right, &value)
                  : kind == Kind::Add ? __builtin_add_overflow(left, right, &value)
                                      : __builtin_sub_overflow(left, right, &value);
  if (!overflow)
    return value;
  problem = "it overflows 64 bits";
  return std::nullopt;
}

/// The value of an operator of two arguments; null, and why, where it has none.
static std::optional<int64_t> apply(Kind kind, int64_t left, int64_t right, const char *&problem) {
  switch (kind) {
  case Kind::CeilDiv:
  case Kind::FloorDiv:
  case Kind::Mod: return divide(kind, left, right, problem);
  case Kind::Mul:
  case Kind::Add:
  case Kind::Sub: return add(kind, left, right, problem);
  case Kind::Max: return std::max(left, right);
  case Kind::Min: return std::min(left, right);
  case Kind::Eq: return left == right;
  case Kind::Ne: return left != right;
  case Kind::Lt: return left < right;
  case Kind::Le: return left <= right;
  case Kind::And: return left && right;
  case Kind::Or: return left || right;
  case Kind::Constant:
  case Kind::Size:
  case Kind::Scalar:
  case Kind::Select: break;
  }
  __builtin_unreachable();
}

std::optional<int64_t> evaluate(const Steps &steps, const LaunchValues &values,
                                const char *&problem) {
  int64_t stack[maxExpressionNodes];
  size_t top = 0;
  for (const Step &step : steps) {
    size_t count = Expression::argumentCount(step.kind);
    if (step.kind == Kind::Constant) {
      stack[top++] = step.number;
    } else if (step.kind == Kind::Size) {
      stack[top++] = values.size(step.argument, step.number);
    } else if (step.kind == Kind::Scalar) {
      stack[top++] = values.scalar(step.argument);
    } else if (count == 3) {
      top -= 2;
      stack[top - 1] = stack[top - 1] ? stack[top] : stack[top + 1];
    } else {
      --top;
      std::optional<int64_t> value = apply(step.kind, stack[top - 1], stack[top], problem);
      if (!value)
        return std::nullopt;
      stack[top - 1] = *value;
    }
  }
  return stack[0];
}

/// "size q is 10", "b is true".
static std::string describeValue(const Step &step, const OperandInfo &info,
                                 const LaunchValues &values) {
  if (step.kind == Kind::Size) {
    std::string name = info.isTokens() && step.number == 2
                           ? "size " + info.axis
                           : "dimension " + std::to_string(step.number) + " of " + info.name;
    return name + " is " + std::to_string(values.size(step.argument, step.number));
  }
  int64_t value = values.scalar(step.argument);
  bool truth = info.dtype == ElementType::I1;
  return info.name + " is " + (!truth ? std::to_string(value) : value ? "true" : "false");
}

std::string describeValues(const Steps &steps, const KernelInfo &kernel,
                           const LaunchValues &values) {
  std::string text;
  for (auto step = steps.begin(); step != steps.end(); ++step) {
    bool known = std::any_of(steps.begin(), step, [&](const Step &before) {
      return before.kind == step->kind && before.argument == step->argument &&
             before.number == step->number;
    });
    if (!known && (step->kind == Kind::Size || step->kind == Kind::Scalar))
      text += (text.empty() ? "" : ", ") +
              describeValue(*step, argumentAt(kernel, step->argument), values);
  }
  return text;
}

std::string explainFailure(const Condition &condition, const Steps &steps, const KernelInfo &kernel,
                           const LaunchValues &values) {
  const char *problem = nullptr;
  std::optional<int64_t> value = evaluate(steps, values, problem);
  if (value && *value)
    return "";
  std::string found = describeValues(steps, kernel, values);
  if (problem)
    found = problem + (found.empty() ? "" : ": " + found);
  else if (found.empty())
    found = "it never holds";
  return "expected '" + condition.text + "', but " + found;
}

} // namespace attune::bundle
