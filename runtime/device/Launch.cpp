// SPDX-License-Identifier: Apache-2.0
// Turns a manifest into a plan for launching, and checked arguments into parameters. The checks
// themselves are in LaunchChecks.cpp, those that are expressions in LaunchExpressions.cpp.
#include "runtime/device/Launch.h"

#include <algorithm>
#include <cstring>

namespace attune::device {

using namespace bundle;

LaunchPlan::LaunchPlan(const KernelInfo &kernelInfo, const Variant &variantInfo)
    : kernel(kernelInfo), variant(variantInfo) {
  auto addArgument = [&](const OperandInfo &info, bool isResult) {
    int64_t element = byteSize(info.dtype);
    // Tokens that are scalars are read one by one, so only vectors need the tiles' alignment.
    bool tiled = info.isTokens() && info.shape.size() > 3;
    int64_t alignment = tiled ? std::max(variant.alignment, element) : element;
    arguments.push_back({info, isResult, 0, alignment, alignment});
  };
  for (const OperandInfo &info : kernel.operands)
    addArgument(info, false);
  for (const OperandInfo &info : kernel.results)
    addArgument(info, true);

  for (const Parameter &parameter : variant.parameters) {
    size_t index = indexOf(parameter.operand);
    parameters.push_back({parameter, index});
    if (parameter.kind == ParameterKind::Stride)
      arguments[index].freeStrides |= 1u << parameter.dim;
    // A tensor map holds all strides but the innermost, in multiples of 16 bytes.
    if (parameter.kind == ParameterKind::TensorMap) {
      arguments[index].freeStrides |= (1u << (arguments[index].info.shape.size() - 1)) - 1;
      for (int64_t *alignment :
           {&arguments[index].pointerAlignment, &arguments[index].strideAlignment})
        *alignment = std::max<int64_t>(*alignment, 16);
    }
  }
  for (size_t axis = 0; axis < 3; ++axis)
    grid[axis] = {std::string("the launch size along ") + "xyz"[axis],
                  toSteps(variant.grid[axis], kernel), INT64_MAX};
  for (const Condition &condition : kernel.conditions)
    conditions.push_back(toSteps(condition.expression, kernel));
  auto isMap = [](const Parameter &parameter) {
    return parameter.kind == ParameterKind::TensorMap;
  };
  size_t maps = size_t(std::count_if(variant.parameters.begin(), variant.parameters.end(), isMap));
  if (maps > maxTensorMaps)
    fail(ATTUNE_BAD_BUNDLE, "expected at most " + std::to_string(maxTensorMaps) +
                                " tensor maps, but got " + std::to_string(maps));
}

size_t LaunchPlan::indexOf(const std::string &operand) const {
  for (size_t i = 0; i < arguments.size(); ++i)
    if (arguments[i].info.name == operand)
      return i;
  fail(ATTUNE_INTERNAL, "no operand '" + operand + "'");
}

void LaunchPlan::check(const Device &device, const attune_argument *given, size_t count,
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
  for (size_t axis = 0; axis < 3; ++axis)
    state.grid[axis] = evaluate(grid[axis], state);
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

void LaunchPlan::marshal(Device &device, LaunchState &state) const {
  size_t maps = 0;
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Parameter &parameter = parameters[i].parameter;
    const Argument &argument = arguments[parameters[i].argument];
    const Tensor &tensor = state.tensors[parameters[i].argument];
    state.pointers[i] = state.values[i];
    int64_t number = 0;
    switch (parameter.kind) {
    case ParameterKind::Pointer:
      std::memcpy(state.values[i], &tensor.data, sizeof(tensor.data));
      continue;
    case ParameterKind::Scalar:
      storeScalar(state.arguments[parameters[i].argument], parameter.type, state.values[i]);
      continue;
    case ParameterKind::TensorMap:
      state.pointers[i] = state.maps[maps];
      std::memset(state.maps[maps], 0, sizeof(state.maps[maps]));
      // There is no map of nothing; a kernel reads no tile of it either.
      if (tensor.elements > 0)
        device.encodeTensorMap({parameter, argument.info.dtype, tensor.data,
                                int(argument.info.shape.size()), tensor.sizes, tensor.strides,
                                argument.info.name},
                               state.maps[maps]);
      ++maps;
      continue;
    case ParameterKind::Size: number = tensor.sizes[parameter.dim]; break;
    case ParameterKind::Stride: number = tensor.strides[parameter.dim]; break;
    }
    if (parameter.type == ParameterType::I32 && number != int32_t(number))
      failOperand(argument, "expected the stride of dimension " + std::to_string(parameter.dim) +
                                " to fit 32 bits, but got " + std::to_string(number));
    std::memcpy(state.values[i], &number, size_t(byteSize(parameter.type)));
  }
}

} // namespace attune::device
