// SPDX-License-Identifier: Apache-2.0
// Are the facts that a kernel relies on (sorted, contiguous, range) true of the integers of a launch?
#include "runtime/device/Launch.h"

#include <algorithm>
#include <cstring>
#include <unordered_set>

namespace attune::device {

using namespace bundle;

namespace {

using Run = std::vector<int64_t>;

std::string number(int64_t value) { return std::to_string(value); }

/// What is wrong with a run, or "".
std::string findFault(const OperandInfo &info, const Run &run) {
  auto at = [](size_t index) { return " at index " + number(int64_t(index)); };
  std::unordered_set<int64_t> seen;
  for (size_t i = 0; i < run.size(); ++i) {
    if (info.sorted && i > 0 && run[i] < run[i - 1])
      return "expected sorted numbers (its attribute attn.sorted), but got " + number(run[i]) +
             " after " + number(run[i - 1]) + at(i);
    if (info.contiguous && (i == 0 || run[i] != run[i - 1]) && !seen.insert(run[i]).second)
      return "expected equal numbers to be adjacent (its attribute attn.contiguous), but got " +
             number(run[i]) + " again" + at(i);
    if (info.range && (run[i] < (*info.range)[0] || run[i] > (*info.range)[1]))
      return "expected numbers from " + number((*info.range)[0]) + " to " +
             number((*info.range)[1]) + " (its attribute attn.range), but got " + number(run[i]) +
             at(i);
  }
  return "";
}

int64_t readInteger(ElementType type, const char *from) {
  int32_t word;
  int64_t integer;
  switch (byteSize(type)) {
  case 1: return type == ElementType::I1 ? *from != 0 : int8_t(*from);
  case 4: std::memcpy(&word, from, sizeof(word)); return word;
  default: std::memcpy(&integer, from, sizeof(integer)); return integer;
  }
}

/// Reads the runs of a tensor along one of its dimensions, one after the other.
class RunReader {
public:
  RunReader(Device &device, const OperandInfo &info, const Tensor &tensor)
      : device(device), info(info), tensor(tensor),
        // Of tokens the token, also where it is a vector.
        along(info.isTokens() ? 2 : std::max<size_t>(info.shape.size(), 1) - 1) {}

  /// Calls `visit` with each run.
  template <typename Visit> void forEach(Visit visit) { forEach(0, tensor.data, visit); }

private:
  Device &device;
  const OperandInfo &info;
  const Tensor &tensor;
  size_t along;

  int64_t step(size_t dim) const { return tensor.strides[dim] * byteSize(info.dtype); }

  template <typename Visit> void forEach(size_t dim, const char *from, Visit visit) {
    if (dim == along)
      return forEach(dim + 1, from, visit);
    if (dim >= info.shape.size())
      return visit(read(from));
    for (int64_t i = 0; i < tensor.sizes[dim]; ++i)
      forEach(dim + 1, from + i * step(dim), visit);
  }

  Run read(const char *from) {
    int64_t element = byteSize(info.dtype);
    bool single = info.shape.empty();
    int64_t count = single ? 1 : tensor.sizes[along], apart = single ? element : step(along);
    std::vector<char> bytes(size_t(count * element));
    if (apart == element)
      device.copyFrom(bytes.data(), from, bytes.size(), nullptr);
    else
      for (int64_t i = 0; i < count; ++i)
        device.copyFrom(&bytes[size_t(i * element)], from + i * apart, size_t(element), nullptr);
    Run run;
    for (int64_t i = 0; i < count; ++i)
      run.push_back(readInteger(info.dtype, &bytes[size_t(i * element)]));
    return run;
  }
};

} // namespace

void LaunchPlan::checkFacts(Device &device, const LaunchState &state) const {
  for (size_t i = 0; i < arguments.size(); ++i) {
    const Argument &argument = arguments[i];
    const Tensor &tensor = state.tensors[i];
    if (!argument.info.hasFacts() || tensor.elements == 0)
      continue;
    RunReader(device, argument.info, tensor).forEach([&](const Run &run) {
      std::string fault = findFault(argument.info, run);
      if (!fault.empty())
        failOperand(argument, fault);
    });
  }
}

} // namespace attune::device
