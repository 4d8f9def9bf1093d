// SPDX-License-Identifier: Apache-2.0
// Turns what a manifest says of a kernel into a plan for launching it.
#include "runtime/device/Launch.h"

#include <algorithm>

namespace attune::device {

using namespace bundle;

/// "abc", and in a pre-pass "abc of pre-pass 'entry'": for messages.
static std::string inPass(const std::string &what, const std::string &prePass) {
  return prePass.empty() ? what : what + " of pre-pass '" + prePass + "'";
}

LaunchPlan::LaunchPlan(const KernelInfo &kernelInfo, const Variant &variantInfo)
    : kernel(kernelInfo), variant(variantInfo) {
  addArguments();
  for (const Workspace &workspace : variant.workspaces)
    addWorkspace(workspace);
  for (const Variant &pass : variant.before)
    addPass(pass, pass.entry);
  addPass(variant, "");
  keys = {"the keys of a row", toSteps(variant.keys, kernel), INT64_MAX};
  for (size_t i = 0; i < arguments.size(); ++i)
    arguments[i].freeStrides = freeStridesOf(i);
  for (const Condition &condition : kernel.conditions)
    conditions.push_back(toSteps(condition.expression, kernel));
  for (const Condition &condition : variant.when)
    ownConditions.push_back(toSteps(condition.expression, kernel));
  auto isMap = [](const BoundParameter &bound) {
    return bound.parameter.kind == ParameterKind::TensorMap;
  };
  size_t maps = size_t(std::count_if(parameters.begin(), parameters.end(), isMap));
  if (maps > maxTensorMaps)
    fail(ATTUNE_BAD_BUNDLE, "expected at most " + std::to_string(maxTensorMaps) +
                                " tensor maps, but got " + std::to_string(maps));
}

void LaunchPlan::addArguments() {
  int64_t tileAlignment = variant.alignment;
  for (const Variant &pass : variant.before)
    tileAlignment = std::max(tileAlignment, pass.alignment);
  auto add = [&](const OperandInfo &info, bool isResult) {
    int64_t element = byteSize(info.dtype);
    // Tokens that are scalars are read one by one, and so are vectors that are no whole number of moves: only the
    // others need the tiles' alignment.
    int64_t bytes = element;
    for (size_t dim = 3; dim < info.shape.size(); ++dim)
      bytes *= info.shape[dim];
    bool hasVectors =
        info.shape.size() > 3 && (info.isTokens() || isResult) && info.shape.back() != dynamicSize;
    bool tiled = hasVectors && bytes % tileAlignment == 0;
    int64_t alignment = tiled ? std::max(tileAlignment, element) : element;
    arguments.push_back({info, isResult, 0, alignment, alignment});
  };
  for (const OperandInfo &info : kernel.operands)
    add(info, false);
  for (const OperandInfo &info : kernel.results)
    add(info, true);
}

void LaunchPlan::addWorkspace(const Workspace &workspace) {
  BoundWorkspace bound;
  bound.name = workspace.name;
  bound.dtype = workspace.dtype;
  for (const Expression &size : workspace.shape)
    bound.shape.push_back({"dimension " + std::to_string(bound.shape.size()) + " of workspace '" +
                               workspace.name + "'",
                           toSteps(size, kernel), sizeLimit});
  workspaces.push_back(std::move(bound));
}

void LaunchPlan::addPass(const Variant &code, const std::string &prePass) {
  Pass pass;
  pass.firstParameter = parameters.size();
  pass.hasResult = prePass.empty();
  for (size_t axis = 0; axis < 3; ++axis)
    pass.grid[axis] = {inPass(std::string("the launch size along ") + "xyz"[axis], prePass),
                       toSteps(code.grid[axis], kernel), INT64_MAX};
  for (const Parameter &parameter : code.parameters) {
    size_t index = indexOf(parameter.operand);
    parameters.push_back({parameter, index});
    bool isMap = parameter.kind == ParameterKind::TensorMap;
    if (index >= arguments.size()) {
      workspaces[index - arguments.size()].isMapped |= isMap;
      continue;
    }
    Argument &argument = arguments[index];
    pass.hasResult |= argument.isResult && (isMap || parameter.kind == ParameterKind::Pointer);
    // A tensor map holds all strides but the innermost, in multiples of 16 bytes.
    if (isMap)
      for (int64_t *alignment : {&argument.pointerAlignment, &argument.strideAlignment})
        *alignment = std::max<int64_t>(*alignment, 16);
  }
  passes.push_back(std::move(pass));
}

uint32_t LaunchPlan::freeStridesOf(size_t argument) const {
  uint32_t common = ~0u, own = 0;
  bool pointed = false;
  for (size_t pass = 0; pass < passes.size(); ++pass) {
    bool last = pass + 1 == passes.size(), points = false;
    size_t end = last ? parameters.size() : passes[pass + 1].firstParameter;
    own = 0;
    for (size_t i = passes[pass].firstParameter; i < end; ++i) {
      const Parameter &parameter = parameters[i].parameter;
      if (parameters[i].argument != argument)
        continue;
      if (parameter.kind == ParameterKind::Stride)
        own |= 1u << parameter.dim;
      if (parameter.kind == ParameterKind::TensorMap)
        own |= (1u << (arguments[argument].info.shape.size() - 1)) - 1;
      points |=
          parameter.kind == ParameterKind::Pointer || parameter.kind == ParameterKind::TensorMap;
    }
    if (points)
      common &= own;
    pointed |= points;
  }
  return pointed ? common : own;
}

size_t LaunchPlan::indexOf(const std::string &operand) const {
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i].info.name == operand)
      return i;
  for (size_t i = 0; i < variant.workspaces.size(); ++i)
    if (variant.workspaces[i].name == operand)
      return arguments.size() + i;
  fail(ATTUNE_INTERNAL, "no operand '" + operand + "'");
}

} // namespace attune::device
