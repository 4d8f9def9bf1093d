// SPDX-License-Identifier: Apache-2.0
// Checks the arguments of a launch and turns them into parameters. The checks themselves are in
// LaunchChecks.cpp, those that are expressions in LaunchExpressions.cpp.
#include "runtime/device/Launch.h"

#include <cstring>

namespace attune::device {

using namespace bundle;

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
      size_t index = parameters[i].argument, count = arguments.size();
      ElementType dtype =
          index < count ? arguments[index].info.dtype : workspaces[index - count].dtype;
      state.pointers[i] = state.maps[maps];
      std::memset(state.maps[maps], 0, sizeof(state.maps[maps]));
      // There is no map of nothing; a kernel reads no tile of it either.
      if (tensor.elements > 0)
        device.encodeTensorMap({parameter, dtype, tensor.data, int(parameter.box.size()),
                                tensor.sizes, tensor.strides, parameter.operand},
                               state.maps[maps]);
      ++maps;
    } else {
      int64_t number = numberOf(parameters[i], state);
      std::memcpy(state.values[i], &number, size_t(byteSize(parameter.type)));
    }
  }
}

} // namespace attune::device
