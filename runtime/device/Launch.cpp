// SPDX-License-Identifier: Apache-2.0
// Turns a manifest into a plan for launching, and checked arguments into parameters. The checks
// themselves are in LaunchChecks.cpp, those that are expressions in LaunchExpressions.cpp.
#include "runtime/device/Launch.h"

#include <algorithm>
#include <cstring>

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
  for (size_t i = 0; i < arguments.size(); ++i)
    arguments[i].freeStrides = freeStridesOf(i);
  for (const Condition &condition : kernel.conditions)
    conditions.push_back(toSteps(condition.expression, kernel));
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
    // Tokens that are scalars are read one by one, so only vectors need the tiles' alignment.
    bool tiled = info.isTokens() && info.shape.size() > 3;
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
  for (size_t axis = 0; axis < 3; ++axis)
    pass.grid[axis] = {inPass(std::string("the launch size along ") + "xyz"[axis], prePass),
                       toSteps(code.grid[axis], kernel), INT64_MAX};
  passes.push_back(std::move(pass));
  for (const Parameter &parameter : code.parameters) {
    size_t index = indexOf(parameter.operand);
    parameters.push_back({parameter, index});
    // A tensor map holds all strides but the innermost, in multiples of 16 bytes.
    if (parameter.kind == ParameterKind::TensorMap)
      for (int64_t *alignment :
           {&arguments[index].pointerAlignment, &arguments[index].strideAlignment})
        *alignment = std::max<int64_t>(*alignment, 16);
  }
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

void LaunchPlan::check(Device &device, const attune_argument *given, size_t count,
                       LaunchState &state) const {
  if (count != arguments.size()) {
    std::string names;
    for (const Argument &argument : arguments)
      names += (names.empty() ? "" : ", ") + argument.info.name;
    failArgument("expected " + std::to_string(arguments.size()) + " arguments (" + names +
                 "), but got " + std::to_string(count));
  }
  if (!given)
    failArgument("expected arguments, but got a null pointer");
  state.arguments = given;
  for (size_t i = 0; i < count; ++i) {
    // Copied as bytes: a caller in C can store anything in an enumeration.
    int kind;
    std::memcpy(&kind, &given[i].kind, sizeof(kind));
    if (!arguments[i].info.isTensor())
      checkScalar(arguments[i], given[i]);
    else if (kind != ATTUNE_TENSOR)
      failOperand(arguments[i], "expected a tensor, but got a number");
    else
      checkTensor(device, arguments[i], given[i].value.tensor, state.tensors[i]);
  }
  checkBatchAndHeads(state);
  checkAxes(state);
  checkConditions(state);
  for (size_t pass = 0; pass < passes.size(); ++pass)
    for (size_t axis = 0; axis < 3; ++axis)
      state.grids[pass][axis] = evaluate(passes[pass].grid[axis], state);
  sizeWorkspaces(state);
  if (device.checksFacts())
    checkFacts(device, state);
}

/// Stores a scalar argument, already checked to fit, as the parameter's type.
static void storeScalar(const attune_argument &argument, ParameterType type, std::byte *to) {
  if (type == ParameterType::F64) {
    std::memcpy(to, &argument.value.real, 8);
  } else if (type == ParameterType::F32) {
    float rounded = float(argument.value.real);
    std::memcpy(to, &rounded, 4);
  } else {
    std::memcpy(to, &argument.value.integer, size_t(byteSize(type)));
  }
}

int64_t LaunchPlan::numberOf(const BoundParameter &bound, const LaunchState &state) const {
  const Parameter &parameter = bound.parameter;
  const Tensor &tensor = state.tensors[bound.argument];
  bool isSize = parameter.kind == ParameterKind::Size;
  int64_t number = isSize ? tensor.sizes[parameter.dim] : tensor.strides[parameter.dim];
  if (parameter.type != ParameterType::I32 || number == int32_t(number))
    return number;
  std::string problem = "expected the stride of dimension " + std::to_string(parameter.dim) +
                        " to fit 32 bits, but got " + std::to_string(number);
  if (bound.argument < arguments.size())
    failOperand(arguments[bound.argument], problem);
  failArgument("workspace '" + parameter.operand + "': " + problem);
}

void LaunchPlan::marshal(Device &device, char *memory, LaunchState &state) const {
  for (size_t i = 0; i < workspaces.size(); ++i)
    state.tensors[arguments.size() + i].data =
        memory ? memory + state.workspaceOffsets[i] : nullptr;
  size_t maps = 0;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter &parameter = parameters[i].parameter;
    const Tensor &tensor = state.tensors[parameters[i].argument];
    state.pointers[i] = state.values[i];
    if (parameter.kind == ParameterKind::Pointer) {
      std::memcpy(state.values[i], &tensor.data, sizeof(tensor.data));
    } else if (parameter.kind == ParameterKind::Scalar) {
      storeScalar(state.arguments[parameters[i].argument], parameter.type, state.values[i]);
    } else if (parameter.kind == ParameterKind::TensorMap) {
      const OperandInfo &info = arguments[parameters[i].argument].info;
      state.pointers[i] = state.maps[maps];
      std::memset(state.maps[maps], 0, sizeof(state.maps[maps]));
      // There is no map of nothing; a kernel reads no tile of it either.
      if (tensor.elements > 0)
        device.encodeTensorMap({parameter, info.dtype, tensor.data, int(info.shape.size()),
                                tensor.sizes, tensor.strides, info.name},
                               state.maps[maps]);
      ++maps;
    } else {
      int64_t number = numberOf(parameters[i], state);
      std::memcpy(state.values[i], &number, size_t(byteSize(parameter.type)));
    }
  }
}

} // namespace attune::device
