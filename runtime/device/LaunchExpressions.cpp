// SPDX-License-Identifier: Apache-2.0
// What do the expressions of a manifest come to at a launch, and do the kernel's conditions hold?
#include "runtime/device/Launch.h"

#include <algorithm>

namespace attune::device {

using namespace bundle;
using Kind = Expression::Kind;

void LaunchPlan::addSteps(const Expression &expression, std::vector<Step> &steps) const {
  for (const Expression &argument : expression.arguments)
    addSteps(argument, steps);
  size_t argument = expression.operand.empty() ? 0 : indexOf(expression.operand);
  steps.push_back({expression.kind, expression.number, argument});
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
  fail(ATTUNE_INTERNAL, "an operator of two arguments is expected");
}

std::optional<int64_t> LaunchPlan::evaluate(const std::vector<Step> &steps,
                                            const LaunchState &state, const char *&problem) const {
  int64_t stack[maxExpressionNodes];
  size_t top = 0;
  for (const Step &step : steps) {
    size_t count = Expression::argumentCount(step.kind);
    if (step.kind == Kind::Constant) {
      stack[top++] = step.number;
    } else if (step.kind == Kind::Size) {
      stack[top++] = state.tensors[step.argument].sizes[step.number];
    } else if (step.kind == Kind::Scalar) {
      stack[top++] = state.arguments[step.argument].value.integer;
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

int64_t LaunchPlan::evaluateGrid(const std::vector<Step> &steps, const LaunchState &state) const {
  // The manifest's checker saw to it that divisors are positive constants.
  const char *problem = nullptr;
  std::optional<int64_t> value = evaluate(steps, state, problem);
  if (!value)
    failArgument("the launch size overflows 64 bits");
  return *value;
}

/// "n is 4, size q is 10": what the expression read, each once.
std::string LaunchPlan::describeValues(const std::vector<Step> &steps,
                                       const LaunchState &state) const {
  std::string text;
  for (auto step = steps.begin(); step != steps.end(); ++step) {
    bool known = std::any_of(steps.begin(), step, [&](const Step &before) {
      return before.kind == step->kind && before.argument == step->argument &&
             before.number == step->number;
    });
    const OperandInfo &info = arguments[step->argument].info;
    if (known || (step->kind != Kind::Size && step->kind != Kind::Scalar))
      continue;
    text += text.empty() ? "" : ", ";
    if (step->kind == Kind::Size) {
      text += info.isTokens() && step->number == 2
                  ? "size " + info.axis
                  : "dimension " + std::to_string(step->number) + " of " + info.name;
      text += " is " + std::to_string(state.tensors[step->argument].sizes[step->number]);
      continue;
    }
    int64_t value = state.arguments[step->argument].value.integer;
    text += info.name + " is ";
    text += info.dtype != ElementType::I1 ? std::to_string(value) : value ? "true" : "false";
  }
  return text;
}

void LaunchPlan::checkConditions(const LaunchState &state) const {
  for (size_t i = 0; i < conditions.size(); ++i) {
    const char *problem = nullptr;
    std::optional<int64_t> value = evaluate(conditions[i], state, problem);
    if (value && *value)
      continue;
    std::string found = describeValues(conditions[i], state);
    if (problem)
      found = problem + (found.empty() ? "" : ": " + found);
    else if (found.empty())
      found = "it never holds";
    failArgument("expected '" + kernel.conditions[i].text + "', but " + found);
  }
}

} // namespace attune::device
